//! Texts that can hold a password, and what may be shown of them.

use url::Url;

/// Stands where something is not shown.
pub const HIDDEN: &str = "(hidden)";

/// Returns true unless it is certain that a text holds no password.
pub fn holds_password(text: &str) -> bool {
    if text.starts_with("sqlite:") {
        return false;
    }
    let Ok(url) = Url::parse(text) else { return true };
    // A password with an unusual letter ends the part of the URL in which passwords stand.
    let strayed = url.username().is_empty() && text.contains('@');
    let parameter = url.query_pairs().any(|(name, _)| name.contains("password"));
    strayed || parameter || url.password().is_some() || url.path().contains('@')
}

/// What may be shown of a text that can hold a password: the whole text if it holds none, and
/// otherwise the parts that are certain to be none.
pub fn shown(text: &str) -> String {
    if !holds_password(text) {
        return text.to_owned();
    }
    let Some((scheme, rest)) = text.split_once("://") else { return HIDDEN.to_owned() };
    // A query can hold a password, and a sign `@` before it.
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    // Behind the last sign nothing can be a part of the password.
    rest.rsplit_once('@')
        .map_or_else(|| format!("{scheme}://{HIDDEN}"), |(_, host)| format!("{scheme}://{HIDDEN}@{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_a_password_is_shown_and_of_others_the_host() {
        for (text, says) in [
            ("sqlite:/var/lib/signet/signet.db", "sqlite:/var/lib/signet/signet.db"),
            ("postgres://signet@db.example/signet", "postgres://signet@db.example/signet"),
            ("postgres://signet:hunter2@db.example:5433/signet", "postgres://(hidden)@db.example:5433/signet"),
            ("postgres://db.example/signet?user=me&password=hunter2", "postgres://(hidden)"),
            ("smtps://me:hun/ter2@mail.example", "smtps://(hidden)@mail.example"),
            ("smtps://me:12/hunter2@mail.example", "smtps://(hidden)@mail.example"),
            ("smtps://me:hunter2@x@mail.example?tls=none", "smtps://(hidden)@mail.example"),
            ("postgres://u@h/db?options=a@b&password=hunter2", "postgres://(hidden)@h/db"),
            ("smtps://me:hunter2?x@mail.example", "smtps://(hidden)"),
            ("hunter2", "(hidden)"),
        ] {
            assert_eq!(shown(text), says, "{text}");
            assert!(!shown(text).contains("ter2"), "{text}");
        }
    }
}
