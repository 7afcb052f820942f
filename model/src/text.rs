//! Text that people write: names and descriptions.
//!
//! It is checked once, where it comes in, by one rule for both databases:
//! PostgreSQL keeps no NUL, and no list should show a character that moves the
//! text around it.

use std::{fmt, ops::Deref, str::FromStr};

/// The name of an account, by which producers call it.
pub type AccountName = PlainText<1, 255>;
/// The name of an API key.
pub type KeyName = PlainText<1, 100>;
/// The description of an endpoint; may be empty.
pub type Description = PlainText<0, 200>;
/// An e-mail address as it is typed; the longest that mail can be sent to
/// (RFC 5321: 256 octets with two brackets).
pub type EmailText = PlainText<1, 254>;

/// A line of text with from `MIN` to `MAX` characters, without spaces around it
/// and without control characters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct PlainText<const MIN: usize, const MAX: usize>(String);

/// The reason for which a text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Fewer characters than the least number, mostly none.
    #[error("has too few characters: at least {0} needed")]
    TooShort(usize),
    /// More characters than the greatest number.
    #[error("has too many characters: at most {0} taken")]
    TooLong(usize),
    /// A character that is not shown: NUL, a tab, a line break, a change of direction.
    #[error("has the control character U+{:04X}", u32::from(*.0))]
    Control(char),
}

impl<const MIN: usize, const MAX: usize> PlainText<MIN, MAX> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MIN: usize, const MAX: usize> FromStr for PlainText<MIN, MAX> {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let text = text.trim();
        if let Some(letter) = text.chars().find(|&letter| is_control(letter)) {
            return Err(TextError::Control(letter));
        }
        match text.chars().count() {
            length if length < MIN => Err(TextError::TooShort(MIN)),
            length if length > MAX => Err(TextError::TooLong(MAX)),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

/// Control characters, the two line separators, and the characters that change the
/// direction of text (UAX #9). Joiners are letters of some scripts, and stay.
fn is_control(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl<const MIN: usize, const MAX: usize> Deref for PlainText<MIN, MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MIN: usize, const MAX: usize> From<PlainText<MIN, MAX>> for String {
    fn from(text: PlainText<MIN, MAX>) -> Self {
        text.0
    }
}

impl<const MIN: usize, const MAX: usize> fmt::Display for PlainText<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_loses_the_spaces_around_it_and_keeps_every_script() {
        for (typed, kept) in
            [(" Orders ", "Orders"), ("Größe \u{1f469}\u{200d}\u{1f680}", "Größe 👩‍🚀"), ("می‌خواهم", "می‌خواهم")]
        {
            assert_eq!(typed.parse::<Description>().as_deref(), Ok(kept));
        }
    }

    #[test]
    fn control_characters_are_refused_by_their_number() {
        for letter in ['\0', '\u{1}', '\t', '\n', '\u{1b}', '\u{7f}', '\u{85}', '\u{2028}', '\u{202e}', '\u{2066}'] {
            let error = format!("a{letter}b").parse::<Description>().expect_err("a control character");
            assert_eq!(error, TextError::Control(letter));
        }
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert!("é".repeat(200).parse::<Description>().is_ok());
        assert_eq!("é".repeat(201).parse::<Description>(), Err(TextError::TooLong(200)));
        assert_eq!("".parse::<Description>(), Ok(Description::default()));
        assert_eq!(" ".parse::<KeyName>(), Err(TextError::TooShort(1)));
    }
}
