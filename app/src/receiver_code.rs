//! Code with which a receiver verifies deliveries, in the languages that people use.
//!
//! It verifies `webhook-signature`, which covers id, time and body, and so refuses old requests
//! that are sent again; a rotation does not break it (decision 0063). `end2end/receivers` runs it.

use leptos::prelude::*;

use crate::html::IntoHtml;

/// The place of the secret in a template.
const SECRET: &str = "{{secret}}";

/// Stands where the reader fills the secret in.
const PLACEHOLDER: &str = "whsec_…";

mod text {
    pub(super) const LABEL: &str = "Verification code";
    pub(super) const ADVICE: &str =
        "Give it the raw body, before anything parses it. Keep the secret out of your repository.";
}

/// One language.
struct Language {
    name: &'static str,
    template: &'static str,
}

/// In the order of the tabs.
const LANGUAGES: [Language; 8] = [
    Language { name: "Node.js", template: include_str!("receiver_code/receiver.mjs") },
    Language { name: "Python", template: include_str!("receiver_code/receiver.py") },
    Language { name: "Go", template: include_str!("receiver_code/receiver.go") },
    Language { name: "Rust", template: include_str!("receiver_code/receiver.rs") },
    Language { name: "PHP", template: include_str!("receiver_code/receiver.php") },
    Language { name: "Ruby", template: include_str!("receiver_code/receiver.rb") },
    Language { name: "Java", template: include_str!("receiver_code/Receiver.java") },
    Language { name: "C#", template: include_str!("receiver_code/Receiver.cs") },
];

impl Language {
    fn with_secret(&self, secret: &str) -> String {
        self.template.replace(SECRET, secret)
    }
}

/// Tabs with the code in each language. They are folds of which one is open at a time, so that they need
/// no script and add nothing to a form around them.
#[component]
pub(crate) fn ReceiverCode(
    /// The signing secret to fill in; without it a placeholder stands there.
    #[prop(optional_no_strip)]
    secret: Option<String>,
) -> impl IntoView {
    let secret = secret.unwrap_or_else(|| PLACEHOLDER.to_owned());
    let languages = LANGUAGES.iter().enumerate().map(|(place, language)| {
        view! {
            <details name="receiver-code" open=place == 0>
                <summary>{language.name}</summary>
                <pre class="code" tabindex="0">{language.with_secret(&secret)}</pre>
            </details>
        }
    });
    view! {
        <div class="receiver-code" role="group" aria-label=text::LABEL>{languages.collect_view()}</div>
        <p class="hint">{text::ADVICE}</p>
    }
    .html()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_has_the_secret_in_one_place_and_the_whole_contract() {
        for language in &LANGUAGES {
            let code = language.with_secret("whsec_AAECAw==");
            assert_eq!(code.matches("whsec_AAECAw==").count(), 1, "{}", language.name);
            assert!(!code.contains("{{"), "{}", language.name);
            assert!(code.contains("300") && code.contains("v1,"), "{}", language.name);
        }
    }

    #[test]
    fn the_first_language_is_open_and_a_missing_secret_is_a_placeholder() {
        let html = view! { <ReceiverCode /> }.to_html();
        assert_eq!(html.matches("<details").count(), LANGUAGES.len());
        assert_eq!(html.matches(" open").count(), 1);
        assert_eq!(html.matches(PLACEHOLDER).count(), LANGUAGES.len());
    }
}
