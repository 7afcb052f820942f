//! A device on which a person has signed in before. Its cookie is a sealed text that opens for
//! that person's e-mail address alone, so that nothing about it is stored.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use signet_model::Timestamp;

use crate::service::Service;

/// The time for which a device is known.
pub const KNOWN_DEVICE_LIFETIME: Duration = Duration::from_hours(180 * 24);
/// The longest cookie that is read, in characters.
const MAX_LEN: usize = 400;

/// A device that is known for the person who tries to get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KnownDevice(pub(super) [u8; 32]);

/// The devices of all people.
#[derive(Debug, Clone, Copy)]
pub struct KnownDevices<'e>(pub(crate) &'e Service);

impl KnownDevices<'_> {
    /// The cookie of a new device of the person with this e-mail address.
    pub fn new_cookie(self, email: &str) -> String {
        let text = self.0.clock.now().unix_millis().to_string();
        BASE64_URL_SAFE_NO_PAD.encode(self.0.sealer.seal(&text, &context(email), self.0.random.bytes()))
    }

    /// The device with this cookie, if it is known for the person with this e-mail address.
    pub fn recognise(self, cookie: &str, email: &str) -> Option<KnownDevice> {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(Some(cookie).filter(|it| it.len() <= MAX_LEN)?).ok()?;
        let text = self.0.sealer.open(&sealed, &context(email)).ok()?;
        let since = Timestamp::from_unix_micros(text.parse::<i64>().ok()?.checked_mul(1_000)?);
        let known = self.0.clock.now().since(since) < KNOWN_DEVICE_LIFETIME;
        known.then(|| KnownDevice(Sha256::digest(&sealed).into()))
    }
}

/// The purpose and the person: no other sealed text opens as a device, nor one of another person.
fn context(email: &str) -> Vec<u8> {
    [&b"known device "[..], email.trim().to_lowercase().as_bytes()].concat()
}
