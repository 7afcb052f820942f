//! The documentation, embedded: pages that `cargo xtask` has made of `docs`. They need no
//! session, and are the same for everybody.

use std::io::Read;

use axum::{
    Router,
    body::Body,
    extract::Path,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use signet_app::{Compressible, DOCUMENTATION};

use crate::assets::{FOR_EVER, accepted, content_type, is_known};

/// One file.
struct Page {
    /// The path below the book.
    path: &'static str,
    /// Changes with the content.
    etag: &'static str,
    /// The content, compressed.
    brotli: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/book.rs"));

/// The page for an address without one.
const MISSING: &str = "404.html";
const INDEX: &str = "index.html";

/// Pages are asked for again each time, and not sent twice: a later version of the server has others.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("public, no-cache");

const POLICY: (HeaderName, HeaderValue) = (
    header::CONTENT_SECURITY_POLICY,
    HeaderValue::from_static(
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
    ),
);

/// Serves the book.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route(DOCUMENTATION.trim_end_matches('/'), get(async || Redirect::permanent(DOCUMENTATION)))
        .route(DOCUMENTATION, get(async |headers: HeaderMap| serve(INDEX, &headers)))
        .route(
            &format!("{DOCUMENTATION}{{*name}}"),
            get(async |Path(name): Path<String>, headers: HeaderMap| serve(&name, &headers)),
        )
}

fn serve(path: &str, request: &HeaderMap) -> Response {
    let named = |path: &str| PAGES.iter().find(|page| page.path == path);
    if let Some(page) = named(path) {
        return answer(page, StatusCode::OK, request);
    }
    match named(MISSING) {
        Some(page) => answer(page, StatusCode::NOT_FOUND, request),
        None => (StatusCode::NOT_FOUND, "This binary was built without its documentation.\n").into_response(),
    }
}

/// Tells if it is the style sheet.
fn is_style(page: &Page) -> bool {
    page.path.rsplit('.').next() == Some("css")
}

/// The page, compressed as it is stored if the browser takes that, and else left to the layer
/// that compresses pages.
fn answer(page: &Page, status: StatusCode, request: &HeaderMap) -> Response {
    let is_style = is_style(page);
    // One tag for all encodings of a page: it is compared weakly.
    let etag = format!("\"{}\"", page.etag);
    let mut response = if status == StatusCode::OK && is_known(request, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else if accepted(request).iter().any(|it| it == "br") {
        let encoding = (header::CONTENT_ENCODING, HeaderValue::from_static("br"));
        (status, [encoding, (header::VARY, HeaderValue::from_static("accept-encoding"))], page.brotli).into_response()
    } else {
        let mut response = (status, Body::from(decompressed(page.brotli))).into_response();
        response.extensions_mut().insert(Compressible);
        response
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type(page.path));
    headers.insert(header::CACHE_CONTROL, if is_style { FOR_EVER } else { ASK_AGAIN });
    headers.insert(POLICY.0, POLICY.1);
    if let Ok(etag) = HeaderValue::try_from(format!("W/{etag}")) {
        headers.insert(header::ETAG, etag);
    }
    response
}

/// What was compressed at the build: reading it cannot fail.
fn decompressed(brotli: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(brotli.len() * 4);
    if brotli::Decompressor::new(brotli, 4096).read_to_end(&mut content).is_err() {
        content.clear();
    }
    content
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn get(path: &str, name: HeaderName, value: &str) -> Response {
        let request = Request::get(path).header(name, value).body(Body::empty()).expect("a request");
        router().oneshot(request).await.expect("an answer")
    }

    async fn text(response: Response) -> Vec<u8> {
        response.into_body().collect().await.expect("a body").to_bytes().to_vec()
    }

    #[tokio::test]
    async fn a_page_is_the_same_in_each_encoding_and_not_sent_twice() {
        for page in PAGES {
            let path = format!("{DOCUMENTATION}{}", page.path);
            let plain = get(&path, header::ACCEPT_ENCODING, "identity").await;
            assert_eq!(plain.status(), StatusCode::OK, "{path}");
            assert!(plain.extensions().get::<Compressible>().is_some());
            let tag = plain.headers()[header::ETAG].to_str().expect("a tag").to_owned();
            let again = get(&path, header::IF_NONE_MATCH, &tag).await;
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path}");
            assert!(text(again).await.is_empty());
            let brotli = get(&path, header::ACCEPT_ENCODING, "gzip, br").await;
            assert_eq!(brotli.headers()[header::CONTENT_ENCODING], "br");
            assert_eq!(brotli.headers()[header::VARY], "accept-encoding");
            let plain = text(plain).await;
            assert!(decompressed(&text(brotli).await) == plain && plain.len() > 200, "{path}");
        }
    }

    #[tokio::test]
    async fn a_page_runs_nothing_and_a_style_sheet_is_kept_for_ever() {
        for page in PAGES {
            let answer = get(&format!("{DOCUMENTATION}{}", page.path), header::ACCEPT_ENCODING, "br").await;
            let headers = answer.headers();
            assert!(
                headers[header::CONTENT_SECURITY_POLICY].to_str().is_ok_and(|it| it.starts_with("default-src 'none'"))
            );
            let (kind, kept) = if is_style(page) {
                ("text/css; charset=utf-8", FOR_EVER)
            } else {
                ("text/html; charset=utf-8", ASK_AGAIN)
            };
            assert_eq!(
                (&headers[header::CONTENT_TYPE], &headers[header::CACHE_CONTROL]),
                (&HeaderValue::from_static(kind), &kept)
            );
        }
    }

    #[tokio::test]
    async fn the_address_leads_to_the_first_page_and_an_unknown_one_is_not_found() {
        let moved = get("/docs", header::ACCEPT, "*/*").await;
        assert_eq!(moved.headers()[header::LOCATION], DOCUMENTATION);
        let unknown = get("/docs/nothing.html", header::ACCEPT, "*/*").await;
        assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
        let first = get(DOCUMENTATION, header::ACCEPT, "*/*").await;
        if PAGES.is_empty() {
            assert_eq!(first.status(), StatusCode::NOT_FOUND, "a build without the book says so");
        } else {
            assert!(String::from_utf8(text(first).await).is_ok_and(|it| it.contains("<h1")));
            assert!(String::from_utf8(text(unknown).await).is_ok_and(|it| it.contains("href=\"/docs/start.html\"")));
        }
    }
}
