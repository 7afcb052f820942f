//! Why a signature does not verify: the mistake that explains it.
//!
//! What is given (body, headers, secrets) is tried as the contract says, and then with each mistake that receivers
//! make: a body that was parsed and printed again, a key that was decoded, another encoding. The first that leads to the
//! signature is the answer. It runs in a browser too, so that it parses no numbers and builds no trees.

mod body;
mod headers;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::Mac;

pub use body::BodyChange;
pub use headers::Headers;

use super::{PREFIX, SECRET_BYTES, keyed};

/// The longest body that is looked at, in bytes.
pub const MAX_BODY: usize = 256 * 1024;
/// The longest text of headers that is looked at, in bytes.
pub const MAX_HEADERS: usize = 16 * 1024;
/// The most secrets that are tried.
pub const MAX_SECRETS: usize = 4;
/// The age up to which a receiver takes an attempt, in seconds (Standard Webhooks).
pub const TOLERANCE: i64 = 300;

/// The length of a signature, in bytes.
const SIGNATURE: usize = 32;
/// The most signatures in one header that are looked at.
const MAX_SIGNATURES: usize = 8;

/// What a receiver has got, as a person pastes it.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The body.
    pub body: &'a str,
    /// The headers, one a line.
    pub headers: &'a str,
    /// The secrets, the present one first.
    pub secrets: &'a str,
    /// The present, in Unix seconds.
    pub now: i64,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// `X-Webhook-Signature`.
    pub hex: Verdict,
    /// `webhook-signature`.
    pub standard: Verdict,
    /// `webhook-timestamp` beside the present.
    pub time: Time,
    /// The places, from 0, of secrets that are not of the right form.
    pub malformed_secrets: Vec<usize>,
}

/// The text is too long to be looked at, or no secret was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotDiagnosed {
    /// The body is too long.
    #[error("the body is longer than {MAX_BODY} bytes")]
    BodyTooLong,
    /// The headers are too long.
    #[error("the headers are longer than {MAX_HEADERS} bytes")]
    HeadersTooLong,
    /// There is no secret.
    #[error("there is no secret")]
    NoSecret,
}

/// What is known of one header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The header is not there.
    Missing,
    /// It covers `webhook-id` and `webhook-timestamp`, and one of these is not there.
    Incomplete,
    /// It holds no signature of 32 bytes, neither in hex nor in base64.
    Malformed,
    /// It is explained.
    Explained(Explanation),
    /// No secret and no mistake leads to it.
    Unexplained,
}

/// How a signature comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation {
    /// The place of the secret, from 0.
    pub secret: usize,
    /// The change of the body after which it verifies.
    pub body: BodyChange,
    /// The way of signing.
    pub recipe: Recipe,
    /// The way of writing it.
    pub encoding: Encoding,
}

impl Explanation {
    /// True if the signature verifies as it is, whichever of the secrets made it.
    pub fn is_genuine(self) -> bool {
        (self.body, self.recipe, self.encoding) == (BodyChange::None, Recipe::Contract, Encoding::Contract)
    }
}

/// A way of signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipe {
    /// That of the contract.
    Contract,
    /// The key is the whole text of the secret, and should be its decoded bytes.
    KeyIsText,
    /// The key is the text without its prefix.
    KeyWithoutPrefix,
    /// The key is the decoded bytes, and should be the whole text.
    KeyIsDecoded,
    /// It covers the body alone, and should cover id and time as well.
    OverBody,
    /// It covers id, time and body, and should cover the body alone.
    OverAll,
}

/// A way of writing a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// That of the contract.
    Contract,
    /// Base64, and should be hex.
    Base64,
    /// Hex, and should be base64.
    Hex,
    /// Hex in capital letters.
    UpperCase,
    /// It has a prefix, as `sha256=`, that it should not have.
    Prefixed,
    /// Its version `v1,` is not there.
    WithoutVersion,
}

