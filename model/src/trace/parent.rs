//! `traceparent`: the trace, the span that a request belongs to, and flags.

use std::{fmt, ops::Range, str::FromStr};

/// The length of the text in version 00, in bytes.
const LEN: usize = 55;

/// Defines an id of so many bytes, not all of which are zero.
macro_rules! define_id {
    ($(#[$doc:meta])* $name:ident: $len:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// An id of random bytes. All zeros, which is no id, become one.
            pub fn new(mut random: [u8; $len]) -> Self {
                if is_zero(&random) {
                    random[$len - 1] = 1;
                }
                Self(random)
            }

            /// Its bytes.
            pub const fn bytes(self) -> [u8; $len] {
                self.0
            }

            /// Reads lower-case hexadecimal digits.
            fn read(digits: &str) -> Option<Self> {
                let mut bytes = [0; $len];
                is_hex(digits).then(|| hex::decode_to_slice(digits, &mut bytes).ok())??;
                (!is_zero(&bytes)).then_some(Self(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }
    };
}

define_id! {
    /// Names a trace: all that came of one cause, in all systems.
    TraceId: 16
}

define_id! {
    /// Names a span: one piece of work in a trace.
    SpanId: 8
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0)
}

/// True if the text is lower-case hexadecimal digits alone.
fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The flags of a trace. Those that no specification has are taken as not set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TraceFlags(u8);

impl TraceFlags {
    /// The caller may record the trace (Level 1).
    pub const SAMPLED: Self = Self(1);
    /// The last seven bytes of the trace's id are random (Level 2).
    pub const RANDOM: Self = Self(2);

    /// Both of two.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Tells whether the trace is recorded, as far as the caller knows.
    pub const fn is_sampled(self) -> bool {
        self.0 & Self::SAMPLED.0 != 0
    }

    /// The flags as a number.
    pub const fn bits(self) -> u8 {
        self.0
    }
}

/// The place of a request in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace.
    pub trace: TraceId,
    /// The span that made the request.
    pub span: SpanId,
    /// Its flags.
    pub flags: TraceFlags,
}

/// The text is no `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no traceparent")]
pub struct InvalidTraceParent;

impl FromStr for TraceParent {
    type Err = InvalidTraceParent;

    fn from_str(text: &str) -> Result<Self, InvalidTraceParent> {
        read(text).ok_or(InvalidTraceParent)
    }
}

/// Reads version 00, and of a later version the parts that this one knows (section 3.2.2).
fn read(text: &str) -> Option<TraceParent> {
    let (known, rest) = text.split_at_checked(LEN)?;
    let mut parts = known.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_version = version.len() == 2 && is_hex(version) && version != "ff";
    let is_end = rest.is_empty() || (version != "00" && rest.starts_with('-'));
    if !is_version || !is_end || flags.len() != 2 || !is_hex(flags) {
        return None;
    }
    let bits = u8::from_str_radix(flags, 16).ok()? & TraceFlags::SAMPLED.and(TraceFlags::RANDOM).0;
    Some(TraceParent { trace: TraceId::read(trace)?, span: SpanId::read(span)?, flags: TraceFlags(bits) })
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = *b"00-tttttttttttttttttttttttttttttttt-ssssssssssssssss-ff";
        let parts: [(&[u8], Range<usize>); 3] =
            [(&self.trace.0, 3..35), (&self.span.0, 36..52), (&[self.flags.0], 53..LEN)];
        for (bytes, place) in parts {
            hex::encode_to_slice(bytes, &mut text[place]).map_err(|_| fmt::Error)?;
        }
        f.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn printed(text: &str) -> Option<String> {
        text.parse().ok().map(|parent: TraceParent| parent.to_string())
    }

    #[test]
    fn version_00_is_read_and_printed_as_it_is() {
        for flags in ["00", "01", "02", "03"] {
            let text = format!("00-{TRACE}-{SPAN}-{flags}");
            assert_eq!(printed(&text), Some(text.clone()));
            assert_eq!(text.parse::<TraceParent>().expect("a parent").flags.is_sampled(), flags.ends_with(['1', '3']));
        }
    }

    #[test]
    fn flags_that_nobody_knows_are_not_set() {
        assert_eq!(printed(&format!("00-{TRACE}-{SPAN}-fd")), Some(format!("00-{TRACE}-{SPAN}-01")));
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        for text in [format!("01-{TRACE}-{SPAN}-01"), format!("cc-{TRACE}-{SPAN}-01-what-the-future-brings")] {
            assert_eq!(printed(&text), Some(format!("00-{TRACE}-{SPAN}-01")), "{text}");
        }
    }

    #[test]
    fn what_the_specification_refuses_is_refused() {
        let zeros = "0".repeat(32);
        for text in [
            String::new(),
            TRACE.to_owned(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-01-"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("01-{TRACE}-{SPAN}-01.more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("0-{TRACE}0-{SPAN}-01"),
            format!("0g-{TRACE}-{SPAN}-01"),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", &zeros[..16]),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{}-01", SPAN.to_uppercase()),
            format!("00-{TRACE}-{SPAN}-0A"),
            format!("00-{TRACE}-{SPAN}-0."),
            format!("00-{}-{SPAN}0-01", &TRACE[1..]),
            format!("00-{}g-{SPAN}-01", &TRACE[1..]),
            format!("00_{TRACE}_{SPAN}_01"),
            format!("00-{TRACE}-{}\u{e9}-01", &SPAN[2..]),
        ] {
            assert_eq!(printed(&text), None, "{text}");
        }
    }

    #[test]
    fn an_id_is_never_all_zeros() {
        assert_eq!(TraceId::new([0; 16]).to_string(), format!("{}1", "0".repeat(31)));
        assert_eq!(SpanId::new([0; 8]).bytes(), [0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(SpanId::new([0x80, 0, 0, 0, 0, 0, 0, 0]).to_string(), "8000000000000000");
    }

    proptest! {
        #[test]
        fn ids_are_read_as_they_were_printed(trace: [u8; 16], span: [u8; 8], flags in 0_u8..4) {
            let parent = TraceParent { trace: TraceId::new(trace), span: SpanId::new(span), flags: TraceFlags(flags) };
            prop_assert_eq!(parent.to_string().parse(), Ok(parent));
            prop_assert_eq!(parent.to_string().len(), LEN);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9a-fA-Fé-]{0,60}") {
            let _ = text.parse::<TraceParent>();
        }
    }
}
