//! `tracestate`: what each tracing system on the way has noted for itself.

use std::{fmt, str::FromStr, sync::Arc};

/// The longest text that is passed on, in bytes: as much as each system has to pass on.
pub const TRACE_STATE_MAX: usize = 512;
/// The most members.
const MEMBERS_MAX: usize = 32;
/// Longer members are left out first (section 3.3.1.5).
const LONG: usize = 128;

/// Members of the form `key=value`, with commas between them, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceState(Arc<str>);

/// The text is no `tracestate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no tracestate")]
pub struct InvalidTraceState;

impl TraceState {
    /// Reads the values of the headers of a request, which are one list. `None` if there is no
    /// member, or one that cannot be read.
    pub(super) fn from_headers<'h>(values: impl Iterator<Item = &'h [u8]>) -> Option<Self> {
        let texts: Vec<_> = values.map(std::str::from_utf8).collect::<Result<_, _>>().ok()?;
        // Most requests have none.
        if texts.is_empty() { None } else { texts.join(",").parse().ok() }
    }

    /// The text of the header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A longer text is shortened by whole members: first by the long ones, then from the end.
impl FromStr for TraceState {
    type Err = InvalidTraceState;

    fn from_str(text: &str) -> Result<Self, InvalidTraceState> {
        let members = text.split(',').map(|member| member.trim_matches([' ', '\t'])).filter(|it| !it.is_empty());
        // A list may have any number of empty members, and be any number of headers.
        let mut members: Vec<_> = members.take(MEMBERS_MAX + 1).collect();
        if members.is_empty() || members.len() > MEMBERS_MAX || !members.iter().all(|member| is_member(member)) {
            return Err(InvalidTraceState);
        }
        if len(&members) > TRACE_STATE_MAX {
            members.retain(|member| member.len() <= LONG);
        }
        while len(&members) > TRACE_STATE_MAX {
            members.pop();
        }
        if members.is_empty() { Err(InvalidTraceState) } else { Ok(Self(members.join(",").into())) }
    }
}

/// The length of the joined members.
fn len(members: &[&str]) -> usize {
    members.iter().map(|member| member.len() + 1).sum::<usize>().saturating_sub(1)
}

/// True for a key and a value of the letters that the specification allows.
fn is_member(member: &str) -> bool {
    let Some((key, value)) = member.split_once('=') else { return false };
    let of_key = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/@".contains(&byte);
    let of_value = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'=';
    (1..=256).contains(&key.len())
        && key.bytes().all(of_key)
        && (1..=256).contains(&value.len())
        && value.bytes().all(of_value)
}

impl fmt::Display for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<String> {
        text.parse().ok().map(|state: TraceState| state.to_string())
    }

    #[test]
    fn members_keep_their_order_and_lose_the_space_around_them() {
        for (text, state) in [
            ("rojo=00f067aa0ba902b7", "rojo=00f067aa0ba902b7"),
            ("rojo=1 , congo=2,\t,", "rojo=1,congo=2"),
            ("fw529a3039@dt=FfAAA;b c,a/b*c-d_e=!~", "fw529a3039@dt=FfAAA;b c,a/b*c-d_e=!~"),
        ] {
            assert_eq!(read(text).as_deref(), Some(state), "{text}");
        }
    }

    #[test]
    fn a_text_with_a_member_that_is_none_is_none() {
        let (long, many) = (format!("a={}", "x".repeat(257)), "a=1,".repeat(33));
        for text in ["", ",", "a", "a=", "=a", "A=1", "a=b=c", "a=1,b", "a=\u{e9}", "a=\n", "a b=1", &long, &many] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_too_long_loses_its_long_members_first_and_then_its_last_ones() {
        let short = |number: usize| format!("m{number:02}={}", "x".repeat(40));
        let long = format!("long={}", "x".repeat(200));
        let shorts: Vec<_> = (0..12).map(short).collect();
        let text = [&shorts[0], &long, &shorts[1..].join(",")].map(String::as_str).join(",");
        assert_eq!(read(&text), Some(shorts[..11].join(",")));
        assert_eq!(read(&format!("{long},{long},{long}")), None, "nothing is left");
        assert_eq!(read(&format!("{long},{long}")), Some(format!("{long},{long}")), "it is not too long");
    }

    proptest! {
        #[test]
        fn what_is_read_is_a_header_and_is_read_again_as_it_is(text in "([a-z@/]{0,3}=?[ -~é]{0,90},?){0,9}") {
            if let Ok(state) = text.parse::<TraceState>() {
                prop_assert!(state.as_str().len() <= TRACE_STATE_MAX);
                prop_assert!(state.as_str().bytes().all(|byte| matches!(byte, b' '..=b'~')));
                prop_assert_eq!(state.as_str().parse(), Ok(state.clone()));
            }
        }
    }
}