/// `webhook-timestamp` beside the present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// The header is not there.
    Missing,
    /// It is not a number of seconds.
    Malformed,
    /// Within the tolerance.
    Fine,
    /// So many seconds older than now: a receiver refuses it by now.
    Old(i64),
    /// So many seconds ahead: one of the clocks is wrong.
    Ahead(i64),
}

/// A secret as it is tried.
struct Key<'a> {
    text: &'a str,
    decoded: Option<Vec<u8>>,
}

/// Finds the reason for which a delivery does not verify.
pub fn diagnose(evidence: &Evidence<'_>) -> Result<Diagnosis, NotDiagnosed> {
    if evidence.body.len() > MAX_BODY {
        return Err(NotDiagnosed::BodyTooLong);
    }
    if evidence.headers.len() > MAX_HEADERS {
        return Err(NotDiagnosed::HeadersTooLong);
    }
    let keys: Vec<Key<'_>> = secrets(evidence.secrets).map(Key::new).collect();
    if keys.is_empty() {
        return Err(NotDiagnosed::NoSecret);
    }
    let headers = Headers::parse(evidence.headers);
    let malformed = keys.iter().enumerate().filter(|(_, key)| key.decoded.is_none()).map(|(place, _)| place);
    let prefix = headers.id.zip(headers.timestamp).map(|(id, time)| [id, ".", time, "."].concat());
    let search = Search { keys: &keys, body: evidence.body, prefix: prefix.as_deref() };
    Ok(Diagnosis {
        hex: headers.hex.map_or(Verdict::Missing, |given| search.hex(given)),
        standard: headers.standard.map_or(Verdict::Missing, |given| search.standard(given)),
        time: headers.timestamp.map_or(Time::Missing, |text| time(text, evidence.now)),
        malformed_secrets: malformed.collect(),
    })
}

/// The secrets in a text, without quotes around them.
fn secrets(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split([' ', '\t', '\r', '\n', ',']);
    words.map(|word| word.trim_matches(['"', '\'', '`'])).filter(|word| !word.is_empty()).take(MAX_SECRETS)
}

fn time(text: &str, now: i64) -> Time {
    match text.parse::<i64>() {
        Err(_) => Time::Malformed,
        Ok(at) if now.saturating_sub(at) > TOLERANCE => Time::Old(now.saturating_sub(at)),
        Ok(at) if at.saturating_sub(now) > TOLERANCE => Time::Ahead(at.saturating_sub(now)),
        Ok(_) => Time::Fine,
    }
}

impl<'a> Key<'a> {
    fn new(text: &'a str) -> Self {
        let decoded = text.strip_prefix(PREFIX).and_then(|encoded| BASE64_STANDARD.decode(encoded).ok());
        Self { text, decoded: decoded.filter(|bytes| bytes.len() == SECRET_BYTES) }
    }

    /// The bytes that a recipe takes as the key.
    fn bytes(&self, recipe: Recipe, is_hex: bool) -> Option<&[u8]> {
        let is_text = match recipe {
            Recipe::KeyWithoutPrefix => return self.text.strip_prefix(PREFIX).map(str::as_bytes),
            Recipe::KeyIsText => true,
            Recipe::KeyIsDecoded => false,
            Recipe::Contract | Recipe::OverBody | Recipe::OverAll => is_hex,
        };
        if is_text { Some(self.text.as_bytes()) } else { self.decoded.as_deref() }
    }
}

/// What is tried.
struct Search<'a> {
    keys: &'a [Key<'a>],
    body: &'a str,
    /// `id.timestamp.`
    prefix: Option<&'a str>,
}

