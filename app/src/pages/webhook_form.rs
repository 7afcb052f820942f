//! Add or edit a webhook.

use axum::response::Response;
use leptos::prelude::*;
use signet_engine::store::endpoints::{Endpoint, EndpointDraft};
use signet_model::{
    EndpointId, Subscriptions, endpoint::EndpointUrl, event::EventType, signature::Secret, text::Description,
};

use crate::{
    components::{Breadcrumbs, ErrorSummary, EventTypesField, Icon, TextField},
    error::PageError,
    form::{Errors, Fields},
    frame::{Frame, Ids, Member},
    islands::CopyButton,
    pages::webhook::secret_card,
    present::endpoint_path,
    redirect::HOME,
};

/// What is typed into the form.
#[derive(Clone)]
pub(crate) struct Entry {
    url: String,
    description: String,
    event_types: Vec<EventType>,
}

impl Entry {
    /// A form that nobody has touched.
    fn blank() -> Self {
        let event_types = vec![EventType::TaskCompleted, EventType::TaskFailed];
        Self { url: String::new(), description: String::new(), event_types }
    }

    /// What a form sent. Event types that do not exist are left out.
    pub(crate) fn read(fields: &Fields) -> Self {
        Self {
            url: fields.get("url").to_owned(),
            description: fields.get("description").to_owned(),
            event_types: fields.all("event").filter_map(|name| name.parse().ok()).collect(),
        }
    }

    /// The draft, or everything that is wrong at once.
    pub(crate) fn draft(&self) -> Result<EndpointDraft, Errors> {
        let mut errors = Errors::default();
        let url = self.url.parse::<EndpointUrl>().map_err(|error| errors.add("url", error)).ok();
        let description =
            self.description.parse::<Description>().map_err(|error| errors.add("description", error)).ok();
        let events =
            Subscriptions::new(self.event_types.iter().copied()).map_err(|error| errors.add("event", error)).ok();
        match (url, description, events) {
            (Some(url), Some(description), Some(event_types)) => Ok(EndpointDraft { url, description, event_types }),
            _ => Err(errors),
        }
    }
}

impl From<&Endpoint> for Entry {
    fn from(endpoint: &Endpoint) -> Self {
        Self {
            url: endpoint.url.clone(),
            description: endpoint.description.clone(),
            event_types: endpoint.event_types.iter().collect(),
        }
    }
}

/// Which webhook the form is about.
#[derive(Clone)]
pub(crate) enum About {
    /// One that does not exist yet, and will sign with this secret.
    New(Secret),
    /// One that exists, with the host of its saved URL.
    Existing(EndpointId, String),
}

/// An empty form.
pub(crate) async fn get_new(member: Member) -> Response {
    let secret = member.engine().new_secret();
    page(&member.frame, &About::New(secret), &Entry::blank(), &Errors::default())
}

/// The form with what is saved.
pub(crate) async fn get_edit(member: Member, Ids(id): Ids<EndpointId>) -> Result<Response, PageError> {
    let endpoint = member.engine().endpoint(member.account, id).await?.ok_or(PageError::NotFound)?;
    let about = About::Existing(id, endpoint.host());
    Ok(page(&member.frame, &about, &Entry::from(&endpoint), &Errors::default()))
}

/// The form, with what was entered and what is wrong with it.
pub(crate) fn page(frame: &Frame, about: &About, entry: &Entry, errors: &Errors) -> Response {
    let mut above = vec![(HOME.to_owned(), "Webhooks".to_owned())];
    let (title, action, back) = match about {
        About::New(_) => ("Add webhook", format!("{HOME}/new"), HOME.to_owned()),
        About::Existing(id, host) => {
            let path = endpoint_path(*id);
            above.push((path.clone(), host.clone()));
            ("Edit webhook", format!("{path}/edit"), path)
        }
    };
    let here = if matches!(about, About::New(_)) { "Add" } else { "Edit" };
    frame.render(title, || {
        view! {
            <Breadcrumbs above=above here=here />
            <header class="page-head">
                <h1>{title}</h1>
            </header>
            <ErrorSummary errors=errors.clone() />
            <form method="post" action=action class="form card" novalidate>
                <TextField
                    name="url"
                    label="URL"
                    kind="url"
                    value=entry.url.clone()
                    errors=errors.clone()
                    hint="Where events are sent with POST. It must start with https:// and be reachable from the internet."
                    placeholder="https://example.com/webhooks"
                    inputmode="url"
                    mono=true
                    autofocus=matches!(about, About::New(_))
                />
                <TextField
                    name="description"
                    label="Description"
                    value=entry.description.clone()
                    errors=errors.clone()
                    hint="What this webhook is for, so that others recognise it."
                    optional=true
                />
                <EventTypesField
                    legend="Events"
                    hint="Choose what this webhook is told about."
                    chosen=entry.event_types.clone()
                    errors=errors.clone()
                    samples_at=frame.now
                />
                {match about {
                    About::New(secret) => Some(new_secret(secret)),
                    About::Existing(..) => None,
                }}
                <footer class="form-actions">
                    <button class="button primary" type="submit">
                        "Save webhook"
                    </button>
                    <a class="button quiet" href=back>
                        "Cancel"
                    </a>
                </footer>
            </form>
            {match about {
                About::New(_) => None,
                About::Existing(id, _) => Some(secret_card(*id, None)),
            }}
        }
    })
}

fn new_secret(secret: &Secret) -> impl IntoView + use<> {
    view! {
        <section class="field">
            <h2 class="label">"Signing secret"</h2>
            <p class="hint">
                "Give this to your receiver now, so that it can verify the first event. You can see it again later."
            </p>
            <input type="hidden" name="secret" value=secret.reveal().to_owned() />
            <div class="secret">
                <details class="secret-reveal">
                    <summary>
                        <span class="secret-masked mono">{secret.masked()}</span>
                        <span class="button">
                            <Icon name="eye" />
                            <span class="when-closed">"Reveal"</span>
                            <span class="when-open">"Hide"</span>
                        </span>
                    </summary>
                    <code class="secret-text mono">{secret.reveal().to_owned()}</code>
                </details>
                <CopyButton text=secret.reveal().to_owned() />
            </div>
            {verification_hint()}
        </section>
    }
}

/// How a receiver checks a signature, in short.
pub(crate) fn verification_hint() -> impl IntoView {
    view! {
        <p class="hint">
            "Every request carries " <code>"X-Webhook-Signature"</code>
            ": the HMAC-SHA256 of the raw body, keyed with this whole secret, in lower-case hex. "
            "Receivers that follow Standard Webhooks can check " <code>"webhook-signature"</code>
            " with the same secret instead."
        </p>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(url: &str, event_types: &[EventType]) -> Entry {
        Entry { url: url.to_owned(), description: String::new(), event_types: event_types.to_vec() }
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let mut wrong = entry("http://example.com", &[]);
        wrong.description = "a\0b".to_owned();
        let errors = wrong.draft().expect_err("three errors");
        assert!(errors.get("url").is_some_and(|text| text.contains("https://")));
        assert_eq!(errors.get("event").as_deref(), Some("Choose at least one event."));
        assert!(errors.get("description").is_some_and(|text| text.contains("U+0000")));
        assert!(errors.is_first("url"));
    }

    #[test]
    fn a_complete_form_is_a_draft() {
        let draft = entry("https://example.com/a", &[EventType::BalanceLow]).draft().expect("a draft");
        assert_eq!(draft.url.as_str(), "https://example.com/a");
        assert!(draft.event_types.contains(EventType::BalanceLow));
    }
}
