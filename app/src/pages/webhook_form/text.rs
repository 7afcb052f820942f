//! The sentences of the screen.

use signet_engine::service::endpoints::FilterPreview;
use signet_model::{
    endpoint::{
        UrlError,
        custom_headers::{CustomHeaderName, HeaderNameError, HeaderValueError},
    },
    filter::{FilterError, PointerError},
    throttle::InvalidThrottle,
};

use crate::present::ReadableHost;

pub(super) const ADD_TITLE: &str = "Add webhook";
pub(super) const EDIT_TITLE: &str = "Edit webhook";
pub(super) const ADD: &str = "Add";
pub(super) const EDIT: &str = "Edit";
pub(super) const URL: &str = "URL";
pub(super) const URL_HINT: &str =
    "Where events are sent with POST. It must start with https:// and be reachable from the internet.";
pub(super) const DESCRIPTION: &str = "Description";
pub(super) const DESCRIPTION_HINT: &str = "What this webhook is for, so that others recognise it.";
pub(super) const EVENTS: &str = "Events";
pub(super) const EVENTS_HINT: &str = "Choose what this webhook is told about.";
pub(super) const SECRET: &str = "Signing secret";
pub(super) const SECRET_HINT: &str =
    "Give this to your receiver now, so that it can verify the first event. You can see it again later.";
pub(super) const REVEAL: &str = "Reveal";
pub(super) const HIDE: &str = "Hide";
pub(super) const SAVE: &str = "Save webhook";
pub(super) const CANCEL: &str = "Cancel";

pub(super) const CREATED: &str = "Webhook created. Send a test event to check your receiver.";
pub(super) const CREATED_AGAIN: &str =
    "Webhook created. Another webhook of this account has the same URL: events that both want are sent there twice.";
pub(super) const CREATED_BEFORE: &str = "This form had created this webhook before. Edit it to change it.";
pub(super) const SAVED: &str = "Webhook saved.";

pub(super) const URL_FINE: &str = "This host can be looked up.";
pub(super) const URL_NOT_FOUND: &str =
    "This host could not be looked up, or is not on the public internet. Check it for typing errors.";
pub(super) const URL_UNKNOWN: &str = "The URL is complete. Its host was not looked up.";
pub(super) const URL_USED: &str =
    "Another webhook of this account has the same URL: events that both want are sent there twice.";

pub(super) fn host(host: &ReadableHost) -> String {
    format!("The host is {} ({}).", host.shown, host.beside)
}

pub(super) const TEST: &str = "Test before you save";
pub(super) const TEST_HINT: &str = "Sends one sample event to the URL above, signed with this webhook’s secret. Nothing is saved, and what you typed \
     stays. Header values that are stored are only sent to the host that has them.";
pub(super) const SEND_TEST: &str = "Send test";
pub(super) const TEST_TYPE: &str = "Event to send";
pub(super) const NO_TEST_TYPE: &str = "Choose the event to send.";
pub(super) const TEST_SENT_BEFORE: &str = "This test was sent before. Press the button to send another.";
pub(super) const TESTED: &str = "The test has ended. Nothing is saved yet.";

pub(super) const ASIDE: &str = "What the receiver gets";
pub(super) const SAMPLE: &str = "Sample body";
pub(super) const SENT_HEADERS: &str = "Headers";
pub(super) const HEADER_TIME: &str = "seconds since 1970";
pub(super) const HEADER_EVENT: &str = "the event type";
pub(super) const CODE: &str = "Verification code";
pub(super) const CODE_WITH_SECRET: &str = "Show it with this webhook’s secret";

pub(super) const OPTIONS: &str = "Options";
pub(super) const OPTIONAL: &str = "Optional";
pub(super) const HEADERS: &str = "Headers";
pub(super) const HEADERS_HINT: &str = "Sent with every request, such as a token that a gateway before your receiver asks for. Values are stored \
     encrypted and never shown again; a value that is left empty stays as it is.";
pub(super) const HEADER_NAME: &str = "Name of the header";
pub(super) const HEADER_VALUE: &str = "Value of the header";
pub(super) const THROTTLE: &str = "Deliveries a second";
pub(super) const THROTTLE_HINT: &str =
    "The most that may start in a second, from 1 to 1,000. Leave it empty to send events as they happen.";
pub(super) const CLOUD_EVENTS: &str = "Add CloudEvents headers";
pub(super) const CLOUD_EVENTS_HINT: &str = "Every request carries `ce-specversion`, `ce-id`, `ce-source`, `ce-type` and `ce-time` as well: the binary mode of \
     CloudEvents. Body and signatures stay as they are.";

