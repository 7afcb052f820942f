//! Texts that a browser carries to a later request: sealed, so that it can neither read nor
//! alter them, for one purpose, and for a few minutes.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use signet_model::{AccountId, Timestamp, UserId};
use uuid::Uuid;

use super::Service;

/// The time for which a carried text can be used.
pub const CARRIED_LIFETIME: Duration = Duration::from_mins(5);

/// The time for which a form is kept that came after its session had ended: signing in again
/// can take a while, such as for a new password.
pub const TYPED_FORM_LIFETIME: Duration = Duration::from_hours(1);

/// The use of a carried text. A text for one purpose does not open for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// New recovery codes of a person, on their way to the page that shows them once.
    RecoveryCodes(UserId),
    /// A link or a key that an operator has made, on its way to the page that shows it once.
    MadeByOperator(UserId),
    /// A new API key of an account, on its way to the page that shows it once.
    NewKey(AccountId),
    /// The challenge that a new passkey of a person signs.
    PasskeyRegistration(UserId),
    /// The challenge that a passkey of anybody signs.
    PasskeySignIn,
    /// A sign-in that goes on at an OpenID provider.
    OidcSignIn,
    /// A form that came after its session had ended, while its sender signs in again. It belongs
    /// to nobody: whoever signs in sees it, and sends it or not.
    TypedForm,
    /// A form of a person that was refused for want of a proof, while they prove at an OpenID
    /// provider.
    KeptForm(UserId),
}

impl Purpose {
    /// The bytes that are authenticated together with the text.
    fn context(self) -> Vec<u8> {
        let (name, of): (_, Option<Uuid>) = match self {
            Self::RecoveryCodes(user) => ("carried recovery codes", Some(user.uuid())),
            Self::MadeByOperator(user) => ("carried made by operator", Some(user.uuid())),
            Self::NewKey(account) => ("carried API key", Some(account.uuid())),
            Self::PasskeyRegistration(user) => ("carried passkey registration", Some(user.uuid())),
            Self::PasskeySignIn => ("carried passkey sign-in", None),
            Self::OidcSignIn => ("carried OpenID sign-in", None),
            Self::TypedForm => ("carried typed form", None),
            Self::KeptForm(user) => ("carried form", Some(user.uuid())),
        };
        [name.as_bytes(), of.as_ref().map_or(&[], |id| &id.as_bytes()[..])].concat()
    }

    /// The time for which the text can be used.
    const fn lifetime(self) -> Duration {
        match self {
            Self::TypedForm => TYPED_FORM_LIFETIME,
            _ => CARRIED_LIFETIME,
        }
    }
}

impl Service {
    /// Seals a text for the browser; the result has no spaces, commas or semicolons.
    pub(crate) fn carry(&self, purpose: Purpose, text: &str) -> String {
        let until = (self.clock.now() + purpose.lifetime()).unix_micros();
        let sealed = self.sealer.seal(&format!("{until} {text}"), &purpose.context(), self.random.bytes());
        BASE64_URL_SAFE_NO_PAD.encode(sealed)
    }

    /// The text that came back, if this server sealed it for this purpose a few minutes ago.
    pub(crate) fn carried(&self, purpose: Purpose, text: &str) -> Option<String> {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let opened = self.sealer.open(&sealed, &purpose.context()).ok()?;
        let (until, text) = opened.split_once(' ')?;
        let until = Timestamp::from_unix_micros(until.parse().ok()?);
        (self.clock.now() < until).then(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{resting_engine, sqlite};

    #[tokio::test]
    async fn a_carried_text_opens_for_its_purpose_and_person_and_not_for_long() {
        let database = sqlite().await;
        let (engine, clock) = resting_engine(&database);
        let service = &engine.0;
        let [ada, bob] = [1, 2].map(|byte| UserId::new(service.clock.now(), [byte; 10]));
        let carried = service.carry(Purpose::RecoveryCodes(ada), "a secret, with spaces");
        assert!(!carried.contains("secret") && !carried.contains([' ', ',', ';']));
        let opened = |purpose| service.carried(purpose, &carried);
        assert_eq!(opened(Purpose::RecoveryCodes(ada)).as_deref(), Some("a secret, with spaces"));
        for other in [Purpose::RecoveryCodes(bob), Purpose::PasskeyRegistration(ada), Purpose::PasskeySignIn] {
            assert_eq!(opened(other), None, "{other:?}");
        }
        assert_eq!(service.carried(Purpose::RecoveryCodes(ada), &carried[1..]), None);
        clock.advance(CARRIED_LIFETIME);
        assert_eq!(opened(Purpose::RecoveryCodes(ada)), None);
    }
}
