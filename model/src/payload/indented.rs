//! JSON, laid out for reading.

const INDENT: &str = "  ";

/// The deepest level that is indented further: hostile nesting must not make the text many
/// times longer.
const DEPTH_MAX: usize = 24;

/// Lays JSON out with line breaks and indentation; its tokens stay as they are. A text that
/// is not JSON comes back more or less as it was.
pub fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut letters = json.trim().chars().peekable();
    while let Some(letter) = letters.next() {
        if in_string {
            out.push(letter);
            in_string = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
            continue;
        }
        match letter {
            '{' | '[' if matches!(letters.peek(), Some('}' | ']')) => out.push(letter),
            '{' | '[' => {
                depth += 1;
                out.push(letter);
                break_line(&mut out, depth);
            }
            '}' | ']' => {
                if !out.ends_with(['{', '[']) {
                    depth = depth.saturating_sub(1);
                    break_line(&mut out, depth);
                }
                out.push(letter);
            }
            ',' => {
                out.push(letter);
                break_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            letter if letter.is_ascii_whitespace() => {}
            letter => {
                in_string = letter == '"';
                out.push(letter);
            }
        }
    }
    out
}

fn break_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n(INDENT, depth.min(DEPTH_MAX)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structure_is_laid_out_and_strings_are_left_alone() {
        let json = r#"{"a":[1,2],"b":{},"c":[],"d":"{,:\"[\\","e":{"f":null}}"#;
        let expected = r#"{
  "a": [
    1,
    2
  ],
  "b": {},
  "c": [],
  "d": "{,:\"[\\",
  "e": {
    "f": null
  }
}"#;
        assert_eq!(indented(json), expected);
        assert_eq!(indented(expected), expected);
    }

    #[test]
    fn a_text_that_is_not_json_does_no_harm() {
        for text in ["", "]]]}", "{{{{", "\"open", "OK"] {
            let _ = indented(text);
        }
        assert_eq!(indented("OK"), "OK");
    }
}
