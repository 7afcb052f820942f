//! Sentences with an element inside, so that a screen's text stays in one piece.

use leptos::prelude::*;

use crate::html::IntoHtml;

/// A sentence in which the words between backticks are code.
pub(crate) fn with_code(sentence: &'static str) -> impl IntoView + use<> {
    let parts = sentence.split('`').enumerate();
    parts
        .map(|(place, part)| match place % 2 {
            1 => view! { <code>{part}</code> }.html(),
            _ => part.html(),
        })
        .collect_view()
}

/// A sentence with an element in the place of its `{}`.
pub(crate) fn with_element(sentence: &'static str, element: impl IntoView) -> impl IntoView {
    let (before, after) = sentence.split_once("{}").unwrap_or((sentence, ""));
    (before, element, after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_stands_in_its_place_in_the_sentence() {
        let html = with_element("Open {} first.", view! { <a href="/">"it"</a> }).to_html();
        assert_eq!(html.replace("<!>", ""), r#"Open <a href="/">it</a> first."#);
        let html = with_code("Run `signet check`.").to_html();
        assert_eq!(html.replace("<!>", ""), "Run <code>signet check</code>.");
    }
}
