use super::*;

#[test]
fn addresses_are_trimmed_and_in_lower_case() {
    assert_eq!(parse_email(" Ada.Lovelace+x@Mail.Example.COM ").as_deref(), Some("ada.lovelace+x@mail.example.com"));
}

#[test]
fn a_text_that_is_no_address_is_refused() {
    let long = format!("{}@example.com", "a".repeat(250));
    for text in
        ["", "ada", "@example.com", "ada@", "ada@example", "a@b@c.d", "a da@b.c", "a@b..c", "a@.b", "a@b.", &long]
    {
        assert_eq!(parse_email(text), None, "{text}");
    }
}
