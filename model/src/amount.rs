//! Balances and thresholds.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::payload::read_number;

/// A finite decimal that is printed as the shortest JavaScript number.
#[derive(Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Amount(f64);

/// The text or number is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAmount {
    /// No number at all, or not a finite one.
    #[error("is not a number such as 45.5")]
    NotANumber,
    /// A number that would have to be changed to be kept.
    #[error("has more digits than can be kept; round it to 15")]
    Inexact,
    /// A number that not each database can keep.
    #[error("is too large, or too close to 0, to be kept")]
    OutOfRange,
}

/// The sizes of the amounts that both databases keep and compare without a loss.
const SIZES: std::ops::RangeInclusive<f64> = 1e-300..=1e308;

impl Amount {
    /// The number itself.
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// Returns `true` if a balance that goes from `before` to `after` crosses the threshold
/// downwards: then `balance.low` is sent. Both instants have a threshold of their own,
/// because raising the threshold above the balance is a crossing too.
pub fn crosses(before: (Option<Amount>, Option<Amount>), after: (Option<Amount>, Option<Amount>)) -> bool {
    let below = |(balance, threshold): (Option<Amount>, Option<Amount>)| matches!((balance, threshold), (Some(balance), Some(threshold)) if balance < threshold);
    below(after) && !below(before)
}

impl TryFrom<f64> for Amount {
    type Error = InvalidAmount;

    fn try_from(value: f64) -> Result<Self, InvalidAmount> {
        if !value.is_finite() {
            return Err(InvalidAmount::NotANumber);
        }
        // Adding zero turns -0 into 0.
        if value == 0.0 || SIZES.contains(&value.abs()) {
            Ok(Self(value + 0.0))
        } else {
            Err(InvalidAmount::OutOfRange)
        }
    }
}

impl From<Amount> for f64 {
    fn from(value: Amount) -> Self {
        value.0
    }
}

impl FromStr for Amount {
    type Err = InvalidAmount;

    /// Reads a decimal, in the ways in which amounts are printed too.
    fn from_str(text: &str) -> Result<Self, InvalidAmount> {
        let is_numeral = text.bytes().all(|byte| byte.is_ascii_digit() || b".-+eE".contains(&byte));
        if !is_numeral || text.starts_with('+') || text.parse::<f64>().is_err() {
            return Err(InvalidAmount::NotANumber);
        }
        read_number(text).ok_or(InvalidAmount::Inexact)?.try_into()
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(ryu_js::Buffer::new().format_finite(self.0))
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().expect("an amount")
    }

    #[test]
    fn amounts_print_as_javascript_does() {
        for (text, printed) in
            [("50.0", "50"), ("45.5", "45.5"), ("-0", "0"), ("0.10", "0.1"), ("1e+21", "1e+21"), ("0.0000001", "1e-7")]
        {
            assert_eq!(text.parse::<Amount>().map(|it| it.to_string()).as_deref(), Ok(printed));
        }
    }

    #[test]
    fn only_going_below_is_a_crossing() {
        let at = |balance, threshold| (Some(amount(balance)), Some(amount(threshold)));
        assert!(crosses(at("50", "50"), at("49.9", "50")));
        assert!(!crosses(at("49.9", "50"), at("40", "50")));
        assert!(!crosses(at("40", "50"), at("50", "50")));
        assert!(crosses(at("40", "30"), at("40", "41")), "raising the threshold counts");
        assert!(crosses((None, Some(amount("50"))), at("10", "50")), "a first balance below counts");
    }

    #[test]
    fn a_text_that_is_no_amount_is_refused() {
        for text in ["", "NaN", "inf", "e", "1e", "+5", "ten", "1,5", "1 000"] {
            assert_eq!(text.parse::<Amount>(), Err(InvalidAmount::NotANumber), "{text}");
        }
    }

    #[test]
    fn an_amount_is_refused_rather_than_changed() {
        for text in ["9007199254740993", "12345678901234567", "0.1000000000000000055", "1e400", "1e-400"] {
            assert_eq!(text.parse::<Amount>(), Err(InvalidAmount::Inexact), "{text}");
        }
    }

    #[test]
    fn an_amount_is_refused_that_would_be_unusable_once_it_is_stored() {
        for text in ["1e-301", "-8.77110224835148e-302", "5e-324", "1.7e308", "-1.7976931348623157e308"] {
            assert_eq!(text.parse::<Amount>(), Err(InvalidAmount::OutOfRange), "{text}");
        }
        for text in ["1e-300", "1e+308", "-1e+308", "0"] {
            assert_eq!(amount(text).to_string(), text);
        }
    }

    #[test]
    fn seventeen_digits_that_a_float_gives_back_are_taken() {
        for (text, printed) in [("45.549999999999997", "45.55"), ("0.10000000000000001", "0.1")] {
            assert_eq!(amount(text).to_string(), printed);
        }
    }

    proptest! {
        #[test]
        fn an_amount_that_is_shown_can_be_saved_again(number in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL) {
            if let Ok(amount) = Amount::try_from(number) {
                prop_assert_eq!(amount.to_string().parse(), Ok(amount));
            }
        }
    }
}
