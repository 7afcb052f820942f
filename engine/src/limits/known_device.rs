//! A device on which a person has signed in before. Its cookie is a sealed text that opens for
//! that person's e-mail address alone, so that nothing about it is stored.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use signet_model::{Timestamp, time::Clock};

use crate::{random::Random, seal::Sealer};

/// The time for which a device is known.
pub const KNOWN_DEVICE_LIFETIME: Duration = Duration::from_hours(180 * 24);
/// The longest cookie that is read, in characters.
const MAX_LEN: usize = 400;

/// A device that is known for the person who tries to get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KnownDevice(pub(super) [u8; 32]);

/// The devices of all people.
#[expect(missing_debug_implementations, reason = "a clock has nothing to show")]
#[derive(Clone, Copy)]
pub struct KnownDevices<'e> {
    pub(crate) clock: &'e dyn Clock,
    pub(crate) random: &'e Random,
    pub(crate) sealer: &'e Sealer,
}

impl KnownDevices<'_> {
    /// The cookie of a new device of the person with this e-mail address.
    pub fn new_cookie(self, email: &str) -> String {
        let text = self.clock.now().unix_millis().to_string();
        BASE64_URL_SAFE_NO_PAD.encode(self.sealer.seal(&text, &context(email), self.random.bytes()))
    }

    /// The device with this cookie, if it is known for the person with this e-mail address.
    pub fn recognise(self, cookie: &str, email: &str) -> Option<KnownDevice> {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(Some(cookie).filter(|it| it.len() <= MAX_LEN)?).ok()?;
        let text = self.sealer.open(&sealed, &context(email)).ok()?;
        let since = Timestamp::from_unix_micros(text.parse::<i64>().ok()?.checked_mul(1_000)?);
        let known = self.clock.now().since(since) < KNOWN_DEVICE_LIFETIME;
        known.then(|| KnownDevice(Sha256::digest(&sealed).into()))
    }
}

/// The purpose and the person: no other sealed text opens as a device, nor one of another person.
fn context(email: &str) -> Vec<u8> {
    [&b"known device "[..], email.trim().to_lowercase().as_bytes()].concat()
}
