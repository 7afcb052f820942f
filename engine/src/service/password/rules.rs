//! The rules for a new password (OWASP ASVS 5.0, V6.2).
//!
//! A password is taken exactly as it was typed: nothing is trimmed, cut or normalised, and any
//! character is allowed. Its worth is the number of steps that a guess at it takes: a common
//! password inside it counts as four, each other character as one, and runs such as `1234`,
//! `qwerty` or `aaaa` and the person's own words as none.

use std::sync::LazyLock;

/// The least number of characters.
pub const MIN_LEN: usize = 15;
/// The least number of characters for a person with a second factor.
pub const MIN_LEN_WITH_SECOND_FACTOR: usize = 8;
/// The greatest number of characters.
pub const MAX_LEN: usize = 128;

/// The worth that a password must have, likewise.
const MIN_WORTH: usize = 12;
const MIN_WORTH_WITH_SECOND_FACTOR: usize = 8;

/// The worth of a common password inside another one.
const WORTH_OF_WORD: usize = 4;
/// The shortest own words that count: shorter ones are in many passwords by chance.
const MIN_WORD: usize = 4;
/// The shortest runs that count.
const MIN_RUN: usize = 4;

/// Characters in the order in which fingers and people count them.
const ROWS: [&str; 5] = ["01234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm"];

/// The passwords that people use most, in lower case and sorted.
static COMMON: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("common.txt").lines().collect());

/// A password is refused. The texts stand beside the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// It has fewer characters than this.
    #[error("Use at least {0} characters. A few random words are easy to remember.")]
    TooShort(usize),
    /// It has more characters than [`MAX_LEN`].
    #[error("Use at most {MAX_LEN} characters.")]
    TooLong,
    /// It is made of blanks.
    #[error("Use letters or other characters, not blanks alone.")]
    Blank,
    /// It is one of the passwords that are tried first, or little more.
    #[error(
        "This is among the passwords that are tried first. Use a few random words, or let a password manager make it."
    )]
    Common,
    /// Little is left of it without the person's own words.
    #[error(
        "Little is left of it without your e-mail address and the names that belong to you here. Use a few random words instead."
    )]
    OwnWords,
}

/// Checks a new password of a person to whom these words belong: the e-mail address, the names
/// of accounts.
///
/// # Errors
/// The password is too short, too long, or easily guessed.
pub fn check(password: &str, words: &[&str], has_second_factor: bool) -> Result<(), Weak> {
    let (min_len, min_worth) = if has_second_factor {
        (MIN_LEN_WITH_SECOND_FACTOR, MIN_WORTH_WITH_SECOND_FACTOR)
    } else {
        (MIN_LEN, MIN_WORTH)
    };
    match password.chars().count() {
        len if len < min_len => return Err(Weak::TooShort(min_len)),
        len if len > MAX_LEN => return Err(Weak::TooLong),
        _ if password.chars().all(char::is_whitespace) => return Err(Weak::Blank),
        _ => {}
    }
    let own = own_words(words);
    for spelling in [password.to_lowercase(), plain_letters(password)] {
        let spelling: Vec<char> = spelling.chars().collect();
        if worth(&spelling, &[]) < min_worth {
            return Err(Weak::Common);
        }
        if worth(&spelling, &own) < min_worth {
            return Err(Weak::OwnWords);
        }
    }
    Ok(())
}

/// The password without the usual disguises of letters.
fn plain_letters(password: &str) -> String {
    let plain = |c| match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        c => c,
    };
    password.to_lowercase().chars().map(plain).collect()
}

/// Words as they are, and their parts between marks.
fn own_words(words: &[&str]) -> Vec<Vec<char>> {
    let mut own: Vec<String> = vec!["signet".to_owned()];
    for word in words {
        let word = word.to_lowercase();
        own.extend(word.split(|c: char| !c.is_alphanumeric()).map(ToOwned::to_owned));
        own.push(word);
    }
    own.retain(|word| word.chars().count() >= MIN_WORD);
    own.into_iter().map(|word| word.chars().collect()).collect()
}

/// The least number of steps that make the text.
fn worth(text: &[char], own: &[Vec<char>]) -> usize {
    let mut best: Vec<usize> = (0..=text.len()).collect();
    for start in 0..text.len() {
        let so_far = best[start];
        let rest = &text[start..];
        let mut reach = |len: usize, worth: usize| {
            let best = &mut best[start + len];
            *best = (*best).min(so_far + worth);
        };
        reach(1, 1);
        for len in 1..=run(rest) {
            if len >= MIN_RUN {
                reach(len, 0);
            }
        }
        for word in own.iter().filter(|word| rest.starts_with(word)) {
            reach(word.len(), 0);
        }
        for len in common(rest) {
            reach(len, WORTH_OF_WORD);
        }
    }
    best[text.len()]
}

