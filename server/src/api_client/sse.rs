//! Server-Sent Events, as the HTML standard has them (section 9.2.6).

use std::collections::VecDeque;

use reqwest::Response;

use super::ApiError;

/// The longest line, in bytes: an event may have 1 MiB.
const MAX_LINE: usize = 4 * 1024 * 1024;

/// One message of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// The place of the message, if it has one.
    pub id: Option<String>,
    /// The name of the kind of message; empty for the usual one.
    pub event: String,
    /// The text; empty where the message only moves the place.
    pub data: String,
}

/// The messages of a stream that is open.
#[derive(Debug)]
pub struct Messages {
    response: Response,
    parser: Parser,
    parsed: VecDeque<Message>,
}

impl Messages {
    pub(super) fn new(response: Response) -> Self {
        Self { response, parser: Parser::default(), parsed: VecDeque::new() }
    }

    /// The next message; `None` once the server has ended the stream.
    ///
    /// # Errors
    /// The connection broke, or the stream is none.
    pub async fn next(&mut self) -> Result<Option<Message>, ApiError> {
        loop {
            if let Some(message) = self.parsed.pop_front() {
                return Ok(Some(message));
            }
            let Some(chunk) = self.response.chunk().await.map_err(ApiError::unreachable)? else { return Ok(None) };
            self.parser.push(&chunk, &mut self.parsed)?;
        }
    }
}

/// Takes a stream apart, however its bytes are cut.
#[derive(Debug, Default)]
struct Parser {
    line: Vec<u8>,
    message: Message,
    has_fields: bool,
}

impl Parser {
    fn push(&mut self, bytes: &[u8], parsed: &mut VecDeque<Message>) -> Result<(), ApiError> {
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.line.extend_from_slice(part);
            if self.line.len() > MAX_LINE {
                return Err(ApiError::Strange("a line of the stream is too long".to_owned()));
            }
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                parsed.extend(self.take_line(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n'])));
            }
        }
        Ok(())
    }

    /// Takes one line in. Returns the message that it ends.
    fn take_line(&mut self, line: &str) -> Option<Message> {
        if line.is_empty() {
            let message = std::mem::take(&mut self.message);
            return std::mem::take(&mut self.has_fields).then_some(message);
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" => self.message.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.message.event),
            "data" => {
                if !self.message.data.is_empty() {
                    self.message.data.push('\n');
                }
                self.message.data.push_str(value);
            }
            // A comment, or a member that later versions may have.
            _ => return None,
        }
        self.has_fields = true;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_the_same_however_the_bytes_are_cut() {
        let text = ": hello\n\nid: evt_1\ndata: {\"a\":\"é\"}\n\nid: evt_2\r\n\r\nevent: missed\ndata: 1\ndata: 2\n\n";
        let expected = [
            Message { id: Some("evt_1".into()), event: String::new(), data: "{\"a\":\"é\"}".into() },
            Message { id: Some("evt_2".into()), ..Message::default() },
            Message { id: None, event: "missed".into(), data: "1\n2".into() },
        ];
        for size in 1..text.len() {
            let (mut parser, mut parsed) = (Parser::default(), VecDeque::new());
            for part in text.as_bytes().chunks(size) {
                parser.push(part, &mut parsed).expect("short lines");
            }
            assert_eq!(parsed, expected, "parts of {size} bytes");
        }
    }

    #[test]
    fn a_line_without_an_end_is_refused() {
        let (mut parser, mut parsed) = (Parser::default(), VecDeque::new());
        assert!(parser.push(&vec![b'a'; MAX_LINE + 1], &mut parsed).is_err());
    }
}
