//! The sentences of the screens.

use signet_model::text::TextError;

use crate::words;

pub(crate) const TITLE: &str = "Security";
pub(super) const LEAD: &str = "Signing in to your account.";

pub(super) const SECOND_FACTOR: &str = "Second factor";
pub(super) const NO_FACTOR: &str = "Your password alone signs you in. Add an app or a passkey, so that a password that \
     somebody else has learned is of no use to them.";
pub(super) const HAS_FACTOR: &str = "After your password, a code or a passkey is asked for.";

pub(super) const APP: &str = "Codes of an app";
pub(super) const APP_NONE: &str =
    "An authenticator app on your phone shows a new code every 30 seconds. It needs no network.";
pub(super) const APP_SINCE: &str = "Set up {}.";
pub(super) const SET_UP_APP: &str = "Set up an app";
pub(super) const REMOVE_APP: &str = "Remove app";
pub(super) const REMOVE_APP_QUESTION: &str = "Remove the app?";
pub(super) const REMOVE_APP_CONSEQUENCES: &str = "Its codes do not sign you in any more. You can set an app up again.";
pub(super) const APP_REMOVED: &str = "App removed.";
pub(super) const APP_SET_UP: &str = "App set up.";

pub(super) const SCAN: &str = "Scan this code with your authenticator app.";
pub(super) const SCAN_NAME: &str = "The code to scan with the app";
pub(super) const OR_TYPE: &str = "Or type this key into the app:";
pub(super) const KEY_LABEL: &str = "Key for the app";
pub(super) const CODE: &str = "Code";
pub(super) const CODE_HINT: &str = "The six digits that the app shows now.";
pub(super) const CONFIRM: &str = "Confirm";
pub(super) const WRONG_CODE: &str =
    "This code is wrong. Enter the one that the app shows now, and check that the clock of your phone is right.";
pub(super) const NOT_BEGUN: &str = "The set-up took too long. Begin again.";
pub(super) const ALREADY_SET: &str = "An app is set up already. Remove it first.";

pub(super) const PASSKEYS: &str = "Passkeys";
pub(super) const PASSKEYS_NONE: &str =
    "A passkey is kept by your device or by a security key. It signs you in without a password.";
pub(super) const NO_PASSKEYS_HERE: &str = "Passkeys need a host name and https. At this address, use an app. On this machine, open http://localhost instead \
     of an address of numbers.";
pub(super) const NEEDS_SCRIPT: &str =
    "Passkeys need JavaScript, which is off in this browser. An app works without it.";
pub(super) const NAME: &str = "Name";
pub(super) const NAME_HINT: &str = "The device that keeps the passkey, such as “laptop”.";
pub(super) const NAME_MISSING: &str = "Enter a name, so that you recognise the passkey later.";
pub(super) const ADD_PASSKEY: &str = "Add a passkey";
pub(super) const PASSKEY_ADDED: &str = "Passkey added.";
pub(super) const PASSKEY_KNOWN: &str = "This device has a passkey of yours already.";
pub(super) const PASSKEY_EXPIRED: &str = "That took too long. Try again.";
pub(super) const PASSKEY_REFUSED: &str = "The device’s answer was not accepted. Try again, or use another device.";
pub(super) const CREATED_AT: &str = "Added";
pub(super) const LAST_USED: &str = "Last used";
pub(super) const NEVER: &str = "Never";
pub(super) const ACTIONS: &str = "Actions";
pub(super) const REMOVE: &str = "Remove";
pub(super) const REMOVE_PASSKEY: &str = "Remove passkey";
pub(super) const REMOVE_PASSKEY_QUESTION: &str = "Remove this passkey?";
pub(super) const REMOVE_PASSKEY_CONSEQUENCES: &str =
    "“{}” does not sign you in any more. Remove it from the device as well, so that the device does not offer it.";
pub(super) const PASSKEY_REMOVED: &str = "Passkey removed.";
pub(super) const CANCEL: &str = "Cancel";

pub(super) const RECOVERY: &str = "Recovery codes";
pub(super) const RECOVERY_MEANING: &str = "For the day on which you have lost your device: each signs you in once.";
pub(super) const RENEW: &str = "Make new codes";
pub(super) const RENEW_QUESTION: &str = "Make new recovery codes?";
pub(super) const RENEW_CONSEQUENCES: &str = "The codes that you have kept do not work any more.";
pub(super) const KEEP_THEM: &str = "Keep these codes where you find them without this device: print them, or put them into a password manager. They \
     are not shown again.";
pub(super) const KEPT: &str = "I have kept them";
pub(super) const CODES_GONE: &str = "Recovery codes are shown once. Make new ones if you have not kept them.";

pub(super) fn left(count: i64) -> String {
    match count {
        0 => "None is left. Make new ones.".to_owned(),
        1 => "1 code is left. Make new ones soon.".to_owned(),
        count => format!("{count} codes are left."),
    }
}

pub(super) fn too_many(most: i64) -> String {
    format!("You have {most} passkeys, and may not have more. Remove one that you no longer use.")
}

pub(super) fn invalid_name(error: TextError) -> String {
    match error {
        TextError::TooShort(_) => NAME_MISSING.to_owned(),
        error => words::invalid_text(error),
    }
}

/// The seed in groups of four letters, which are easier to type.
pub(super) fn grouped(key: &str) -> String {
    let letters: Vec<char> = key.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}
