//! Checks a signature in the browser: what is entered goes nowhere.

use leptos::{ev::Event, prelude::*};
use signet_model::signature::diagnosis::{
    BodyChange, Diagnosis, Encoding, Evidence, Explanation, MAX_BODY, MAX_HEADERS, MAX_SECRETS, Recipe, Time, Verdict,
    diagnose,
};

mod text {
    pub(super) const BODY: &str = "Body";
    pub(super) const BODY_HINT: &str = "Exactly as it arrived, before anything parsed it.";
    pub(super) const HEADERS: &str = "Headers";
    pub(super) const HEADERS_HINT: &str = "One a line. Others may stand among them.";
    pub(super) const SECRETS: &str = "Signing secrets";
    pub(super) const SECRETS_HINT: &str = "One a line: the present one, and others that it could be.";
    pub(super) const CHECK: &str = "Check";
    pub(super) const RESULT: &str = "Result";
}

/// A sentence of the result; `true` if all is well.
type Line = (bool, String);

/// The form and its result. Without JavaScript it does not appear.
#[island]
pub fn SignatureChecker() -> impl IntoView {
    let alive = RwSignal::new(false);
    Effect::new(move |_| alive.set(true));
    let [body, headers, secrets] = [(); 3].map(|()| RwSignal::new(String::new()));
    let result = RwSignal::new(Vec::<Line>::new());
    let check = move |_| {
        let (body, headers, secrets) = (body.get_untracked(), headers.get_untracked(), secrets.get_untracked());
        result.set(checked(&body, &headers, &secrets, now()));
    };
    view! {
        <div class="form" hidden=move || !alive.get()>
            {area("checker-body", text::BODY, text::BODY_HINT, MAX_BODY, body)}
            {area("checker-headers", text::HEADERS, text::HEADERS_HINT, MAX_HEADERS, headers)}
            {area("checker-secrets", text::SECRETS, text::SECRETS_HINT, 80 * MAX_SECRETS, secrets)}
            <div class="form-actions">
                <button class="button primary" type="button" on:click=check>
                    {text::CHECK}
                </button>
            </div>
            <output class="checked" aria-live="polite" aria-label=text::RESULT>
                {move || {
                    result
                        .get()
                        .into_iter()
                        .map(|(good, line)| {
                            view! { <p class=good.then_some("good")>{line}</p> }
                        })
                        .collect_view()
                }}
            </output>
        </div>
    }
}

/// A field of several lines.
fn area(id: &'static str, label: &'static str, hint: &'static str, most: usize, text: RwSignal<String>) -> AnyView {
    let entered = move |event: Event| text.set(event_target_value(&event));
    let hint_id = format!("{id}-hint");
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <p class="hint" id=hint_id.clone()>
                {hint}
            </p>
            <textarea
                class="input mono"
                id=id
                rows="5"
                maxlength=most
                spellcheck="false"
                autocomplete="off"
                aria-describedby=hint_id
                on:input=entered
            ></textarea>
        </div>
    }
    .into_any()
}

/// The present, in Unix seconds.
#[cfg(feature = "hydrate")]
#[expect(clippy::cast_possible_truncation, reason = "milliseconds of this age of the world")]
fn now() -> i64 {
    (js_sys::Date::now() / 1_000.0) as i64
}

#[cfg(not(feature = "hydrate"))]
const fn now() -> i64 {
    0
}

/// The result in sentences.
fn checked(body: &str, headers: &str, secrets: &str, now: i64) -> Vec<Line> {
    let found = match diagnose(&Evidence { body, headers, secrets, now }) {
        Ok(found) => found,
        Err(error) => return vec![(false, format!("Nothing was checked: {error}."))],
    };
    let mut lines: Vec<Line> = Vec::new();
    for place in &found.malformed_secrets {
        let number = place + 1;
        lines.push((false, format!("Secret {number} is not complete: whsec_ and 44 characters of base64.")));
    }
    lines.extend(verdict("X-Webhook-Signature", found.hex));
    lines.extend(verdict("webhook-signature", found.standard));
    if (found.hex, found.standard) == (Verdict::Missing, Verdict::Missing) {
        lines.push((false, "There is no signature among the headers.".to_owned()));
    }
    lines.extend(time(&found));
    lines
}

fn verdict(name: &str, verdict: Verdict) -> Vec<Line> {
    let line = match verdict {
        Verdict::Missing => return Vec::new(),
        Verdict::Incomplete => "needs webhook-id and webhook-timestamp, and one of them is missing.",
        Verdict::Malformed => "is no signature: it is cut, or in another form.",
        Verdict::Unexplained => {
            "does not verify, and no usual mistake explains it. It is signed with another secret, or the body was \
             changed in its values."
        }
        Verdict::Explained(how) => return explained(name, how),
    };
    vec![(false, format!("{name} {line}"))]
}

