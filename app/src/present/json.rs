//! JSON, laid out for reading.

const INDENT: &str = "  ";

/// Compact JSON with line breaks and indentation; its tokens stay as they are.
/// What is not JSON comes back more or less as it was.
pub(crate) fn indented(json: &str) -> String {
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
    // Hostile nesting must not make the page many times larger than the body.
    for _ in 0..depth.min(24) {
        out.push_str(INDENT);
    }
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
    fn what_is_not_json_does_no_harm() {
        for text in ["", "]]]}", "{{{{", "\"open", "OK"] {
            let _ = indented(text);
        }
        assert_eq!(indented("OK"), "OK");
    }
}
