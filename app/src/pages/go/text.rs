//! The sentences of the screen.

pub(crate) const TITLE: &str = "Go to";
pub(super) const LEAD: &str = "Find an id, a URL, a page, or something to do. Ctrl K or ⌘ K opens this over any page.";
pub(super) const QUERY: &str = "Id, URL, page or action";
pub(super) const FIND: &str = "Find";
pub(super) const NOTHING: &str = "Nothing was found. Enter an id, a part of a URL, or the name of a page.";

pub(super) const ADD_WEBHOOK: &str = "Add a webhook";
pub(super) const DELIVERY: &str = "Delivery";
pub(super) const WEBHOOK: &str = "Webhook";

pub(super) const KEYS: &str = "Keyboard shortcuts";
pub(super) const KEYS_ON: &str =
    "Single keys act while no field has the focus. Switch them off if you dictate, or press keys by accident.";
pub(super) const KEYS_OFF: &str = "Single keys do nothing in this browser. Ctrl K and ⌘ K go on to work.";
pub(super) const SWITCH_ON: &str = "Switch shortcuts on";
pub(super) const SWITCH_OFF: &str = "Switch shortcuts off";

/// The shortcuts, with their meanings.
pub(super) const SHORTCUTS: [(&str, &str); 8] = [
    ("Ctrl K or ⌘ K", "Go to an id, a URL, a page or something to do"),
    ("?", "Show the shortcuts"),
    ("/", "Go to the search of the page"),
    ("j", "Next row"),
    ("k", "Previous row"),
    ("Enter", "Open the row"),
    ("r", "Resend"),
    ("g then a letter", "Go to a section: w webhooks, d deliveries, k API keys, p people, a account"),
];

pub(super) fn deliveries_with(query: &str) -> String {
    format!("Deliveries with “{query}”")
}

pub(super) fn event(id: impl std::fmt::Display) -> String {
    format!("Deliveries of event {id}")
}
