//! The logo: a small image from a file, which this server serves itself, or the URL of one.

use std::{fmt, sync::Arc};

use super::files::content_hash;

/// The largest file, in bytes.
const MAX_LEN: usize = 256 * 1024;

/// A logo.
#[derive(Debug, Clone)]
pub enum Logo {
    /// An image that this server serves.
    File(LogoFile),
    /// An image elsewhere: an `https` URL, from which browsers fetch it.
    Url(String),
}

/// The content of a file.
#[derive(Clone)]
pub struct LogoFile {
    pub(super) bytes: Arc<[u8]>,
    pub(super) kind: Kind,
    pub(super) name: Arc<str>,
}

impl fmt::Debug for LogoFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogoFile").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A kind of images that every browser shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Svg,
    Png,
    Jpeg,
    Webp,
}

/// The file or the URL is no logo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidLogo {
    /// No image, or one of another kind.
    Kind,
    /// Too large.
    TooLarge,
    /// A URL that is not `https`, or has characters that a policy cannot name.
    Url,
}

impl fmt::Display for InvalidLogo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kind => "is no image in SVG, PNG, JPEG or WebP",
            Self::TooLarge => "is larger than 256 KiB; a logo is shown small",
            Self::Url => "must be an https:// URL without a query, a comma or a semicolon",
        })
    }
}

impl std::error::Error for InvalidLogo {}

impl Kind {
    /// The kind of a content. The name of a file can lie, its content cannot.
    fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            _ => {
                let text = std::str::from_utf8(bytes).ok()?.trim_start_matches('\u{feff}').trim_start();
                let begins = ["<svg", "<?xml", "<!--", "<!DOCTYPE svg"].iter().any(|it| text.starts_with(it));
                (begins && text.contains("<svg")).then_some(Self::Svg)
            }
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
        }
    }

    /// The media type.
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Svg => "image/svg+xml",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
        }
    }
}

impl Logo {
    /// The logo with the content of a file.
    ///
    /// # Errors
    /// It is no image, or too large.
    pub fn from_file(bytes: Vec<u8>) -> Result<Self, InvalidLogo> {
        if bytes.len() > MAX_LEN {
            return Err(InvalidLogo::TooLarge);
        }
        let kind = Kind::of(&bytes).ok_or(InvalidLogo::Kind)?;
        let name = format!("logo.{}.{}", content_hash(&bytes), kind.extension()).into();
        Ok(Self::File(LogoFile { bytes: bytes.into(), kind, name }))
    }

    /// The logo at a URL.
    ///
    /// # Errors
    /// The URL is not `https`, or a Content-Security-Policy cannot name it.
    pub fn from_url(url: &str) -> Result<Self, InvalidLogo> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/%+@".contains(&byte);
        let has_host =
            url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '.', ':']));
        if has_host && url.bytes().all(plain) { Ok(Self::Url(url.to_owned())) } else { Err(InvalidLogo::Url) }
    }

    /// The address for pages.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::File(file) => super::files::path(&file.name),
            Self::Url(url) => url.clone(),
        }
    }

    /// The source that the policy of pages must allow beside the own host.
    pub(crate) fn source(&self) -> Option<&str> {
        match self {
            Self::File(_) => None,
            Self::Url(url) => Some(url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_tells_the_kind() {
        for (bytes, kind) in [
            (&b"\x89PNG\r\n\x1a\n"[..], Some(Kind::Png)),
            (b"\xff\xd8\xff\xe0", Some(Kind::Jpeg)),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some(Kind::Webp)),
            (b"<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>", Some(Kind::Svg)),
            (b" <svg></svg>", Some(Kind::Svg)),
            (b"<html><svg></svg></html>", None),
            (b"<?xml version=\"1.0\"?><html/>", None),
            (b"GIF89a", None),
            (b"", None),
        ] {
            assert_eq!(Kind::of(bytes), kind, "{:?}", String::from_utf8_lossy(bytes));
        }
        assert_eq!(Logo::from_file(vec![b' '; MAX_LEN + 1]).err(), Some(InvalidLogo::TooLarge));
    }

    #[test]
    fn a_url_is_one_that_a_policy_can_name() {
        assert!(Logo::from_url("https://cdn.example.com/logo-2.svg").is_ok());
        for url in [
            "http://a.example/a.svg",
            "https://",
            "https:///a",
            "https://a.example/;script-src *",
            "https://a.example/a b",
            "https://a.example/'x'",
            "//a.example",
        ] {
            assert_eq!(Logo::from_url(url).err(), Some(InvalidLogo::Url), "{url}");
        }
    }
}
