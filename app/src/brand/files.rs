//! The files of the brand. Their names change with their content, so that browsers may keep
//! them for ever.

use std::{fmt::Write, sync::Arc};

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

use super::{Brand, Logo, accent, color::Color};
use crate::{error::PageError, methods::get, state::AppState};

/// The folder of their paths.
const FOLDER: &str = "/brand";

const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// An image is opened as a page of its own, too: nothing in it may run, and nothing be loaded.
const SANDBOX: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// The style sheet with the colours of an accent.
#[derive(Debug, Clone)]
pub(super) struct StyleSheet {
    name: Arc<str>,
    text: Arc<str>,
}

impl StyleSheet {
    /// That of an accent.
    pub(super) fn of(accent: Color) -> Self {
        let text = accent::style_sheet(accent);
        Self { name: format!("brand.{}.css", content_hash(text.as_bytes())).into(), text: text.into() }
    }

    /// Its path.
    pub(super) fn path(&self) -> String {
        path(&self.name)
    }
}

/// The path of a file.
pub(super) fn path(name: &str) -> String {
    format!("{FOLDER}/{name}")
}

/// A part of the SHA-256 of a content.
pub(super) fn content_hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The routes.
pub(crate) fn routes() -> Router<AppState> {
    Router::new().route(&format!("{FOLDER}/{{name}}"), get(serve))
}

async fn serve(State(state): State<AppState>, Path(name): Path<String>) -> Result<Response, PageError> {
    file(&state.brand, &name).ok_or(PageError::NotFound)
}

fn file(brand: &Brand, asked: &str) -> Option<Response> {
    let cached = [(header::CACHE_CONTROL, FOR_EVER)];
    if let Some(StyleSheet { text, .. }) = brand.style.as_ref().filter(|style| *style.name == *asked) {
        return Some((cached, [(header::CONTENT_TYPE, "text/css; charset=utf-8")], text.to_string()).into_response());
    }
    match &brand.logo {
        Some(Logo::File(file)) if *file.name == *asked => {
            let safe: [(HeaderName, HeaderValue); 2] = [
                (header::CONTENT_TYPE, HeaderValue::from_static(file.kind.media_type())),
                (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX)),
            ];
            Some((cached, safe, file.bytes.to_vec()).into_response())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use signet_model::portal::Theme;

    use super::*;

    fn header(response: &Response, name: HeaderName) -> &str {
        response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    #[test]
    fn an_image_is_served_so_that_nothing_in_it_runs() {
        let logo =
            Logo::from_file(b"<svg onload=\"alert(1)\"><script>alert(1)</script></svg>".to_vec()).expect("a logo");
        let brand = Brand::new(None, Some(logo), Some("#aa0000".parse().expect("a colour")), Theme::Auto);
        let Some(Logo::File(logo)) = brand.logo() else { panic!("a file") };
        let response = file(&brand, &logo.name).expect("the logo");
        assert_eq!(header(&response, header::CONTENT_TYPE), "image/svg+xml");
        let policy = header(&response, header::CONTENT_SECURITY_POLICY);
        assert!(policy.contains("default-src 'none'") && policy.ends_with("; sandbox"), "{policy}");
        assert_eq!(header(&response, header::CACHE_CONTROL), FOR_EVER);
        let style =
            file(&brand, brand.style_path().expect("a path").trim_start_matches("/brand/")).expect("a style sheet");
        assert_eq!(header(&style, header::CONTENT_TYPE), "text/css; charset=utf-8");
        for name in ["", "logo.svg", "../favicon.svg", "..%2ffavicon.svg", "brand.css"] {
            assert!(file(&brand, name).is_none(), "{name}");
        }
    }

    #[test]
    fn another_content_has_another_name() {
        let path = |accent: &str| StyleSheet::of(accent.parse().expect("a colour")).path();
        assert_ne!(path("#aa0000"), path("#aa0001"));
        assert_eq!(path("#aa0000"), path("#AA0000"));
    }
}
