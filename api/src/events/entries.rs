//! Takes a JSON array apart into the texts of its entries, so that an entry that is not
//! valid spoils no other.

/// The text is not an array, or the ends of its entries cannot be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoArray {
    /// Another value than an array, or text around it.
    #[error("must be a JSON array of events")]
    Other,
    /// Brackets or quotes are not balanced.
    #[error("is not JSON: it ends too early, or its brackets do not match")]
    Unbalanced,
    /// More entries than are taken.
    #[error("has more than {0} entries; send the rest in another batch")]
    TooMany(usize),
    /// A comma is missing or too many.
    #[error("is not JSON: an entry is empty")]
    EmptyEntry,
}

/// The entries' texts, in order, at most so many: a list of millions would take
/// several times the text. An entry has balanced brackets and quotes; it need not be JSON.
pub fn entries(text: &str, most: usize) -> Result<Vec<&str>, NoArray> {
    let inside = text.trim_matches(is_space).strip_prefix('[').ok_or(NoArray::Other)?;
    let mut entries = Vec::new();
    let mut rest = inside;
    loop {
        let (len, end) = entry_len(rest)?;
        let entry = rest[..len].trim_matches(is_space);
        rest = &rest[len + 1..];
        match (end, entry.is_empty()) {
            (End::Array, true) if entries.is_empty() => break,
            (_, true) => return Err(NoArray::EmptyEntry),
            (_, false) if entries.len() == most => return Err(NoArray::TooMany(most)),
            (_, false) => entries.push(entry),
        }
        if end == End::Array {
            break;
        }
    }
    if rest.is_empty() { Ok(entries) } else { Err(NoArray::Other) }
}

/// The character behind an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Comma,
    Array,
}

/// The length of the entry at the start, and the character behind it.
fn entry_len(text: &str) -> Result<(usize, End), NoArray> {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at)?,
            b'[' | b'{' => depth += 1,
            b',' if depth == 0 => return Ok((at, End::Comma)),
            b']' if depth == 0 => return Ok((at, End::Array)),
            b']' | b'}' => depth = depth.checked_sub(1).ok_or(NoArray::Unbalanced)?,
            _ => {}
        }
        at += 1;
    }
    Err(NoArray::Unbalanced)
}

/// The place of the second quote of the string that begins at `start`.
fn string_end(bytes: &[u8], start: usize) -> Result<usize, NoArray> {
    let mut at = start + 1;
    loop {
        match bytes.get(at).ok_or(NoArray::Unbalanced)? {
            b'"' => return Ok(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

const fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn entries_are_told_apart_by_the_outer_commas_alone() {
        let text = " [ {\"a\":[1,2],\"b\":\"],\\\"[\"} , 7 ,[],\"é,\\\\\" ]\n";
        assert_eq!(entries(text, 4), Ok(vec!["{\"a\":[1,2],\"b\":\"],\\\"[\"}", "7", "[]", "\"é,\\\\\""]));
        assert_eq!(entries("[ ]", 0), Ok(vec![]));
    }

    #[test]
    fn a_text_that_is_no_array_is_refused() {
        for (text, error) in [
            ("", NoArray::Other),
            ("{}", NoArray::Other),
            ("[1] 2", NoArray::Other),
            ("[1", NoArray::Unbalanced),
            ("[\"]", NoArray::Unbalanced),
            ("[\"\\", NoArray::Unbalanced),
            ("[}]", NoArray::Unbalanced),
            ("[1,]", NoArray::EmptyEntry),
            ("[,1]", NoArray::EmptyEntry),
        ] {
            assert_eq!(entries(text, 9), Err(error), "{text}");
        }
    }

    #[test]
    fn no_more_are_listed_than_are_taken() {
        assert_eq!(entries("[1,2]", 2), Ok(vec!["1", "2"]));
        // It is not even read to its end.
        assert_eq!(entries("[1,2,3,{", 2), Err(NoArray::TooMany(2)));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\]{}\",:\\\\ aé1]{0,40}") {
            let _ = entries(&text, 40);
        }

        #[test]
        fn it_agrees_with_a_json_parser(values in proptest::collection::vec("[\\[\\]{}\",\\\\é]{0,8}", 0..6)) {
            let text = serde_json::to_string_pretty(&values).expect("JSON");
            let read: Vec<String> = entries(&text, 40).expect("an array").into_iter()
                .map(|entry| serde_json::from_str(entry).expect("a string")).collect();
            prop_assert_eq!(read, values);
        }
    }
}
