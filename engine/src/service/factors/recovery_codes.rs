//! Recovery codes: ten, each for one use, for a person who has lost the device of their factor.
//!
//! A code has 120 random bits. It cannot be guessed, so that a plain hash is enough (OWASP ASVS
//! 5.0, 6.5.2). Codes of before had 80, and go on working until they are renewed.

use signet_model::{Timestamp, UserId};

use crate::{
    db::{self, Tx},
    random::Random,
    service::token,
};

/// The number of codes that a person gets.
pub const RECOVERY_CODES: usize = 10;

/// Crockford's base 32: no letter of it looks like a digit.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The codes of one person, before they are hashed.
pub(super) fn make(random: &Random) -> Vec<String> {
    (0..RECOVERY_CODES).map(|_| code(random.bytes())).collect()
}

/// Six groups of four letters.
fn code(random: [u8; 24]) -> String {
    let letters: Vec<char> = random.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// The code as it was made, however it was typed: letters that look like digits are read as those.
fn typed(text: &str) -> String {
    let letters = text.chars().filter(char::is_ascii_alphanumeric).map(|letter| match letter.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        letter => letter,
    });
    letters.collect()
}

fn hash(code: &str) -> [u8; 32] {
    token::hash(&typed(code))
}

/// Puts new codes in the place of all earlier ones.
pub(super) async fn replace(tx: &mut Tx<'_>, user: UserId, codes: &[String], now: Timestamp) -> db::Result<()> {
    const INSERT: &str = "INSERT INTO recovery_codes (user_id, code_hash, created_at) VALUES ($1, $2, $3)";
    remove(tx, user).await?;
    for code in codes {
        tx.query(INSERT).bind(user).bind(&hash(code)[..]).bind(now).execute().await?;
    }
    Ok(())
}

/// Removes all codes.
pub(super) async fn remove(tx: &mut Tx<'_>, user: UserId) -> db::Result<()> {
    const SQL: &str = "DELETE FROM recovery_codes WHERE user_id = $1";
    tx.query(SQL).bind(user).execute().await.map(drop)
}

/// Uses a code of a person up.
pub(super) const USE_UP: &str = "DELETE FROM recovery_codes WHERE user_id = $1 AND code_hash = $2";

/// Uses a code up. Returns false if the person has no such code.
pub(super) async fn use_up(tx: &mut Tx<'_>, user: UserId, code: &str) -> db::Result<bool> {
    Ok(tx.query(USE_UP).bind(user).bind(&hash(code)[..]).execute().await? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_differ_and_are_easy_to_type() {
        let codes = make(&Random::from_seed(1));
        assert_eq!(codes.len(), RECOVERY_CODES);
        for (number, code) in codes.iter().enumerate() {
            assert_eq!((code.len(), code.matches('-').count()), (29, 5), "{code}");
            assert!(!codes[..number].contains(code));
        }
    }

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        for text in ["0123-4567-89ab-cdef", " o123 4567 89AB CDEF", "OI23456789abcdef"] {
            assert_eq!(hash(text), hash("0123-4567-89ab-cdef"), "{text}");
        }
        assert_ne!(hash("0123-4567-89ab-cdeg"), hash("0123-4567-89ab-cdef"));
    }
}
