//! Bodies as programs change them before they verify, and the way back.

/// The change of a body that makes its signature verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyChange {
    /// It verifies as it is.
    None,
    /// Take the byte-order mark away.
    WithoutMark,
    /// Take the newline at the end away.
    WithoutNewline,
    /// Add a newline at the end.
    WithNewline,
    /// Take white space around it away.
    Trimmed,
    /// End the lines as it came, with CR and LF.
    WithCrlf,
    /// Take what stands before the first `{` or after the last `}` away.
    Unwrapped,
    /// Undo that it was parsed and printed again: white space, escapes, numbers.
    Reprinted,
    /// Undo that its members were put into another order.
    Reordered,
}

/// The most members of which each order is tried.
const MAX_MEMBERS: usize = 6;
/// The most bytes that are hashed for that.
const MAX_HASHED: usize = 16 * 1024 * 1024;

/// Tries the body as it is and after each simple change, until one is taken.
pub(super) fn simple_changes<T>(body: &str, mut take: impl FnMut(BodyChange, &str) -> Option<T>) -> Option<T> {
    if let Some(taken) = take(BodyChange::None, body) {
        return Some(taken);
    }
    let mut other = |change, changed: &str| if changed == body { None } else { take(change, changed) };
    let without_newline = body.strip_suffix('\n').map_or(body, |rest| rest.strip_suffix('\r').unwrap_or(rest));
    other(BodyChange::WithoutMark, body.trim_start_matches('\u{feff}'))
        .or_else(|| other(BodyChange::WithoutNewline, without_newline))
        .or_else(|| other(BodyChange::Trimmed, body.trim()))
        .or_else(|| other(BodyChange::WithNewline, &[body, "\n"].concat()))
        .or_else(|| other(BodyChange::WithCrlf, &body.replace("\r\n", "\n").replace('\n', "\r\n")))
        .or_else(|| other(BodyChange::Unwrapped, object(body)?))
        .or_else(|| other(BodyChange::Reprinted, &reprinted(object(body)?)?.text))
}

/// Tries each order of the members of a body, until one is taken.
pub(super) fn orders<T>(body: &str, mut take: impl FnMut(&str) -> Option<T>) -> Option<T> {
    let Reprinted { text, members } = reprinted(object(body)?)?;
    if members.len() > MAX_MEMBERS {
        return None;
    }
    let orders: usize = (1..=members.len()).product();
    if text.len().saturating_mul(orders) > MAX_HASHED {
        return None;
    }
    let mut members: Vec<&str> = members.iter().map(|&(from, to)| &text[from..to]).collect();
    // Heap's algorithm, without recursion.
    let mut counts = vec![0; members.len()];
    let mut place = 0;
    while place < members.len() {
        if counts[place] < place {
            let other = if place.is_multiple_of(2) { 0 } else { counts[place] };
            members.swap(other, place);
            if let Some(taken) = take(&["{", &members.join(","), "}"].concat()) {
                return Some(taken);
            }
            counts[place] += 1;
            place = 0;
        } else {
            counts[place] = 0;
            place += 1;
        }
    }
    None
}

/// The body from its first `{` to its last `}`.
fn object(body: &str) -> Option<&str> {
    let (from, to) = (body.find('{')?, body.rfind('}')?);
    body.get(from..=to)
}

/// A body as it is sent: compact, without needless escapes, with whole numbers as such.
struct Reprinted {
    text: String,
    /// From where to where its outermost members stand.
    members: Vec<(usize, usize)>,
}

/// Prints JSON again, token by token; `None` if it ends inside a text.
fn reprinted(json: &str) -> Option<Reprinted> {
    let mut text = String::with_capacity(json.len());
    let (mut members, mut depth, mut begin) = (Vec::new(), 0_usize, 0);
    let mut rest = json.chars();
    while let Some(next) = rest.next() {
        match next {
            ' ' | '\t' | '\r' | '\n' => continue,
            '"' => {
                text.push('"');
                copy_string(&mut rest, &mut text)?;
                continue;
            }
            '{' | '[' => depth += 1,
            '}' | ']' => {
                whole_number(&mut text);
                depth = depth.saturating_sub(1);
            }
            ',' => whole_number(&mut text),
            _ => {}
        }
        if depth == 0 || (depth == 1 && next == ',') {
            members.push((begin, text.len()));
        }
        text.push(next);
        if depth == 1 && (next == ',' || (next == '{' && text.len() == 1)) {
            begin = text.len();
        }
    }
    Some(Reprinted { text, members })
}

