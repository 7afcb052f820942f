//! The text of a key: `signet_sk_`, 43 random characters, and six that check them.
//!
//! A program that searches repositories and logs for leaked keys finds the text by its
//! prefix, and knows by the checksum that it is a key. A text with a wrong checksum is refused
//! before the database is asked.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::random::Random;

/// The beginning of every key that is made.
pub const KEY_PREFIX: &str = "signet_sk_";
/// The beginning of keys that were made by earlier versions: 32 bytes in base64url follow.
const OLD_PREFIX: &str = "sk_";

/// Letters and digits: a double click selects all of a key.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 43 digits of base 62 have 256 bits.
const RANDOM_LEN: usize = 43;
/// A CRC-32 has up to six digits.
const CHECKSUM_LEN: usize = 6;

/// Makes the text of a new key.
pub(super) fn new_text(random: &Random) -> String {
    let mut digits = String::with_capacity(RANDOM_LEN);
    while digits.len() < RANDOM_LEN {
        // Bytes from 248 on would make some digits more frequent than others.
        let fair = random.bytes::<64>().into_iter().filter(|byte| *byte < 248);
        digits.extend(fair.map(|byte| digit(byte.into())).take(RANDOM_LEN - digits.len()));
    }
    format!("{KEY_PREFIX}{digits}{}", checksum(&digits))
}

/// Returns true if a text can be a key, by its prefix, its length and its checksum.
pub fn can_be_key(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix(KEY_PREFIX) {
        return rest.split_at_checked(RANDOM_LEN).is_some_and(|(digits, check)| check == checksum(digits));
    }
    let old = text.strip_prefix(OLD_PREFIX);
    old.is_some_and(|rest| BASE64_URL_SAFE_NO_PAD.decode(rest).is_ok_and(|bytes| bytes.len() == 32))
}

/// The CRC-32 of a text in six digits.
fn checksum(digits: &str) -> String {
    let mut rest = crc32fast::hash(digits.as_bytes());
    let mut check = ['0'; CHECKSUM_LEN];
    for place in check.iter_mut().rev() {
        *place = digit(rest);
        rest /= 62;
    }
    check.iter().collect()
}

fn digit(number: u32) -> char {
    DIGITS[number as usize % DIGITS.len()].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The checksum was made with Python's `zlib.crc32`.
    const KEY: &str = "signet_sk_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG32L9Jw";

    #[test]
    fn a_new_key_has_a_prefix_43_letters_or_digits_and_a_checksum() {
        for seed in 0..200 {
            let text = new_text(&Random::from_seed(seed));
            let rest = text.strip_prefix("signet_sk_").expect("the prefix");
            assert!(rest.len() == 49 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{text}");
            assert!(can_be_key(&text), "{text}");
        }
    }

    #[test]
    fn the_checksum_is_that_of_other_programs() {
        assert!(can_be_key(KEY), "{}", checksum(&KEY[10..53]));
    }

    #[test]
    fn one_wrong_character_is_noticed() {
        for place in KEY_PREFIX.len()..KEY.len() {
            let other = if &KEY[place..=place] == "x" { "y" } else { "x" };
            let typed = format!("{}{other}{}", &KEY[..place], &KEY[place + 1..]);
            assert!(!can_be_key(&typed), "{typed}");
        }
        for wrong in
            [&KEY[..58], &format!("{KEY}0"), &KEY[7..], "signet_sk_", "signet_sk_ééééééééééééééééééééééééé", ""]
        {
            assert!(!can_be_key(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_key_of_an_earlier_version_is_known_by_its_length() {
        let old = format!("sk_{}", BASE64_URL_SAFE_NO_PAD.encode([7; 32]));
        assert!(can_be_key(&old) && !can_be_key(&old[..45]) && !can_be_key(&format!("{old}=")));
    }
}
