//! The sentences of the screen.

pub(super) const TITLE: &str = "Coming back";
pub(super) const LEAD: &str =
    "See that the receiver answers, let events through again, and send what it missed. Skip what you do not need.";

pub(super) const TEST: &str = "Test the receiver";
pub(super) const TEST_HINT: &str = "A test goes out even while the webhook is disabled, and changes nothing.";
pub(super) const LAST_TEST: &str = "The last test was sent on {}.";
pub(super) const OPEN_TEST: &str = "Send a test";

pub(super) const ENABLE: &str = "Re-enable the webhook";
pub(super) const ENABLE_HINT: &str =
    "From then on new events are sent at once. What is held stays held until you choose below.";
pub(super) const IS_ENABLED: &str = "It is enabled.";

pub(super) const SEND: &str = "Send what it missed";
pub(super) const SEND_HINT: &str = "All that is held, and what has failed of events that were accepted since {}.";
pub(super) const NOTHING: &str = "Nothing is held, and nothing has failed.";
pub(super) const HELD: &str = "Held deliveries";
pub(super) const FAILED: &str = "Failed deliveries";
pub(super) const SEND_THEM: &str = "Send";
pub(super) const KEEP: &str = "Keep held";
pub(super) const DISCARD: &str = "Discard";
pub(super) const LEAVE: &str = "Leave failed";
pub(super) const BEGIN: &str = "Begin";
pub(super) const ENABLE_FIRST: &str = "Re-enable the webhook first; then you can choose what to send.";
pub(super) const SENT: &str = "Done as you chose.";