pub(super) const FILTER: &str = "Filter";
pub(super) const FILTER_HINT: &str = "Send only events whose members meet all of these conditions. A member is named by its path in the body, such as \
     /total or /lines/0/sku. Several values have commas between them.";
pub(super) const FILTER_MEMBER: &str = "Member";
pub(super) const FILTER_TEST: &str = "Test";
pub(super) const FILTER_VALUE: &str = "Value";
pub(super) const PREVIEW: &str = "Preview filter";
pub(super) const NO_CONDITION: &str = "Enter a condition to preview.";
pub(super) const NO_TEST: &str = "needs a test: choose one";
pub(super) const NO_VALUE: &str = "needs a value to compare with; \"\" is the empty text";
pub(super) const NO_NUMBER: &str = "needs a number to compare with, such as 45.5";

pub(super) fn invalid_member(error: PointerError) -> String {
    format!("names a member that {error}")
}

/// `place` counts from 0.
pub(super) fn invalid_condition(place: usize, fault: &str) -> String {
    format!("Condition {} {fault}.", place + 1)
}

pub(super) fn invalid_filter(error: FilterError) -> String {
    match error {
        FilterError::Empty => NO_CONDITION.to_owned(),
        FilterError::TooMany => "A filter has at most 10 conditions. Remove some.".to_owned(),
        FilterError::TooLarge => {
            "The conditions have more than 4,096 characters together. Shorten or remove some.".to_owned()
        }
        FilterError::Condition { place, reason } => invalid_condition(place, &reason.to_string()),
    }
}

pub(super) fn matching(preview: &FilterPreview) -> String {
    match (preview.matching, preview.judged()) {
        (_, 0) => "There is no event of these types yet to try the filter on.".to_owned(),
        (1, 1) => "The last event would reach this webhook.".to_owned(),
        (0, 1) => "The last event would not reach this webhook.".to_owned(),
        (matching, judged) => format!("{matching} of the last {judged} events would reach this webhook."),
    }
}

pub(super) fn left_out(count: usize, named: usize) -> String {
    if count > named {
        format!("The latest {named} of those that would not:")
    } else {
        "Those that would not:".to_owned()
    }
}

pub(super) fn invalid_throttle(InvalidThrottle: InvalidThrottle) -> String {
    "Enter a whole number from 1 to 1,000, or leave it empty.".to_owned()
}

pub(super) fn invalid_header_name(name: &str, error: HeaderNameError) -> String {
    match error {
        HeaderNameError::Empty => "Enter a name beside each value.".to_owned(),
        error => format!("The header {name} {error}."),
    }
}

pub(super) fn invalid_header_value(name: &CustomHeaderName, error: HeaderValueError) -> String {
    format!("The value of the header {name} {error}.")
}

pub(super) fn too_many(limit: u32) -> String {
    format!("This account has {limit} webhooks, and may not have more. Delete one that is no longer used.")
}

pub(super) fn invalid_url(error: UrlError) -> String {
    match error {
        UrlError::Empty => "Enter the URL that events are sent to, such as https://example.com/webhooks.",
        UrlError::TooLong => "The URL is too long: use at most 2,048 characters.",
        UrlError::NotAbsolute => {
            "This is not a complete URL. Start it with https:// and a host name, such as https://example.com/webhooks."
        }
        UrlError::NotEncrypted => "The URL must start with https://, not http://: events are only sent encrypted.",
        UrlError::NotHttps => "The URL must start with https://.",
        UrlError::Host => "The host name is not valid. Check it for typing errors.",
        UrlError::HostLetter => "A host name has only letters, digits, hyphens and dots. Check it for typing errors.",
        UrlError::HostWildcard => "Enter the name of one host: * stands for many.",
        UrlError::HostHyphen => "No part of a host name may begin or end with a hyphen. Check it for typing errors.",
        UrlError::HostTooLong => "The host name is too long: use at most 63 letters between two dots, and 253 in all.",
        UrlError::Port => "The port is not valid: use a number from 1 to 65535, or leave it out.",
        UrlError::Credentials => {
            "Remove the user name and password from the URL. The signature proves that a request is ours."
        }
        UrlError::Fragment => "Remove the part after #: it is never sent to a server.",
        UrlError::WhiteSpace => "The URL has spaces or line breaks in it. Remove them.",
    }
    .to_owned()
}
