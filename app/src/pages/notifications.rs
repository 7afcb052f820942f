//! Settings > Notifications: which notices of the account at hand a person gets by e-mail.

use axum::{Router, response::Response};
use leptos::prelude::*;

use crate::{
    components::Breadcrumbs,
    error::PageResult,
    form::{Field, Form},
    frame::PersonMember,
    methods::{AndPost, get},
    redirect::done,
    state::AppState,
};

pub(crate) const PATH: &str = "/settings/notifications";

pub(crate) const NOTICES: Field = Field { optional: true, ..Field::text("notices", text::NOTICES) };

/// The value of the box that is ticked.
const YES: &str = "yes";

pub(crate) mod text {
    pub(crate) const TITLE: &str = "Notifications";
    pub(super) const LEAD: &str = "What you hear of this account while you are not here. Others choose for themselves.";
    pub(super) const BY_MAIL: &str = "By e-mail";
    pub(super) const NOTICES: &str = "Webhooks that fail";
    pub(super) const ABOUT: &str = "You are told before the last attempt at a delivery whose failure would disable a webhook, once until it works \
         again; and when a webhook was disabled. Each mail says why, and has a link with which you test again.";
    pub(super) const NO_MAIL: &str = "This server sends no mail. The page of a webhook says the same in any case.";
    pub(super) const SAVE: &str = "Save";
    pub(super) const ON: &str = "You get notices about webhooks that fail.";
    pub(super) const OFF: &str = "You get no notices.";

    pub(super) fn to(email: &str) -> String {
        format!("Mail goes to {email}.")
    }
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/", get(show).and_post(save))
}

async fn show(member: PersonMember) -> PageResult {
    let gets = member.account().members().gets_notices(member.person()).await?;
    Ok(page(&member, gets))
}

async fn save(member: PersonMember, form: Form) -> PageResult {
    let gets = form.get(&NOTICES) == YES;
    member.account().members().choose_notices(member.person(), gets).await?;
    Ok(done(if gets { text::ON } else { text::OFF }, PATH))
}

fn page(member: &PersonMember, gets: bool) -> Response {
    let frame = &member.frame;
    let email = frame.session.as_ref().and_then(|session| session.email()).unwrap_or_default();
    let about = if frame.state.mailer.is_some() { text::to(email) } else { text::NO_MAIL.to_owned() };
    frame.render(text::TITLE, || {
        view! {
            <Breadcrumbs here=text::TITLE />
            <header class="page-head">
                <div>
                    <h1>{text::TITLE}</h1>
                    <p class="lead">{text::LEAD}</p>
                </div>
            </header>
            <section class="card">
                <h2>{text::BY_MAIL}</h2>
                <p class="hint">{about}</p>
                <form method="post" action=PATH class="form">
                    <div class="choice">
                        <input
                            type="checkbox"
                            id=NOTICES.name
                            name=NOTICES.name
                            value=YES
                            checked=gets
                            aria-describedby="notices-about"
                        />
                        <div>
                            <label for=NOTICES.name>{text::NOTICES}</label>
                            <p class="muted" id="notices-about">{text::ABOUT}</p>
                        </div>
                    </div>
                    <div class="form-actions">
                        <button class="button primary" type="submit">{text::SAVE}</button>
                    </div>
                </form>
            </section>
        }
    })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use signet_model::Role;

    use super::*;
    use crate::testing::Visitor;

    fn is_ticked(html: &str) -> bool {
        html.contains("value=\"yes\" checked")
    }

    #[tokio::test]
    async fn a_person_chooses_whether_notices_come_by_mail() {
        let owner = Visitor::owner().await;
        let page = owner.get(PATH).await;
        insta::assert_snapshot!("notifications", page.content());
        assert!(is_ticked(&page.html), "owners get them unless they choose otherwise");
        let answer = owner.post(PATH, "").await;
        assert_eq!(
            (answer.status, answer.location(), answer.flash()),
            (StatusCode::SEE_OTHER, PATH, text::OFF.to_owned())
        );
        assert!(!is_ticked(&owner.get(PATH).await.html));
        assert_eq!(owner.post(PATH, "notices=yes").await.flash(), text::ON);
        assert!(is_ticked(&owner.get(PATH).await.html));
    }

    #[tokio::test]
    async fn who_changes_no_webhooks_gets_none_unless_they_choose_to() {
        let mut visitor = Visitor::owner().await;
        visitor.with_role(Role::Viewer).await;
        assert!(!is_ticked(&visitor.get(PATH).await.html));
        visitor.post(PATH, "notices=yes").await;
        assert!(is_ticked(&visitor.get(PATH).await.html));
    }
}