impl Search<'_> {
    fn hex(&self, given: &str) -> Verdict {
        let Some((bytes, encoding)) = hex_signature(given) else { return Verdict::Malformed };
        let recipes = [Recipe::Contract, Recipe::KeyIsDecoded, Recipe::KeyWithoutPrefix, Recipe::OverAll];
        let found = self.find(&[(bytes, encoding)], &recipes, true);
        found.map_or(Verdict::Unexplained, Verdict::Explained)
    }

    fn standard(&self, given: &str) -> Verdict {
        if self.prefix.is_none() {
            return Verdict::Incomplete;
        }
        let parts = given.split_ascii_whitespace().take(MAX_SIGNATURES);
        let signatures: Vec<_> = parts.filter_map(standard_signature).collect();
        if signatures.is_empty() {
            return Verdict::Malformed;
        }
        let recipes = [Recipe::Contract, Recipe::KeyIsText, Recipe::KeyWithoutPrefix, Recipe::OverBody];
        self.find(&signatures, &recipes, false).map_or(Verdict::Unexplained, Verdict::Explained)
    }

    /// The first explanation: by the contract with each change of the body, then by the other recipes.
    fn find(&self, given: &[([u8; SIGNATURE], Encoding)], recipes: &[Recipe], is_hex: bool) -> Option<Explanation> {
        let try_one = |recipe, change, body: &str, place: usize, key: &Key<'_>| {
            let signed = self.sign(recipe, is_hex, key, body)?;
            let (_, encoding) = *given.iter().find(|(bytes, _)| *bytes == signed)?;
            Some(Explanation { secret: place, body: change, recipe, encoding })
        };
        let keys = || self.keys.iter().enumerate();
        for &recipe in recipes {
            let found = body::simple_changes(self.body, |change, body| {
                keys().find_map(|(place, key)| try_one(recipe, change, body, place, key))
            });
            if found.is_some() {
                return found;
            }
        }
        body::orders(self.body, |body| {
            keys().find_map(|(place, key)| try_one(Recipe::Contract, BodyChange::Reordered, body, place, key))
        })
    }

    fn sign(&self, recipe: Recipe, is_hex: bool, key: &Key<'_>, body: &str) -> Option<[u8; SIGNATURE]> {
        let covers_all = if is_hex { recipe == Recipe::OverAll } else { recipe != Recipe::OverBody };
        let mut mac = keyed(key.bytes(recipe, is_hex)?);
        if covers_all {
            mac.update(self.prefix?.as_bytes());
        }
        mac.update(body.as_bytes());
        Some(mac.finalize().into_bytes().into())
    }
}

/// The signature in `X-Webhook-Signature`.
fn hex_signature(given: &str) -> Option<([u8; SIGNATURE], Encoding)> {
    let (text, prefixed) = match given.split_once(['=', ',']).filter(|(_, rest)| rest.len() >= 43) {
        Some((_, rest)) => (rest, true),
        None => (given, false),
    };
    let (bytes, encoding) = match from_hex(text) {
        Some(bytes) if text.bytes().any(|byte| byte.is_ascii_uppercase()) => (bytes, Encoding::UpperCase),
        Some(bytes) => (bytes, Encoding::Contract),
        None => (from_base64(text)?, Encoding::Base64),
    };
    Some((bytes, if prefixed { Encoding::Prefixed } else { encoding }))
}

/// One signature in `webhook-signature`.
fn standard_signature(part: &str) -> Option<([u8; SIGNATURE], Encoding)> {
    let versioned = part.strip_prefix("v1,");
    let text = versioned.unwrap_or(part);
    match (from_hex(text), versioned) {
        (Some(bytes), _) => Some((bytes, Encoding::Hex)),
        (None, Some(_)) => Some((from_base64(text)?, Encoding::Contract)),
        (None, None) => Some((from_base64(text)?, Encoding::WithoutVersion)),
    }
}

fn from_hex(text: &str) -> Option<[u8; SIGNATURE]> {
    let mut bytes = [0; SIGNATURE];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}

fn from_base64(text: &str) -> Option<[u8; SIGNATURE]> {
    BASE64_STANDARD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests;
