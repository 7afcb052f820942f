//! Trace Context: the headers by which a request belongs to a trace
//! (<https://www.w3.org/TR/trace-context/>, Level 1).
//!
//! A header that cannot be read is ignored, as the specification has it: a trace is worth no
//! refused event.

mod parent;
mod state;

use std::{fmt, str::FromStr};

pub use parent::{InvalidTraceParent, SpanId, TraceFlags, TraceId, TraceParent};
pub use state::{InvalidTraceState, TRACE_STATE_MAX, TraceState};

/// A place in a trace, with what the systems before have noted. Its text is that of the parent, and
/// behind a space that of the state, if there is one: so both are stored in one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// `traceparent`.
    pub parent: TraceParent,
    /// `tracestate`.
    pub state: Option<TraceState>,
}

impl TraceContext {
    /// Reads the values of the headers `traceparent` and `tracestate` of a request. `None` if there
    /// is no `traceparent`, more than one, or one that cannot be read; a `tracestate` that cannot be
    /// read is left out.
    pub fn from_headers<'h>(
        mut parents: impl Iterator<Item = &'h [u8]>,
        states: impl Iterator<Item = &'h [u8]>,
    ) -> Option<Self> {
        let (parent, None) = (parents.next()?, parents.next()) else { return None };
        let parent = std::str::from_utf8(parent).ok()?.trim_matches([' ', '\t']).parse().ok()?;
        Some(Self { parent, state: TraceState::from_headers(states) })
    }

    /// The same trace, with another span as the parent of what follows.
    #[must_use]
    pub fn with_span(&self, span: SpanId) -> Self {
        Self { parent: TraceParent { span, ..self.parent }, state: self.state.clone() }
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parent.fmt(f)?;
        self.state.iter().try_for_each(|state| write!(f, " {state}"))
    }
}

/// Reads a stored text.
impl FromStr for TraceContext {
    type Err = InvalidTraceParent;

    fn from_str(text: &str) -> Result<Self, InvalidTraceParent> {
        match text.split_once(' ') {
            Some((parent, state)) => Ok(Self { parent: parent.parse()?, state: state.parse().ok() }),
            None => Ok(Self { parent: text.parse()?, state: None }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn read(parents: &[&str], states: &[&str]) -> Option<String> {
        let bytes = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
        let (parents, states) = (bytes(parents), bytes(states));
        let context = TraceContext::from_headers(parents.iter().map(Vec::as_slice), states.iter().map(Vec::as_slice));
        context.map(|context| context.to_string())
    }

    #[test]
    fn the_headers_of_a_request_are_one_text() {
        assert_eq!(read(&[PARENT], &[]).as_deref(), Some(PARENT));
        let with_state = format!("{PARENT} rojo=1,congo=2");
        assert_eq!(read(&[&format!(" {PARENT}\t")], &["rojo=1", "congo=2"]), Some(with_state));
    }

    #[test]
    fn without_one_parent_there_is_no_context() {
        for parents in [&[][..], &[PARENT, PARENT], &["00-0-0-00"], &["\u{e9}"]] {
            assert_eq!(read(parents, &["rojo=1"]), None, "{parents:?}");
        }
    }

    #[test]
    fn a_state_that_cannot_be_read_leaves_the_parent_as_it_is() {
        for states in [&["no member"][..], &["a=\u{e9}"], &[""]] {
            assert_eq!(read(&[PARENT], states).as_deref(), Some(PARENT), "{states:?}");
        }
    }

    #[test]
    fn a_stored_text_is_read_as_it_was_written() {
        for text in [PARENT.to_owned(), format!("{PARENT} rojo=1,congo=t61rcWkgMzE")] {
            assert_eq!(text.parse::<TraceContext>().expect("a context").to_string(), text);
        }
        let damaged = format!("{PARENT} =");
        assert_eq!(damaged.parse::<TraceContext>().expect("a parent").to_string(), PARENT);
        for text in ["", " ", "rojo=1", &PARENT[1..]] {
            assert!(text.parse::<TraceContext>().is_err(), "{text}");
        }
    }

    #[test]
    fn another_span_stays_in_the_trace() {
        let context: TraceContext = format!("{PARENT} rojo=1").parse().expect("a context");
        let next = context.with_span(SpanId::new([1, 2, 3, 4, 5, 6, 7, 8]));
        assert_eq!(next.to_string(), "00-0af7651916cd43dd8448eb211c80319c-0102030405060708-01 rojo=1");
    }
}
