//! The last attempt as a command: the same request, with the signatures that were sent.

use std::fmt::Write;

use signet_model::delivery::Attempt;

/// The longest body that the command holds, in bytes; a longer one is read from a file.
const MAX_BODY: usize = 8 * 1024;

/// The command that makes the request again. A shell of POSIX takes every text in single quotes as it is.
pub(super) fn command(url: &str, attempt: &Attempt, body: &str) -> String {
    let mut command = format!("curl -i {}", quoted(url));
    for (name, value) in &attempt.request_headers {
        let _ = write!(command, " \\\n  -H {}", quoted(&format!("{name}: {value}")));
    }
    let data = if is_in_file(body) { "@body.json".to_owned() } else { quoted(body) };
    let _ = write!(command, " \\\n  --data-binary {data}");
    command
}

/// Returns true if the command reads the body from a file.
pub(super) const fn is_in_file(body: &str) -> bool {
    body.len() > MAX_BODY
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use signet_model::Timestamp;

    use super::*;

    #[test]
    fn the_command_repeats_the_request_and_a_shell_reads_nothing_into_it() {
        let mut attempt = Attempt::begun(1, Timestamp::from_unix_seconds(0));
        attempt.request_headers =
            vec![("X-Webhook-Signature".into(), "ab".into()), ("X-Own".into(), "it's $HOME".into())];
        assert_eq!(
            command("https://example.com/a?b=c&d", &attempt, r#"{"a":"`id` '"}"#),
            "curl -i 'https://example.com/a?b=c&d' \\\n  -H 'X-Webhook-Signature: ab' \\\n  -H 'X-Own: it'\\''s $HOME' \\\n  \
             --data-binary '{\"a\":\"`id` '\\''\"}'"
        );
        assert!(command("https://example.com/", &attempt, &"x".repeat(MAX_BODY + 1)).ends_with("@body.json"));
    }
}
