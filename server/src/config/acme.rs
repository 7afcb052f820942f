//! A certificate of an authority, which is asked for it by ACME.

use std::{fmt, path::PathBuf, str::FromStr};

use anyhow::{Context, ensure};
use clap::Args;
use rustls_acme::acme::LETS_ENCRYPT_PRODUCTION_DIRECTORY;
use signet_engine::db::DatabaseUrl;
use signet_model::has_user_info;
use url::{Host, Url};

use crate::certificate::AcmeSettings;

/// A certificate of an authority.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_field_names, reason = "they are the names of the options")]
pub struct AcmeArgs {
    /// Speak TLS with a certificate for this name, which an authority is asked for by ACME, and
    /// for again before it ends. This accepts the authority's terms. Repeatable; in the
    /// environment variable separated by commas.
    #[arg(long, value_name = "NAME", env = "SIGNET_ACME_DOMAIN", value_delimiter = ',')]
    pub acme_domain: Vec<AcmeDomain>,
    /// Where the authority reaches you, such as `mailto:ops@example.com`.
    #[arg(long, value_name = "URL", env = "SIGNET_ACME_CONTACT")]
    pub acme_contact: Option<AcmeContact>,
    /// The folder that keeps the certificate and the keys. Default: beside the SQLite database.
    #[arg(long, value_name = "FOLDER", env = "SIGNET_ACME_CACHE")]
    pub acme_cache: Option<PathBuf>,
    /// The authority's directory. Default: that of Let's Encrypt.
    #[arg(long, value_name = "URL", env = "SIGNET_ACME_DIRECTORY")]
    pub acme_directory: Option<AcmeDirectory>,
    /// Trust the certificate authorities in this PEM file too when the directory is asked.
    /// Repeatable; in the environment variable separated by commas.
    #[arg(long, value_name = "FILE", env = "SIGNET_ACME_ROOT", value_delimiter = ',')]
    pub acme_root: Vec<PathBuf>,
}

impl AcmeArgs {
    /// The settings, if a name is given.
    ///
    /// # Errors
    /// The other options are given without a name, or there is no place for the cache.
    pub fn settings(&self, database: &DatabaseUrl) -> anyhow::Result<Option<AcmeSettings>> {
        let Self { acme_domain, acme_contact, acme_cache, acme_directory, acme_root } = self;
        if acme_domain.is_empty() {
            for (given, option) in [
                (acme_contact.is_some(), "--acme-contact"),
                (acme_cache.is_some(), "--acme-cache"),
                (acme_directory.is_some(), "--acme-directory"),
                (!acme_root.is_empty(), "--acme-root"),
            ] {
                ensure!(
                    !given,
                    "{option} does nothing without --acme-domain: name the server with that, or leave it out"
                );
            }
            return Ok(None);
        }
        let cache = acme_cache.clone().or_else(|| beside(database));
        Ok(Some(AcmeSettings {
            domains: acme_domain.clone(),
            contact: acme_contact.clone(),
            directory: acme_directory.clone().unwrap_or_default(),
            roots: acme_root.clone(),
            cache: cache.context(
                "with PostgreSQL --acme-domain needs a folder for the certificate and its key: name it with --acme-cache",
            )?,
        }))
    }
}

fn beside(database: &DatabaseUrl) -> Option<PathBuf> {
    match database {
        DatabaseUrl::Sqlite(path) => Some(path.with_extension("acme")),
        DatabaseUrl::Postgres(_) => None,
    }
}

/// A name that a certificate can hold, in lower case and ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeDomain(String);

/// The text is no such name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the name of a host, such as signet.example.com: no address, no port and no wildcard")]
pub struct InvalidAcmeDomain;

impl FromStr for AcmeDomain {
    type Err = InvalidAcmeDomain;

    fn from_str(text: &str) -> Result<Self, InvalidAcmeDomain> {
        let is_label = |label: &str| {
            let inside = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            inside && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
        };
        match Host::parse(text) {
            Ok(Host::Domain(name)) if name.len() <= 253 && name.split('.').all(is_label) => Ok(Self(name)),
            _ => Err(InvalidAcmeDomain),
        }
    }
}

impl AsRef<str> for AcmeDomain {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// The URL at which an authority reaches the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeContact(String);

/// The text is no such URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be mailto: and an e-mail address, such as mailto:ops@example.com")]
pub struct InvalidAcmeContact;

impl FromStr for AcmeContact {
    type Err = InvalidAcmeContact;

    fn from_str(text: &str) -> Result<Self, InvalidAcmeContact> {
        let address = text.strip_prefix("mailto:").and_then(|address| address.split_once('@'));
        let is_part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic());
        // An authority takes one address alone, without fields of a mail (RFC 8555 §7.3).
        let is_bare = |part: &str| is_part(part) && !part.contains(['@', ',', '?']);
        match address {
            Some((name, host)) if is_bare(name) && is_bare(host) => Ok(Self(text.to_owned())),
            _ => Err(InvalidAcmeContact),
        }
    }
}

impl AsRef<str> for AcmeContact {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// The URL of an authority's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeDirectory(String);

/// The text is no such URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the https:// URL of a directory, such as https://acme-staging-v02.api.letsencrypt.org/directory")]
pub struct InvalidAcmeDirectory;

impl Default for AcmeDirectory {
    fn default() -> Self {
        Self(LETS_ENCRYPT_PRODUCTION_DIRECTORY.to_owned())
    }
}

impl FromStr for AcmeDirectory {
    type Err = InvalidAcmeDirectory;

    fn from_str(text: &str) -> Result<Self, InvalidAcmeDirectory> {
        match Url::parse(text) {
            // A URL with a password would stand in the log.
            Ok(url) if url.scheme() == "https" && !has_user_info(&url) => Ok(Self(url.into())),
            _ => Err(InvalidAcmeDirectory),
        }
    }
}

impl AsRef<str> for AcmeDirectory {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AcmeDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_hosts() {
        let name = |text: &str| text.parse().map(|AcmeDomain(name)| name);
        assert_eq!(name("Signet.Example.com"), Ok("signet.example.com".into()));
        assert_eq!(name("bücher.example"), Ok("xn--bcher-kva.example".into()));
        for text in ["", "*.example.com", "192.0.2.1", "[::1]", "a.example:443", "a_b.example", "-a.example", "a..b"] {
            assert_eq!(name(text), Err(InvalidAcmeDomain), "{text}");
        }
    }

    #[test]
    fn a_contact_is_one_address_for_mail() {
        assert!("mailto:ops@example.com".parse::<AcmeContact>().is_ok());
        for text in
            ["ops@example.com", "mailto:", "mailto:ops", "mailto:a@b.c,d@e.f", "mailto:a@b.c?subject=d", "tel:1"]
        {
            assert_eq!(text.parse::<AcmeContact>(), Err(InvalidAcmeContact), "{text}");
        }
    }

    #[test]
    fn a_directory_is_asked_over_tls() {
        assert!("https://127.0.0.1:14000/dir".parse::<AcmeDirectory>().is_ok());
        for text in ["http://ca.example/dir", "ca.example", "https://u:p@ca.example/", ""] {
            assert_eq!(text.parse::<AcmeDirectory>(), Err(InvalidAcmeDirectory), "{text}");
        }
    }
}
