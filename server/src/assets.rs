//! The browser side, embedded: style sheet, module and WebAssembly. Their names
//! change with their content, so that browsers may keep them for ever.

use axum::{
    Router,
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use signet_app::AssetPaths;

/// The folder of their paths.
const FOLDER: &str = "/pkg";

/// For what changes its name with its content.
pub const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// One file.
struct Asset {
    /// With the hash of its content.
    name: &'static str,
    /// The part of the name behind its last dot.
    extension: &'static str,
    /// As it is.
    identity: &'static [u8],
    /// Compressed with brotli.
    brotli: Option<&'static [u8]>,
    /// Compressed with gzip.
    gzip: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The paths for the pages.
pub fn paths() -> AssetPaths {
    let path = |stem: &str, extension: &str| {
        let is_it = |asset: &&Asset| asset.extension == extension && asset.name.split('.').next() == Some(stem);
        let name = ASSETS.iter().find(is_it).map_or("not-built", |asset| asset.name);
        format!("{FOLDER}/{name}")
    };
    AssetPaths {
        css: path("signet", "css"),
        page: path("page", "js"),
        js: path("signet", "js"),
        wasm: path("signet", "wasm"),
    }
}

/// Returns true for the path of an asset.
pub fn has(path: &str) -> bool {
    path.strip_prefix(FOLDER).is_some_and(|rest| rest.starts_with('/'))
}

/// Serves the assets.
pub fn router() -> Router {
    Router::new().route(&format!("{FOLDER}/{{name}}"), get(serve))
}

async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => answer(asset, &headers),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn answer(asset: &Asset, request: &HeaderMap) -> Response {
    let (encoding, content) = choose(asset, &accepted(request));
    let etag = format!("\"{}-{}\"", asset.name, encoding.unwrap_or("identity"));
    let mut response = if is_known(request, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, content_type(asset.name))], content).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, FOR_EVER);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::try_from(etag) {
        headers.insert(header::ETAG, etag);
    }
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// The kind of a file, by its name.
pub fn content_type(name: &str) -> HeaderValue {
    HeaderValue::from_static(match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    })
}

/// Returns true if the browser has the content with this tag.
pub fn is_known(request: &HeaderMap, etag: &str) -> bool {
    let tags = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    tags.flat_map(|line| line.split(',')).any(|tag| tag.trim().trim_start_matches("W/") == etag)
}

/// The smallest form that the browser understands.
fn choose(asset: &Asset, accepted: &[String]) -> (Option<&'static str>, &'static [u8]) {
    let accepts = |encoding: &str| accepted.iter().any(|it| it == encoding);
    match (asset.brotli, asset.gzip) {
        (Some(content), _) if accepts("br") => (Some("br"), content),
        (_, Some(content)) if accepts("gzip") => (Some("gzip"), content),
        _ => (None, asset.identity),
    }
}

/// The encodings in `Accept-Encoding` that are not ruled out by `q=0`.
pub fn accepted(request: &HeaderMap) -> Vec<String> {
    let lines = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).filter_map(encoding).collect()
}

fn encoding(item: &str) -> Option<String> {
    let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
    let weight = parameters.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
    (weight.is_ok_and(|weight| weight > 0.0)).then(|| name.trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASSET: Asset =
        Asset { name: "signet.0f.css", extension: "css", identity: b"plain", brotli: Some(b"br"), gzip: Some(b"gz") };

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn the_browser_gets_the_best_encoding_that_it_understands() {
        for (accept, encoding) in [
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip;q=1.0, br;q=0", Some("gzip")),
            ("GZIP", Some("gzip")),
            ("deflate", None),
            ("", None),
            ("br;q=x", None),
        ] {
            assert_eq!(choose(&ASSET, &accepted(&headers(header::ACCEPT_ENCODING, accept))).0, encoding, "{accept}");
        }
    }

    #[test]
    fn an_asset_is_kept_for_ever_and_not_sent_twice() {
        let first = answer(&ASSET, &HeaderMap::new());
        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(first.headers()[header::CONTENT_TYPE], "text/css; charset=utf-8");
        assert_eq!(first.headers()[header::CACHE_CONTROL], FOR_EVER);
        assert_eq!(first.headers()[header::VARY], "accept-encoding");
        let mut request = HeaderMap::new();
        request.insert(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone());
        assert_eq!(answer(&ASSET, &request).status(), StatusCode::NOT_MODIFIED);
        request.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("br"));
        assert_eq!(answer(&ASSET, &request).status(), StatusCode::OK, "another encoding is another entity");
    }

    #[test]
    fn the_pages_are_told_names_that_are_served() {
        let paths = paths();
        let served = |path: &str| ASSETS.iter().any(|asset| path == format!("{FOLDER}/{}", asset.name));
        assert!(
            ASSETS.is_empty() || [&paths.css, &paths.page, &paths.js, &paths.wasm].into_iter().all(|path| served(path))
        );
    }
}
