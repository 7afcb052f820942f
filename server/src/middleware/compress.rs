//! Compresses the pages that say that they may be: those in which no secret is shown.

use std::io::Write;

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use brotli::enc::BrotliEncoderParams;
use flate2::{Compression, write::GzEncoder};
use signet_app::Compressible;

use crate::assets::accepted;

/// A page that is shorter goes into one packet as it is.
const LEAST: usize = 1_200;
/// The largest page, far above any.
const MOST: usize = 16 * 1024 * 1024;
/// A page is made for one reader: a level that costs less time than it saves on the way.
const BROTLI_QUALITY: i32 = 3;
/// The logarithm of the window, which is as large as a page.
const BROTLI_WINDOW: i32 = 17;
const GZIP_LEVEL: u32 = 4;

/// Compresses a page by the best encoding that the browser takes.
pub async fn page(request: Request, next: Next) -> Response {
    let encoding = Encoding::of(request.headers());
    let mut response = next.run(request).await;
    if response.extensions().get::<Compressible>().is_none() {
        return response;
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    let Some(encoding) = encoding else { return response };
    let (mut parts, body) = response.into_parts();
    // The body of a page is in memory: reading it cannot fail.
    let html = to_bytes(body, MOST).await.unwrap_or_default();
    let Some(compressed) = Some(&html).filter(|html| html.len() >= LEAST).and_then(|html| encoding.compress(html))
    else {
        return Response::from_parts(parts, Body::from(html));
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    Response::from_parts(parts, Body::from(compressed))
}

/// An encoding that browsers take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Brotli,
    Gzip,
}

impl Encoding {
    /// The best one that a request names.
    fn of(request: &HeaderMap) -> Option<Self> {
        let accepted = accepted(request);
        let all = [Self::Brotli, Self::Gzip];
        all.into_iter().find(|encoding| accepted.iter().any(|name| name == encoding.name()))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    fn compress(self, html: &[u8]) -> Option<Bytes> {
        let mut out = Vec::with_capacity(html.len() / 3);
        match self {
            Self::Brotli => {
                let parameters = BrotliEncoderParams {
                    quality: BROTLI_QUALITY,
                    lgwin: BROTLI_WINDOW,
                    size_hint: html.len(),
                    ..BrotliEncoderParams::default()
                };
                brotli::BrotliCompress(&mut &*html, &mut out, &parameters).ok()?;
            }
            Self::Gzip => {
                let mut encoder = GzEncoder::new(&mut out, Compression::new(GZIP_LEVEL));
                encoder.write_all(html).ok()?;
                encoder.finish().ok()?;
            }
        }
        Some(out.into())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn asking(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))])
    }

    #[test]
    fn the_best_encoding_that_the_browser_takes_is_chosen() {
        for (accept, encoding) in [
            ("gzip, deflate, br, zstd", Some(Encoding::Brotli)),
            ("br;q=0, gzip", Some(Encoding::Gzip)),
            ("deflate", None),
            ("", None),
        ] {
            assert_eq!(Encoding::of(&asking(accept)), encoding, "{accept}");
        }
    }

    #[test]
    fn a_page_comes_out_as_it_went_in() {
        let page = "<li>delivered</li>".repeat(500);
        let mut back = String::new();
        let brotli = Encoding::Brotli.compress(page.as_bytes()).expect("a page");
        brotli::Decompressor::new(&*brotli, 4096).read_to_string(&mut back).expect("a page");
        assert!(back == page && brotli.len() < 200);
        back.clear();
        let gzip = Encoding::Gzip.compress(page.as_bytes()).expect("a page");
        flate2::read::GzDecoder::new(&*gzip).read_to_string(&mut back).expect("a page");
        assert!(back == page && gzip.len() < 300);
    }
}
