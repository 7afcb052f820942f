//! The address of a server that commands of developers talk to.

use std::{fmt, str::FromStr};

use signet_model::{has_user_info, is_this_machine};
use url::Url;

/// An address that may be sent secrets and bodies: `https://`, or `http://` on this machine.
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteUrl(Url);

/// The text is not such an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRemoteUrl {
    /// It is no URL with a host.
    #[error("must be a URL such as https://signet.example.com")]
    Url,
    /// It is neither `http` nor `https`.
    #[error("must begin with https://, or with http:// for this machine")]
    Scheme,
    /// It would send secrets in the clear.
    #[error("http:// is for this machine alone: use https://")]
    Plain,
    /// It carries a user's name or password.
    #[error("must not hold a name or a password")]
    Credentials,
}

impl RemoteUrl {
    /// The address.
    pub const fn as_url(&self) -> &Url {
        &self.0
    }

    /// The address of a path below this one; each segment is escaped.
    pub fn below(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        url.set_query(None);
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

impl FromStr for RemoteUrl {
    type Err = InvalidRemoteUrl;

    fn from_str(text: &str) -> Result<Self, InvalidRemoteUrl> {
        let mut url = Url::parse(text).map_err(|_| InvalidRemoteUrl::Url)?;
        let host = url.host().ok_or(InvalidRemoteUrl::Url)?;
        match url.scheme() {
            "https" => {}
            "http" if is_this_machine(&host) => {}
            "http" => return Err(InvalidRemoteUrl::Plain),
            _ => return Err(InvalidRemoteUrl::Scheme),
        }
        if has_user_info(&url) {
            return Err(InvalidRemoteUrl::Credentials);
        }
        url.set_fragment(None);
        Ok(Self(url))
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        for text in
            ["https://signet.example", "http://localhost:3000/hooks?a=b", "http://127.0.0.2:1", "http://[::1]:8080/"]
        {
            assert!(text.parse::<RemoteUrl>().is_ok(), "{text}");
        }
        for (text, error) in [
            ("http://signet.example", InvalidRemoteUrl::Plain),
            ("http://192.168.0.7", InvalidRemoteUrl::Plain),
            ("http://localhost.example", InvalidRemoteUrl::Plain),
            ("ftp://localhost", InvalidRemoteUrl::Scheme),
            ("signet.example", InvalidRemoteUrl::Url),
            ("https://me:hunter2@signet.example", InvalidRemoteUrl::Credentials),
        ] {
            assert_eq!(text.parse::<RemoteUrl>(), Err(error), "{text}");
        }
    }

    #[test]
    fn segments_of_a_path_are_escaped() {
        let url: RemoteUrl = "https://signet.example/base/".parse().expect("a URL");
        assert_eq!(url.below(&["v1", "a/b", "ü"]).as_str(), "https://signet.example/base/v1/a%2Fb/%C3%BC");
    }
}
