//! The seed of one-time codes (RFC 6238): 20 random bytes that a person's app shares with this
//! server. Codes have six digits, change each 30 seconds, and are made with SHA-1, as all apps
//! expect.

use signet_model::Timestamp;
use totp_rs::{Builder, Secret, Totp};

use crate::random::Random;

/// The seed of one person.
#[derive(Clone)]
pub struct Seed(Secret);

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(hidden)")
    }
}

impl Seed {
    pub(super) fn new(random: &Random) -> Self {
        Self(random.bytes::<20>().into())
    }

    /// Reads the text that was stored.
    pub(super) fn from_stored(text: &str) -> Option<Self> {
        Secret::try_from_base32(text).ok().map(Self)
    }

    /// The seed as a person types it into an app: base 32.
    pub fn text(&self) -> String {
        self.0.to_base32()
    }

    /// The address that the square of dots holds, which an app reads with a camera. The app
    /// lists its codes under the names of the issuer and of the person, which a colon would end.
    pub fn url(&self, issuer: &str, person: &str) -> String {
        let [issuer, person] = [issuer, person].map(|name| name.replace(':', " "));
        let named = self.builder().with_issuer(Some(issuer)).with_account_name(person);
        named.build_noncompliant().to_url().unwrap_or_default()
    }

    fn builder(&self) -> Builder {
        Builder::new().with_secret(self.0.clone())
    }

    fn totp(&self) -> Totp {
        self.builder().build_noncompliant()
    }

    /// The step that this code belongs to: the present one, the one before or the one after.
    pub(super) fn step(&self, code: &str, now: Timestamp) -> Option<i64> {
        let seconds = u64::try_from(now.unix_seconds()).ok()?;
        self.totp().check(code, seconds).and_then(|step| i64::try_from(step).ok())
    }

    /// The code of an instant.
    #[cfg(any(test, feature = "testing"))]
    pub fn code(&self, at: Timestamp) -> String {
        self.totp().generate(at.unix_seconds().unsigned_abs()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238, appendix B, whose codes there have eight digits.
    fn example() -> Seed {
        Seed(b"12345678901234567890".to_vec().into())
    }

    #[test]
    fn codes_are_the_last_six_digits_of_the_examples_in_the_rfc() {
        for (second, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            let at = Timestamp::from_unix_seconds(second);
            assert_eq!(example().step(code, at), Some(second / 30), "{second}");
            assert_eq!(example().code(at), code);
        }
    }

    #[test]
    fn a_code_holds_from_one_step_before_to_one_step_after() {
        for (second, is_right) in [(-1, false), (0, true), (30, true), (89, true), (90, false)] {
            let at = Timestamp::from_unix_seconds(second);
            assert_eq!(example().step("287082", at).is_some(), is_right, "{second}");
        }
    }

    #[test]
    fn a_text_that_is_no_code_is_wrong() {
        for text in ["", "28708", "2870820", "28708a", "２８７０８２", "-28708"] {
            assert_eq!(example().step(text, Timestamp::from_unix_seconds(59)), None, "{text}");
        }
    }

    #[test]
    fn the_address_for_apps_names_the_issuer_and_the_person() {
        let url = example().url("Acme: webhooks", "ada@example.com");
        assert!(url.starts_with("otpauth://totp/Acme%20%20webhooks:ada%40example.com?"), "{url}");
        assert!(
            url.contains(&format!("secret={}", example().text())) && url.contains("issuer=Acme%20%20webhooks"),
            "{url}"
        );
    }

    #[test]
    fn a_seed_survives_being_stored() {
        let seed = Seed::new(&Random::from_seed(1));
        assert_eq!(seed.text().len(), 32);
        assert_eq!(Seed::from_stored(&seed.text()).expect("a seed").text(), seed.text());
        assert!(Seed::from_stored("not base 32!").is_none());
    }
}
