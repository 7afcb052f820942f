//! The sentences of the screen.

pub(crate) const TITLE: &str = "Your sign-in";
pub(super) const LEAD: &str = "The address and the password with which you sign in, in all your accounts.";
pub(super) const ACCOUNTS: &str = "Your accounts";

pub(super) const EMAIL: &str = "E-mail";
pub(super) const CHANGE_EMAIL: &str = "Change e-mail";
pub(super) const EMAIL_CHANGED: &str = "E-mail address changed. Sign in with it from now on.";
pub(super) const PASSWORD: &str = "Password";
pub(super) const PASSWORD_LEAD: &str = "All your sessions end when you change it, except for this one.";
pub(super) const PRESENT: &str = "Present password";
pub(super) const NEW: &str = "New password";
pub(super) const CHANGE_PASSWORD: &str = "Change password";
pub(super) const PASSWORD_CHANGED: &str = "Password changed. All other sessions have ended.";

pub(super) const ZONE_TITLE: &str = "Times";
pub(super) const ZONE: &str = "Time zone";
pub(super) const ZONE_HINT: &str = "All times are shown in it, with UTC beside them.";
pub(super) const ZONE_OF_BROWSER: &str = "As the browser";
pub(super) const SAVE_ZONE: &str = "Save time zone";
pub(super) const ZONE_SAVED: &str = "Time zone saved.";
pub(super) const NO_ZONE: &str = "Choose a time zone of the list.";

pub(super) const SESSIONS: &str = "Sessions";
pub(super) const DEVICE: &str = "Device";
pub(super) const ADDRESS: &str = "Address";
pub(super) const SIGNED_IN: &str = "Signed in";
pub(super) const USED: &str = "Last used";
pub(super) const ACTIONS: &str = "Actions";
pub(super) const THIS: &str = "(this one)";
pub(super) const UNKNOWN_DEVICE: &str = "Unknown device";
pub(super) const UNKNOWN_ADDRESS: &str = "Unknown";
pub(super) const END: &str = "End";
pub(super) const ENDED: &str = "Session ended.";
pub(super) const END_OTHERS: &str = "End all other sessions";
pub(super) const OTHERS_ENDED: &str = "All other sessions have ended.";