/// Takes the fraction `.0` off the number at the end, as JavaScript prints it.
fn whole_number(text: &mut String) {
    let digits = text.bytes().rev().take_while(|byte| *byte == b'0').count();
    let whole = &text[..text.len() - digits];
    let is_fraction =
        digits > 0 && whole.strip_suffix('.').is_some_and(|it| it.ends_with(|it: char| it.is_ascii_digit()));
    if is_fraction {
        let len = whole.len() - 1;
        text.truncate(len);
    }
}

/// Copies a string up to its end, and writes its escapes as JavaScript does.
fn copy_string(rest: &mut std::str::Chars<'_>, text: &mut String) -> Option<()> {
    let mut high: Option<u32> = None;
    loop {
        let next = rest.next()?;
        if next == '"' {
            text.push('"');
            return Some(());
        }
        if next != '\\' {
            text.push(next);
            continue;
        }
        match rest.next()? {
            'u' => {
                let digits = rest.as_str().get(..4)?;
                let unit = u32::from_str_radix(digits, 16).ok()?;
                rest.nth(3);
                match (high.take(), unit) {
                    (Some(first), 0xdc00..=0xdfff) => {
                        text.push(char::from_u32(0x10000 + ((first - 0xd800) << 10) + (unit - 0xdc00))?);
                    }
                    (_, 0xd800..=0xdbff) => high = Some(unit),
                    _ => push_unit(unit, text)?,
                }
            }
            '/' => text.push('/'),
            escaped => text.extend(['\\', escaped]),
        }
    }
}

/// Writes a character that was escaped by its number.
fn push_unit(unit: u32, text: &mut String) -> Option<()> {
    let short = match unit {
        8 => 'b',
        9 => 't',
        10 => 'n',
        12 => 'f',
        13 => 'r',
        0x22 => '"',
        0x5c => '\\',
        0..0x20 => {
            text.push_str("\\u00");
            text.extend([char::from_digit(unit >> 4, 16)?, char::from_digit(unit & 15, 16)?]);
            return Some(());
        }
        _ => {
            text.push(char::from_u32(unit)?);
            return Some(());
        }
    };
    text.extend(['\\', short]);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> Option<String> {
        reprinted(json).map(|it| it.text)
    }

    #[test]
    fn json_is_printed_as_it_was_sent() {
        for (changed, sent) in [
            ("{ \"a\" : 1,\n\t\"b\": [ 1, 2 ] }", r#"{"a":1,"b":[1,2]}"#),
            (
                r#"{"a":"gr\u00fc\u00DFe \ud83d\ude00 \/ \" \\ \n \u0000\u001F\u0008\u2028"}"#,
                "{\"a\":\"grüße 😀 / \\\" \\\\ \\n \\u0000\\u001f\\b\u{2028}\"}",
            ),
            (r#"{"a":50.0,"b":[1.00,2.50,10,0],"c":"1.0"}"#, r#"{"a":50,"b":[1,2.50,10,0],"c":"1.0"}"#),
        ] {
            assert_eq!(text(changed).as_deref(), Some(sent));
        }
        for broken in ["{\"a", "{\"a\\", "{\"\\u12", "{\"\\ud800\\u0041é"] {
            let _ = text(broken);
        }
        assert_eq!(text("{\"a"), None);
    }

    #[test]
    fn each_order_of_few_members_is_tried_once() {
        let mut seen = std::collections::BTreeSet::new();
        let found: Option<()> = orders(r#"{"a":{"x":1,"y":2},"b":[1,2],"c":"d,e"}"#, |body| {
            assert!(seen.insert(body.to_owned()), "{body}");
            None
        });
        assert_eq!(found, None);
        assert_eq!(seen.len(), 5, "all but the given one");
        assert!(seen.contains(r#"{"c":"d,e","a":{"x":1,"y":2},"b":[1,2]}"#), "{seen:?}");
        for odd in ["", "{}", "{\"a\":1}", "}{", "[1,2]", "{,,}"] {
            orders(odd, |body| (body.len() > 100).then_some(()));
        }
    }
}
