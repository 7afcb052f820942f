//! Numbers: which survive a 64-bit float, and how ECMAScript prints them.

/// Reads the text of a number. `None` where a 64-bit float names another number than the
/// text does: printed the way ECMAScript prints it (`Number::toString`), and with as many
/// digits as the text has, up to the 17 that some languages print always.
pub(crate) fn read(text: &str) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    if !number.is_finite() {
        return None;
    }
    let mut buffer = ryu_js::Buffer::new();
    let printed = buffer.format_finite(number);
    if printed == text {
        return Some(number);
    }
    let decimal = Decimal::of(text);
    (Decimal::of(printed) == decimal || decimal.is_given_back_by(number)).then_some(number)
}

/// Prints a finite number.
pub(super) fn write(number: f64, out: &mut String) {
    out.push_str(ryu_js::Buffer::new().format_finite(number));
}

/// As many digits tell every 64-bit float from all others.
const MAX_DIGITS: usize = 17;

/// A decimal in a normal form: no zeros at either end of the digits.
#[derive(PartialEq)]
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    /// The value is `0.digits` times ten to this power.
    exponent: i64,
}

impl Decimal {
    fn of(text: &str) -> Self {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        let leading = all.iter().take_while(|&&digit| digit == b'0').count();
        let trailing = all[leading..].iter().rev().take_while(|&&digit| digit == b'0').count();
        let digits = all[leading..all.len() - trailing].to_vec();
        if digits.is_empty() {
            // Zero: -0 prints as 0.
            return Self { negative: false, digits, exponent: 0 };
        }
        // An exponent too long for an i64 belongs to a number that a finite
        // float cannot print, so saturating keeps the two unequal.
        let exponent = exponent.parse().unwrap_or(if exponent.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 });
        let place = i64::try_from(whole.len()).unwrap_or(i64::MAX / 4) - i64::try_from(leading).unwrap_or(i64::MAX / 4);
        Self { negative, digits, exponent: exponent + place }
    }

    /// Returns `true` if the number, rounded to as many digits, is this decimal again.
    fn is_given_back_by(&self, number: f64) -> bool {
        let after_the_point = self.digits.len().saturating_sub(1);
        self.digits.len() <= MAX_DIGITS && Self::of(&format!("{number:.after_the_point$e}")) == *self
    }
}
