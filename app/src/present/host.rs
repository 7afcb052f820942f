//! International host names, as people write them. A name that could pass for another one is
//! shown as it is encoded first.

/// The scripts that a name is written in. Chinese, Japanese and Korean letters stand together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Eastern,
    Other(u32),
}

/// Letters of other scripts that look like Latin ones.
const LOOK_ALIKES: &str = "аеорсухіјѕԁһӏԛԝүґвкмнтьαονρτυικ";

/// The name of a host, in both forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadableHost {
    /// As it is best shown.
    pub(crate) shown: String,
    /// In the other form.
    pub(crate) beside: String,
}

/// Both forms of an international name; `None` for other hosts, which have one.
pub(crate) fn readable_host(encoded: &str) -> Option<ReadableHost> {
    if !encoded.split('.').any(|label| label.starts_with("xn--")) {
        return None;
    }
    let (unicode, decoded) = idna::domain_to_unicode(encoded);
    if decoded.is_err() || unicode == encoded {
        return None;
    }
    let encoded = encoded.to_owned();
    Some(if unicode.split('.').all(is_plain) {
        ReadableHost { shown: unicode, beside: encoded }
    } else {
        ReadableHost { shown: encoded, beside: unicode }
    })
}

/// Returns true if a label is written in one script, and cannot be taken for Latin letters.
fn is_plain(label: &str) -> bool {
    let mut scripts = label.chars().filter_map(script);
    let Some(first) = scripts.next() else { return true };
    let foreign = matches!(first, Script::Greek | Script::Cyrillic);
    let letters = || label.chars().filter(|letter| letter.is_alphabetic());
    scripts.all(|other| other == first) && !(foreign && letters().all(|letter| LOOK_ALIKES.contains(letter)))
}

/// The script of a letter; `None` for digits and marks, which all scripts share.
fn script(letter: char) -> Option<Script> {
    if !letter.is_alphabetic() {
        return None;
    }
    Some(match u32::from(letter) {
        0x0041..=0x024F | 0x1E00..=0x1EFF => Script::Latin,
        0x0370..=0x03FF | 0x1F00..=0x1FFF => Script::Greek,
        0x0400..=0x052F => Script::Cyrillic,
        0x1100..=0x11FF | 0x2E80..=0x9FFF | 0xAC00..=0xD7AF | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF => Script::Eastern,
        // Other scripts have blocks of their own, of 128 letters at least.
        other => Script::Other(other >> 7),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str) -> (String, String) {
        let encoded = idna::domain_to_ascii(name).expect("a name");
        let host = readable_host(&encoded).expect("an international name");
        (host.shown, host.beside)
    }

    #[test]
    fn an_international_name_is_shown_as_people_write_it_with_the_encoded_form_beside() {
        assert_eq!(shown("bücher.example"), ("bücher.example".into(), "xn--bcher-kva.example".into()));
        for name in ["пример.example", "例え.テスト", "παράδειγμα.example", "مثال.example"] {
            assert_eq!(shown(name).0, name);
        }
    }

    #[test]
    fn a_name_that_could_pass_for_another_is_shown_encoded_first() {
        // All letters are Cyrillic, or one of them is.
        for name in ["аррӏе.example", "pаypal.example"] {
            let (first, beside) = shown(name);
            assert!(first.contains("xn--"), "{first}");
            assert_eq!(beside, name);
        }
    }

    #[test]
    fn other_hosts_have_one_form() {
        for host in ["example.com", "127.0.0.1", "xn--a.example"] {
            assert_eq!(readable_host(host), None, "{host}");
        }
    }
}
