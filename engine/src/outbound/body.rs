//! The body of an answer: read for showing, to a cap and until the budget ends.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use http::{HeaderMap, header::CONTENT_ENCODING};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, timeout_at};

/// Returns the body as text, and whether it was cut: because it is longer than `most` bytes,
/// was not there in time, or broke off.
pub(super) async fn read(headers: &HeaderMap, body: Incoming, most: usize, deadline: Instant) -> (String, bool) {
    let mut arrived = Vec::new();
    let cut = !body.is_end_stream() && !gather(body, most, deadline, &mut arrived).await;
    let (bytes, cut_again) = if is_gzip(headers) { unpacked(arrived, most) } else { (arrived, false) };
    (into_text(bytes), cut || cut_again)
}

/// Gathers the bytes that arrive, and returns `true` if they are the whole body. A receiver
/// that sends without end has answered, but does not hold the connection.
async fn gather(mut body: Incoming, most: usize, deadline: Instant, arrived: &mut Vec<u8>) -> bool {
    loop {
        let data = match timeout_at(deadline, body.frame()).await {
            Ok(None) => return true,
            Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
            Ok(Some(Err(_))) | Err(_) => return false,
        };
        let room = most - arrived.len();
        arrived.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            return false;
        }
    }
}

/// The request does not ask for compression; some receivers compress all the same.
fn is_gzip(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_ENCODING).is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"gzip"))
}

/// Unpacks the bytes, up to `most`, and returns whether that cut them. Bytes that are not
/// compressed are left as they are.
fn unpacked(bytes: Vec<u8>, most: usize) -> (Vec<u8>, bool) {
    let mut unpacked = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let broken = MultiGzDecoder::new(&bytes[..]).take(limit).read_to_end(&mut unpacked).is_err();
    if broken && unpacked.is_empty() {
        return (bytes, false);
    }
    let cut = broken || unpacked.len() > most;
    unpacked.truncate(most);
    (unpacked, cut)
}

/// Without a copy where the bytes are text already.
fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
