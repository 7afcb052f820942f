//! Colours in sRGB, and the contrast between them as WCAG 2.2 defines it.

use std::{fmt, str::FromStr};

/// A colour without transparency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color([u8; 3]);

/// The text is no colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidColor;

impl fmt::Display for InvalidColor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be a colour such as #5448d8: # and six hexadecimal digits")
    }
}

impl std::error::Error for InvalidColor {}

impl Color {
    pub(super) const BLACK: Self = Self([0; 3]);
    pub(super) const WHITE: Self = Self([255; 3]);

    /// A colour by its parts: red, green and blue.
    pub(super) const fn rgb(red: u8, green: u8, blue: u8) -> Self {
        Self([red, green, blue])
    }

    /// The colour that is `steps` of 64 steps on the way to another.
    pub(super) fn toward(self, other: Self, steps: u16) -> Self {
        let part = |from: u8, to: u8| {
            let mixed = (u16::from(from) * (64 - steps) + u16::from(to) * steps + 32) / 64;
            u8::try_from(mixed).unwrap_or(u8::MAX)
        };
        let (Self([r, g, b]), Self([to_r, to_g, to_b])) = (self, other);
        Self([part(r, to_r), part(g, to_g), part(b, to_b)])
    }

    /// The contrast with another colour, from 1 to 21.
    pub(super) fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// The relative luminance, from 0 to 1.
    fn luminance(self) -> f64 {
        let linear = |part: u8| match f64::from(part) / 255.0 {
            dark if dark <= 0.04045 => dark / 12.92,
            part => ((part + 0.055) / 1.055).powf(2.4),
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

impl FromStr for Color {
    type Err = InvalidColor;

    fn from_str(text: &str) -> Result<Self, InvalidColor> {
        let digits = text.strip_prefix('#').filter(|it| it.len() == 6 && it.bytes().all(|it| it.is_ascii_hexdigit()));
        let number = u32::from_str_radix(digits.ok_or(InvalidColor)?, 16).map_err(|_| InvalidColor)?;
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Self([red, green, blue]))
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_six_digits() {
        assert_eq!("#5448D8".parse::<Color>().map(|it| it.to_string()), Ok("#5448d8".to_owned()));
        for text in ["", "5448d8", "#fff", "#5448d8ff", "#5448dg", "#+448d8", "red", "#5448d8;}"] {
            assert_eq!(text.parse::<Color>(), Err(InvalidColor), "{text}");
        }
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        let contrast =
            |one: &str, two: &str| one.parse::<Color>().expect("a colour").contrast(two.parse().expect("one"));
        // Known pairs: black on white, and the lightest grey that passes AA on white.
        assert!((contrast("#000000", "#ffffff") - 21.0).abs() < 1e-9);
        assert!((contrast("#767676", "#ffffff") - 4.54).abs() < 0.01 && contrast("#777777", "#ffffff") < 4.5);
        assert!((contrast("#123456", "#123456") - 1.0).abs() < 1e-9);
    }
}
