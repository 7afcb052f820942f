//! The icons of the site: of a tab, of a bookmark, and of a phone's first screen.

use axum::{
    Router,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use crate::{error::PageError, methods::get, state::AppState};

/// For tabs, drawn at any size.
pub(crate) const SVG: &str = "/favicon.svg";
/// Asked for by this name by whatever reads no page.
const ICO: &str = "/favicon.ico";
/// For a phone's first screen.
pub(crate) const TOUCH: &str = "/apple-touch-icon.png";

/// The routes.
pub(crate) fn routes() -> Router<AppState> {
    let svg = get(async || icon("image/svg+xml", include_bytes!("favicon.svg")));
    Router::new().route(SVG, svg).route(ICO, get(ico)).route(TOUCH, get(touch))
}

async fn ico(State(state): State<AppState>) -> Result<Response, PageError> {
    own(&state)?;
    Ok(icon("image/vnd.microsoft.icon", include_bytes!("favicon.ico")))
}

async fn touch(State(state): State<AppState>) -> Result<Response, PageError> {
    own(&state)?;
    Ok(icon("image/png", include_bytes!("touch-icon.png")))
}

/// A service with a name of its own has no icon of Signet's.
fn own(state: &AppState) -> Result<(), PageError> {
    if state.brand.name().is_none() { Ok(()) } else { Err(PageError::NotFound) }
}

fn icon(kind: &'static str, bytes: &'static [u8]) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=86400")], bytes).into_response()
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;
    use crate::testing::Visitor;

    #[tokio::test]
    async fn each_icon_is_there_as_what_it_says() {
        let stranger = Visitor::stranger().await;
        for (path, kind) in [(SVG, "image/svg+xml"), (ICO, "image/vnd.microsoft.icon"), (TOUCH, "image/png")] {
            let answer = stranger.get(path).await;
            assert_eq!((answer.status, answer.header(header::CONTENT_TYPE)), (StatusCode::OK, kind), "{path}");
        }
        assert!(include_bytes!("favicon.ico").starts_with(&[0, 0, 1, 0]), "an icon, and not a picture by its name");
        assert!(include_bytes!("touch-icon.png").starts_with(b"\x89PNG"));
    }
}
