//! Parts of a page that are rendered already.

use leptos::{prelude::*, tachys::html::InertElement};

/// A part of a page as text. Its type says nothing of the elements in it, so that the compiler
/// meets small types, and only the one way of rendering that the server uses: `AnyView` would have
/// all of them compiled for each part, those of the browser too.
pub(crate) type Html = InertElement;

/// Renders a part of a page by itself.
pub(crate) trait IntoHtml {
    /// Renders it at once.
    fn html(self) -> Html;
}

impl<V: IntoView> IntoHtml for V {
    fn html(self) -> Html {
        InertElement::new(self.to_html())
    }
}
