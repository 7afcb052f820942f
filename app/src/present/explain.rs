//! The outcome of an attempt in plain words, and the remedy.

use signet_model::delivery::{Failure, Outcome};

use super::delivery::answer;

/// An outcome for the readers of the delivery log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Explanation {
    /// The outcome: "The receiver answered 404 Not Found".
    pub(crate) title: String,
    /// The meaning and the remedy, in one to three sentences.
    pub(crate) advice: &'static str,
}

/// Explains how an attempt ended.
pub(crate) fn explain(outcome: Outcome) -> Explanation {
    match outcome {
        Outcome::Answered(status) => Explanation { title: answered(status), advice: status_advice(status) },
        Outcome::Failed(failure) => Explanation { title: failed(failure).to_owned(), advice: failure_advice(failure) },
    }
}

/// Explains how a test event ended. It is one attempt: it is not repeated, and leaves its
/// endpoint as it is.
pub(crate) fn explain_test(outcome: Outcome) -> Explanation {
    let mut explanation = explain(outcome);
    if let Outcome::Answered(status) = outcome {
        explanation.advice = test_advice(status).unwrap_or(explanation.advice);
    }
    explanation
}

/// The advice where that for other events is not true of a test.
const fn test_advice(status: u16) -> Option<&'static str> {
    Some(match status {
        410 => {
            "The receiver says that it wants no more events, ever. This was a test and changes nothing; any other event \
             that is answered so disables this webhook at once."
        }
        429 => {
            "The receiver asks for fewer requests at a time. A test is not repeated: send another one later, or exempt \
             webhooks from its rate limit if this happens often."
        }
        500..=599 => {
            "The receiver failed while it handled the request. Look for the error in its logs, and send another test \
             when it is repaired."
        }
        _ => return None,
    })
}

fn answered(status: u16) -> String {
    format!("The receiver answered {}", answer(status))
}

const fn status_advice(status: u16) -> &'static str {
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
        410 => {
            "The receiver says that it wants no more events, ever, so this webhook was disabled at once. Re-enable it if \
             that was a mistake."
        }
        413 => "The receiver finds the body too large. Raise its limit for request bodies.",
        415 => "The receiver does not take JSON. Let it accept Content-Type: application/json on this path.",
        429 => {
            "The receiver asks for fewer requests at a time. The next attempt waits at least as long as it asks with \
             Retry-After; exempt webhooks from its rate limit if this happens often."
        }
        402..=499 => "The receiver rejected the request. Its answer below often says why.",
        500..=599 => {
            "The receiver failed while it handled the request. Look for the error in its logs; it is tried again \
             automatically until the retries are used up."
        }
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

    #[test]
    fn an_answer_is_named_with_its_reason() {
        for (status, title) in [
            (200, "The receiver answered 200 OK"),
            (404, "The receiver answered 404 Not Found"),
            (299, "The receiver answered 299"),
            (599, "The receiver answered 599"),
        ] {
            assert_eq!(explain(Outcome::Answered(status)).title, title);
        }
    }

    #[test]
    fn every_failure_has_a_title_and_an_advice_of_its_own() {
        let explained: Vec<_> = Failure::ALL.iter().map(|&failure| explain(Outcome::Failed(failure))).collect();
        let titles: HashSet<_> = explained.iter().map(|it| it.title.as_str()).collect();
        let advices: HashSet<_> = explained.iter().map(|it| it.advice).collect();
        assert_eq!((titles.len(), advices.len()), (Failure::ALL.len(), Failure::ALL.len()));
    }

    fn outcomes() -> impl Iterator<Item = Outcome> {
        (100..=600).map(Outcome::Answered).chain(Failure::ALL.iter().map(|&failure| Outcome::Failed(failure)))
    }

    #[test]
    fn a_test_is_never_said_to_be_repeated_or_to_have_disabled_its_webhook() {
        for outcome in outcomes() {
            let Explanation { title, advice } = explain_test(outcome);
            assert_eq!(title, explain(outcome).title);
            for claim in ["was disabled", "Re-enable", "again automatically", "next attempt", "retries"] {
                assert!(!advice.contains(claim), "{title}: {advice}");
            }
        }
    }

    #[test]
    fn advice_is_in_whole_sentences() {
        for Explanation { title, advice } in outcomes().flat_map(|outcome| [explain(outcome), explain_test(outcome)]) {
            assert!(advice.ends_with('.') && !advice.contains("  "), "{title}: {advice}");
            assert!(!title.ends_with('.'), "{title}");
        }
    }

    #[test]
    fn a_redirect_is_explained_as_not_followed() {
        assert!(explain(Outcome::Answered(308)).advice.contains("never followed"));
    }
}
