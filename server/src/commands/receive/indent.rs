//! JSON laid out for reading, every token left as it came.

/// Puts each member and element on a line of its own. What is not JSON comes out
/// as something else that is not JSON.
pub fn indent(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut letters = json.chars().peekable();
    while let Some(letter) = letters.next() {
        if in_string {
            out.push(letter);
            in_string = escaped || letter != '"';
            escaped = letter == '\\' && !escaped;
            continue;
        }
        match letter {
            '{' | '[' => {
                out.push(letter);
                if let Some(close) = letters.next_if(|&next| next == '}' || next == ']') {
                    out.push(close);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(letter);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            ' ' | '\n' | '\r' | '\t' => {}
            _ => {
                in_string = letter == '"';
                out.push(letter);
            }
        }
    }
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stand_on_lines_of_their_own_and_tokens_stay_as_they_are() {
        assert_eq!(
            indent(r#"{"b":1e+21,"a":[50,{"x":"a,b:{\"}"}],"empty":{},"none":[]}"#),
            "{\n  \"b\": 1e+21,\n  \"a\": [\n    50,\n    {\n      \"x\": \"a,b:{\\\"}\"\n    }\n  ],\n  \"empty\": {},\n  \"none\": []\n}"
        );
    }

    #[test]
    fn a_backslash_before_the_end_of_a_string_does_not_hide_it() {
        assert_eq!(indent(r#"["\\",1]"#), "[\n  \"\\\\\",\n  1\n]");
    }
}
