//! Balances and thresholds.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A finite decimal that is printed as the shortest JavaScript number.
#[derive(Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Amount(f64);

/// The text or number is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a number such as 45.5")]
pub struct InvalidAmount;

impl Amount {
    pub(crate) const SAMPLE_BALANCE: Self = Self(45.5);
    pub(crate) const SAMPLE_THRESHOLD: Self = Self(50.0);

    /// The number itself.
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// Whether a balance that goes from `before` to `after` crosses the threshold
/// downwards, which is what `balance.low` tells. Both instants have a threshold
/// of their own: raising it above the balance is a crossing too.
pub fn crosses(before: (Option<Amount>, Option<Amount>), after: (Option<Amount>, Option<Amount>)) -> bool {
    let below = |(balance, threshold): (Option<Amount>, Option<Amount>)| matches!((balance, threshold), (Some(balance), Some(threshold)) if balance < threshold);
    below(after) && !below(before)
}

impl TryFrom<f64> for Amount {
    type Error = InvalidAmount;

    fn try_from(value: f64) -> Result<Self, InvalidAmount> {
        // Adding zero turns -0 into 0.
        if value.is_finite() { Ok(Self(value + 0.0)) } else { Err(InvalidAmount) }
    }
}

impl From<Amount> for f64 {
    fn from(value: Amount) -> Self {
        value.0
    }
}

impl FromStr for Amount {
    type Err = InvalidAmount;

    fn from_str(text: &str) -> Result<Self, InvalidAmount> {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
        let number: f64 = text.parse().map_err(|_| InvalidAmount)?;
        if plain { Self::try_from(number) } else { Err(InvalidAmount) }
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
    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().expect("an amount")
    }

    #[test]
    fn amounts_print_as_javascript_does() {
        for (text, printed) in [("50.0", "50"), ("45.5", "45.5"), ("-0", "0"), ("0.10", "0.1")] {
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
    fn what_is_no_amount_is_refused() {
        for text in ["", "NaN", "inf", "1e5", "ten", "1,5"] {
            assert_eq!(text.parse::<Amount>(), Err(InvalidAmount), "{text}");
        }
    }
}
