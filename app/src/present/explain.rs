//! The outcome of an attempt in plain words, and the remedy.

use signet_model::delivery::{Failure, Outcome};

use super::{
    delivery::answer,
    situation::{Next, Situation, Webhook},
};

/// An outcome for the readers of the delivery log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Explanation {
    /// The outcome: "The receiver answered 404 Not Found".
    pub(crate) title: String,
    /// The meaning, the remedy, and what comes next.
    pub(crate) advice: String,
}

/// Explains how an attempt ended, in the state in which its delivery is now.
pub(crate) fn explain(outcome: Outcome, situation: Situation) -> Explanation {
    let (title, cause) = match outcome {
        Outcome::Answered(status) => (answered(status), status_advice(status, situation)),
        Outcome::Failed(failure) => (failed(failure).to_owned(), failure_advice(failure)),
    };
    let advice = match sequel(outcome, situation) {
        Some(sequel) => format!("{cause} {sequel}"),
        None => cause.to_owned(),
    };
    Explanation { title, advice }
}

/// Explains how an attempt ended, and nothing about what comes next.
pub(crate) fn explain_cause(outcome: Outcome) -> Explanation {
    explain(outcome, Situation { is_test: false, next: Next::Followed, webhook: Webhook::Enabled, asked: false })
}

/// What comes after a failed attempt, in a sentence of its own.
const fn sequel(outcome: Outcome, Situation { is_test, next, webhook, asked }: Situation) -> Option<&'static str> {
    if outcome.is_success() {
        return None;
    }
    if is_test {
        return match next {
            Next::Due => Some("The test goes out once more."),
            Next::Followed => None,
            Next::Held | Next::Nothing => Some("Tests are sent once: send another one when you have looked."),
        };
    }
    match (next, webhook) {
        (Next::Followed, _) => None,
        (Next::Due, _) if asked => Some("It asked to wait, and the next attempt waits at least as long."),
        (Next::Due, _) => Some("The delivery is tried again by itself."),
        (Next::Held, Webhook::Paused) => {
            Some("The webhook is paused, and the delivery is held until you re-enable it.")
        }
        (Next::Held, Webhook::Disabled | Webhook::DisabledByThis) => {
            Some("The webhook is disabled, and the delivery is held until you re-enable it.")
        }
        (Next::Held, Webhook::Enabled) => {
            Some("The delivery is held. Decide on the page of the webhook what happens to it.")
        }
        (Next::Nothing, Webhook::DisabledByThis) if outcome.is_gone() => {
            Some("This answer disabled the webhook at once. Re-enable it if that was a mistake.")
        }
        (Next::Nothing, Webhook::DisabledByThis) => {
            Some("It was the last attempt, and its failure disabled the webhook. Re-enable it when the receiver works.")
        }
        (Next::Nothing, _) => Some("No attempt follows by itself: resend the delivery when the receiver works."),
    }
}

fn answered(status: u16) -> String {
    format!("The receiver answered {}", answer(status))
}

const fn status_advice(status: u16, situation: Situation) -> &'static str {
    match status {
        200..=299 => "The event was delivered.",
        300..=399 => {
            "Redirects are never followed, so that events go only where you said. Enter the final address as the URL of \
             this webhook."
        }
        400 => {
            "The receiver did not accept the request. Its answer below often says why; check that it reads the body as \
             JSON and expects this type of event."
        }
        401 | 403 => {
            "The receiver refuses the request. If it verifies signatures, check that it uses this webhook's signing \
             secret and the unchanged body; otherwise exempt this path from its login or firewall rules."
        }
        404 => "There is nothing at this path. Check the URL for typing errors, and that the receiver is deployed.",
        405 => "The path exists but takes no POST requests. Point the URL at the route that handles POST.",
        410 if situation.is_test => {
            "The receiver says that it wants no more events, ever. Any other event that is answered so disables a webhook \
             at once; a test changes nothing."
        }
        410 => "The receiver says that it wants no more events, ever.",
        413 => "The receiver finds the body too large. Raise its limit for request bodies.",
        415 => "The receiver does not take JSON. Let it accept Content-Type: application/json on this path.",
        429 => {
            "The receiver asks for fewer requests at a time. Exempt webhooks from its rate limit if this happens often."
        }
        402..=499 => "The receiver rejected the request. Its answer below often says why.",
        500..=599 => "The receiver failed while it handled the request. Look for the error in its logs.",
        _ => "This is not a final answer of HTTP. Check the receiver and what stands in front of it.",
    }
}

const fn failed(failure: Failure) -> &'static str {
    match failure {
        Failure::ConnectTimeout => "The receiver could not be reached in time",
        Failure::Timeout => "The receiver did not answer in time",
        Failure::Dns => "The host name was not found",
        Failure::AddressRefused => "The address is not on the public internet",
        Failure::ConnectionRefused => "The connection was refused",
        Failure::Connect => "The connection could not be made",
        Failure::Tls => "No secure connection could be made",
        Failure::ConnectionReset => "The connection broke before an answer came",
        Failure::Protocol => "The answer was not valid HTTP",
        Failure::Unknown => "The attempt failed in a way that a newer version recorded",
    }
}

