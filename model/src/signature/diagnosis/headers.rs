//! Headers as people paste them: from a log, from curl, from a framework's dump.

/// The headers that matter, where they are there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Headers<'a> {
    /// `X-Webhook-Signature`.
    pub hex: Option<&'a str>,
    /// `webhook-id`.
    pub id: Option<&'a str>,
    /// `webhook-timestamp`.
    pub timestamp: Option<&'a str>,
    /// `webhook-signature`.
    pub standard: Option<&'a str>,
}

/// What stands around a name or a value in code and in logs.
const AROUND: &[char] = &[' ', '\t', '\r', '"', '\'', '`', ',', ';', '\\', '{', '}', '[', ']', '(', ')'];

impl<'a> Headers<'a> {
    /// Reads a header a line; other lines are passed over.
    pub fn parse(text: &'a str) -> Self {
        let mut headers = Self::default();
        for line in text.lines() {
            let line = line.trim_start_matches([' ', '\t', '>', '<', '*']);
            let line = line.strip_prefix("-H ").or_else(|| line.strip_prefix("--header ")).unwrap_or(line);
            let Some((name, value)) = line.split_once("=>").or_else(|| split_at_name(line)) else { continue };
            let (name, value) = (name.trim_matches(AROUND), value.trim_matches(AROUND));
            let slot = match name {
                _ if is(name, "x-webhook-signature") => &mut headers.hex,
                _ if is(name, "webhook-id") => &mut headers.id,
                _ if is(name, "webhook-timestamp") => &mut headers.timestamp,
                _ if is(name, "webhook-signature") => &mut headers.standard,
                _ => continue,
            };
            if !value.is_empty() {
                slot.get_or_insert(value);
            }
        }
        headers
    }
}

fn split_at_name(line: &str) -> Option<(&str, &str)> {
    line.split_once(':').or_else(|| line.split_once('='))
}

/// Compares a name as HTTP does, and as CGI spells it (`HTTP_WEBHOOK_ID`).
fn is(name: &str, header: &str) -> bool {
    let cgi = |text: &str| text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("http_"));
    let name = if cgi(name) { &name[5..] } else { name };
    name.len() == header.len()
        && name.bytes().zip(header.bytes()).all(|(a, b)| a.eq_ignore_ascii_case(&b) || (a == b'_' && b == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_as_logs_and_programs_write_them() {
        for text in [
            "Webhook-Id: msg_1\nWebhook-Timestamp: 12\nX-Webhook-Signature: ab\nWebhook-Signature: v1,x v1,y",
            "> webhook-id: msg_1\r\n> webhook-timestamp: 12\r\n> x-webhook-signature: ab\r\n> webhook-signature: v1,x v1,y\r\n",
            "-H 'Webhook-Id: msg_1' \\\n -H 'Webhook-Timestamp: 12' \\\n -H 'X-Webhook-Signature: ab' \\\n-H 'Webhook-Signature: v1,x v1,y'",
            "{\n  \"webhook-id\": \"msg_1\",\n  \"webhook-timestamp\": \"12\",\n  \"x-webhook-signature\": \"ab\",\n  \"webhook-signature\": \"v1,x v1,y\"\n}",
            "HTTP_WEBHOOK_ID=msg_1\nHTTP_WEBHOOK_TIMESTAMP=12\nHTTP_X_WEBHOOK_SIGNATURE=ab\nHTTP_WEBHOOK_SIGNATURE=v1,x v1,y",
            "\"HTTP_WEBHOOK_ID\" => \"msg_1\",\n'http_webhook_timestamp' => '12',\n'webhook_signature' => 'v1,x v1,y',\n'X-Webhook-Signature' => 'ab'",
        ] {
            let expected =
                Headers { hex: Some("ab"), id: Some("msg_1"), timestamp: Some("12"), standard: Some("v1,x v1,y") };
            assert_eq!(Headers::parse(text), expected, "{text}");
        }
        for nothing in ["", "\n:\n=", "webhook-id", "webhook-id:", "webhook-identity: 1", "héé: 1", "a: webhook-id: 1"]
        {
            assert_eq!(Headers::parse(nothing), Headers::default(), "{nothing}");
        }
    }
}