/// The number of characters with which a text begins that repeat, or follow one another in a
/// row, forwards or backwards.
fn run(text: &[char]) -> usize {
    let step = |a: char, b: char| -> Option<i64> {
        if a == b {
            return Some(0);
        }
        ROWS.iter().find_map(|row| {
            let [a, b] = [a, b].map(|c| row.find(c).and_then(|at| i64::try_from(at).ok()));
            Some(b? - a?).filter(|step| step.abs() == 1)
        })
    };
    let mut steps = text.windows(2).map(|pair| step(pair[0], pair[1]));
    match steps.next() {
        Some(Some(first)) => 2 + steps.take_while(|step| *step == Some(first)).count(),
        _ => 1,
    }
}

/// The lengths of the common passwords with which a text begins.
fn common(text: &[char]) -> impl Iterator<Item = usize> {
    let text: String = text.iter().collect();
    let ends: Vec<usize> = text.char_indices().map(|(at, c)| at + c.len_utf8()).take(32).collect();
    (0..ends.len())
        .map(|at| at + 1)
        .filter(move |len| *len > WORTH_OF_WORD && COMMON.binary_search(&&text[..ends[len - 1]]).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&str; 2] = ["ada.lovelace@analytical.example", "Acme Corporation"];

    #[test]
    fn a_passphrase_and_a_random_password_are_taken_as_they_are() {
        for good in [
            "correct horse battery",
            "Xk7 vPq2 mWz9 rTb4",
            "  leading and trailing blanks  ",
            "дом река окно лампа",
            "🦊🐢🦉🐝🦋🐞🐙🦀🐬🦔🦥🦦🦨🦩🦚",
            "839402917365028",
            &"long enough, isn’t it? ".repeat(5),
        ] {
            assert_eq!(check(good, &WORDS, false), Ok(()), "{good}");
        }
    }

    #[test]
    fn the_length_counts_characters_and_depends_on_a_second_factor() {
        assert_eq!(check("kV9 qLx2 pWm7z", &[], false), Err(Weak::TooShort(15)));
        assert_eq!(check("kV9 qLx2 pWm7zé", &[], false), Ok(()));
        assert_eq!(check("kV9qLx2", &[], true), Err(Weak::TooShort(8)));
        assert_eq!(check("kV9qLx2p", &[], true), Ok(()));
        let longest: String = "kV9 qLx2 ".chars().cycle().take(MAX_LEN).collect();
        assert_eq!(check(&longest, &[], false), Ok(()));
        assert_eq!(check(&format!("{longest}é"), &[], false), Err(Weak::TooLong));
    }

    #[test]
    fn blanks_alone_are_no_password() {
        assert_eq!(check(&" ".repeat(20), &[], false), Err(Weak::Blank));
        assert_eq!(check(&"\u{a0}\t".repeat(10), &[], false), Err(Weak::Blank));
    }

    #[test]
    fn a_common_password_is_refused_however_it_is_lengthened() {
        for common in [
            "passwordpassword",
            "Password12345678",
            "p@ssw0rd!qwerty123",
            "iloveyou iloveyou",
            "qwertyuiop123456",
            "123456789012345678",
            "aaaaaaaaaaaaaaaaaaaa",
            "abcdefghijklmnopqrst",
            "111111112222222233333333",
        ] {
            assert_eq!(check(common, &[], false), Err(Weak::Common), "{common}");
        }
        for common in ["password1", "password1234", "letmein123", "Qwerty123!"] {
            assert_eq!(check(common, &[], true), Err(Weak::Common), "{common}");
        }
    }

    #[test]
    fn the_own_words_of_a_person_are_no_password() {
        for own in [
            "ada.lovelace@analytical.example",
            "Ada.Lovelace-Analytical",
            "AcmeCorporation2026",
            "Lovelace@Acme Corporation",
            "signet-analytical-7",
        ] {
            assert_eq!(check(own, &WORDS, false), Err(Weak::OwnWords), "{own}");
            assert_ne!(check(own, &[], false), Err(Weak::OwnWords), "{own}");
        }
        assert_eq!(check("lovelace writes to seven otters", &WORDS, false), Ok(()));
    }

    #[test]
    fn the_list_is_sorted_in_lower_case_and_large() {
        assert!(COMMON.is_sorted() && COMMON.len() > 10_000);
        assert!(COMMON.iter().all(|common| common.to_lowercase() == **common));
        for common in ["password", "qwerty123", "iloveyou"] {
            assert!(COMMON.binary_search(&common).is_ok(), "{common}");
        }
    }
}