const fn failure_advice(failure: Failure) -> &'static str {
    match failure {
        Failure::ConnectTimeout => {
            "No connection stood before the time was up. Check that the server is running and that its firewall lets \
             connections from the internet in on this port."
        }
        Failure::Timeout => {
            "The connection stood, but no answer came before the time was up. Answer with a 2xx status first and do slow \
             work afterwards."
        }
        Failure::Dns => {
            "Check the host name in the URL for typing errors, and that its DNS record exists and is public. A new record \
             can take a while to be seen everywhere."
        }
        Failure::AddressRefused => {
            "Webhooks must be reachable from the public internet: use a host name with public addresses only, not one \
             of your own machine or private network."
        }
        Failure::ConnectionRefused => {
            "The host is there, but nothing listens on this port. Check that the receiver is running and that the port in \
             the URL is right."
        }
        Failure::Connect => {
            "The network between here and the receiver does not let the connection through. Check that the server is up \
             and that its addresses are right."
        }
        Failure::Tls => {
            "Check the certificate: it must be valid now, be issued by a public authority for this host name, and be sent \
             with its intermediate certificates. The port must speak HTTPS."
        }
        Failure::ConnectionReset => {
            "The receiver, or a proxy in front of it, closed the connection early. Look for a crash or a restart in its \
             logs."
        }
        Failure::Protocol => {
            "Check that a web server listens on this port, and that it answers with ordinary HTTP and response headers \
             of a reasonable size."
        }
        Failure::Unknown => "Open this page with the newer version of the server to see what it means.",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const RETRIED: Situation = Situation { is_test: false, next: Next::Due, webhook: Webhook::Enabled, asked: false };

    #[test]
    fn an_answer_is_named_with_its_reason() {
        for (status, title) in [
            (200, "The receiver answered 200 OK"),
            (404, "The receiver answered 404 Not Found"),
            (299, "The receiver answered 299"),
            (599, "The receiver answered 599"),
        ] {
            assert_eq!(explain(Outcome::Answered(status), RETRIED).title, title);
        }
    }

    #[test]
    fn every_failure_has_a_title_and_an_advice_of_its_own() {
        let explained: Vec<_> =
            Failure::ALL.iter().map(|&failure| explain(Outcome::Failed(failure), RETRIED)).collect();
        let titles: HashSet<_> = explained.iter().map(|it| it.title.as_str()).collect();
        let advices: HashSet<_> = explained.iter().map(|it| it.advice.as_str()).collect();
        assert_eq!((titles.len(), advices.len()), (Failure::ALL.len(), Failure::ALL.len()));
    }

    fn outcomes() -> impl Iterator<Item = Outcome> {
        (100..=600).map(Outcome::Answered).chain(Failure::ALL.iter().map(|&failure| Outcome::Failed(failure)))
    }

    fn situations() -> Vec<Situation> {
        let mut all = Vec::new();
        for is_test in [false, true] {
            for next in Next::ALL {
                for webhook in Webhook::ALL {
                    all.extend([false, true].map(|asked| Situation { is_test, next, webhook, asked }));
                }
            }
        }
        all
    }

    /// Asserts that a text has some words exactly where they are true.
    fn assert_said(advice: &str, words: &str, is_true: bool, case: &str) {
        assert_eq!(advice.contains(words), is_true, "{case}: {words:?} in {advice:?}");
    }

    #[test]
    fn the_advice_says_what_comes_next_and_nothing_that_is_not_so() {
        for outcome in outcomes().filter(|outcome| !outcome.is_success()) {
            for it in situations() {
                let case = format!("{outcome:?} {it:?}");
                let advice = explain(outcome, it).advice;
                let Situation { is_test, next, webhook, asked } = it;
                let own = !is_test;
                let (due, held, over) = (next == Next::Due, next == Next::Held, next == Next::Nothing);
                let disabled_it = own && over && webhook == Webhook::DisabledByThis;
                assert_said(&advice, "tried again by itself", own && due && !asked, &case);
                assert_said(&advice, "asked to wait", own && due && asked, &case);
                assert_said(&advice, "is held", own && held, &case);
                assert_said(&advice, "webhook is paused", own && held && webhook == Webhook::Paused, &case);
                assert_said(&advice, "disabled the webhook", disabled_it, &case);
                assert_said(&advice, "last attempt", disabled_it && !outcome.is_gone(), &case);
                assert_said(&advice, "No attempt follows", own && over && !disabled_it, &case);
                assert_said(&advice, "Tests are sent once", is_test && (held || over), &case);
                assert!(own || !advice.contains("enable"), "{case}: {advice}");
            }
        }
    }

    #[test]
    fn what_was_delivered_has_no_sequel() {
        for it in situations() {
            assert_eq!(explain(Outcome::Answered(204), it).advice, "The event was delivered.");
        }
    }

    #[test]
    fn advice_is_in_whole_sentences() {
        for outcome in outcomes() {
            for Explanation { title, advice } in situations().into_iter().map(|it| explain(outcome, it)) {
                assert!(advice.ends_with('.') && !advice.contains("  "), "{title}: {advice}");
                assert!(!title.ends_with('.'), "{title}");
            }
        }
    }

    #[test]
    fn a_redirect_is_explained_as_not_followed() {
        assert!(explain(Outcome::Answered(308), RETRIED).advice.contains("never followed"));
    }
}