fn explained(name: &str, how: Explanation) -> Vec<Line> {
    let mut lines = Vec::new();
    if how.is_genuine() && how.secret == 0 {
        return vec![(true, format!("{name} verifies."))];
    }
    if how.secret > 0 {
        let number = how.secret + 1;
        lines.push((
            false,
            format!("{name} is made with secret {number}: the receiver has to know that one. It may be the previous or the next one of a rotation."),
        ));
    }
    let mistakes = [body_change(how.body), recipe(how.recipe), encoding(how.encoding)];
    lines.extend(mistakes.into_iter().flatten().map(|mistake| (false, format!("{name}: {mistake}"))));
    lines
}

const fn body_change(change: BodyChange) -> Option<&'static str> {
    Some(match change {
        BodyChange::None => return None,
        BodyChange::WithoutMark => {
            "the body begins with a byte-order mark that was not sent. It would verify without it."
        }
        BodyChange::WithoutNewline => {
            "the body has a newline at its end that was not sent. It would verify without it."
        }
        BodyChange::WithNewline => "the newline at the end of the body is lost. It would verify with it.",
        BodyChange::Trimmed => "the body has white space around it that was not sent. It would verify without it.",
        BodyChange::WithCrlf => "the ends of the lines were changed. Verify the bytes as they arrive.",
        BodyChange::Unwrapped => "the body has a prefix or a suffix that was not sent. It would verify without it.",
        BodyChange::Reprinted => {
            "the JSON was parsed and printed again, which changed its white space, escapes or numbers. Verify the raw \
             bytes, before anything parses them."
        }
        BodyChange::Reordered => {
            "the JSON was parsed and printed again with its members in another order. Verify the raw bytes, before \
             anything parses them."
        }
    })
}

const fn recipe(recipe: Recipe) -> Option<&'static str> {
    Some(match recipe {
        Recipe::Contract => return None,
        Recipe::KeyIsText => {
            "it is keyed with the text of the secret. Its key is the bytes that the base64 after whsec_ stands for."
        }
        Recipe::KeyWithoutPrefix => "it is keyed with the secret without whsec_, as text.",
        Recipe::KeyIsDecoded => {
            "it is keyed with the decoded bytes. Its key is the whole text of the secret, whsec_ included."
        }
        Recipe::OverBody => {
            "it covers the body alone. It has to cover the id, the time and the body, with dots between."
        }
        Recipe::OverAll => "it covers the id, the time and the body. It has to cover the body alone.",
    })
}

const fn encoding(encoding: Encoding) -> Option<&'static str> {
    Some(match encoding {
        Encoding::Contract => return None,
        Encoding::Base64 => "it is in base64, and has to be in hex.",
        Encoding::Hex => "it is in hex, and has to be in base64.",
        Encoding::UpperCase => "it is in capital letters, and has to be in small ones.",
        Encoding::Prefixed => "it has a prefix that does not belong there.",
        Encoding::WithoutVersion => "its version, v1 and a comma, is missing.",
    })
}

fn time(found: &Diagnosis) -> Option<Line> {
    let line = match found.time {
        Time::Fine => return None,
        Time::Missing if found.standard == Verdict::Missing => return None,
        Time::Missing => return Some((false, "webhook-timestamp is missing.".to_owned())),
        Time::Malformed => return Some((false, "webhook-timestamp is not a number of seconds since 1970.".to_owned())),
        Time::Old(seconds) => format!(
            "webhook-timestamp is {} old. Receivers take five minutes: an older one is refused, unless a clock is wrong.",
            age(seconds)
        ),
        Time::Ahead(seconds) => {
            format!(
                "webhook-timestamp is {} ahead of the clock of this device: one of the clocks is wrong.",
                age(seconds)
            )
        }
    };
    Some((false, line))
}

fn age(seconds: i64) -> String {
    match seconds {
        0..120 => format!("{seconds} seconds"),
        120..7_200 => format!("{} minutes", seconds / 60),
        7_200..172_800 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const BODY: &str = r#"{"event":"balance.low","balance":45.5,"threshold":50,"timestamp":"2026-03-28T12:00:00Z"}"#;
    const HEX: &str = "aa4fc73511e6bf2f4dbdc2827e5ad77b96599d2e9dc0a6f55609d9ca7c1b5504";

    fn said(body: &str, signature: &str, secrets: &str) -> String {
        let lines = checked(body, &format!("X-Webhook-Signature: {signature}"), secrets, 0);
        lines.into_iter().map(|(_, line)| line).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_result_is_in_sentences() {
        assert_eq!(said(BODY, HEX, SECRET), "X-Webhook-Signature verifies.");
        assert!(said(&format!("{BODY}\n"), HEX, SECRET).contains("newline"));
        assert!(said(&BODY.replace(',', ", "), HEX, SECRET).contains("parsed and printed again"));
        let other = SECRET.replace("AAEC", "AAED");
        assert!(said(BODY, HEX, &other).contains("another secret"));
        assert!(said(BODY, HEX, &format!("{other}\n{SECRET}")).contains("secret 2"));
        assert!(said(BODY, &HEX[1..], SECRET).contains("cut"));
        assert!(said(BODY, HEX, &SECRET[..20]).contains("Secret 1 is not complete"));
        assert_eq!(said(BODY, HEX, " "), "Nothing was checked: there is no secret.");
        assert!(said(BODY, "", SECRET).contains("no signature"));
    }
}
