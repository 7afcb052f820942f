//! OpenID providers at which people sign in, in a file.

use std::{collections::HashSet, fs, path::PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Args;
use serde::Deserialize;
use signet_engine::oidc::{ClaimMapping, ClientId, ClientSecret, Grant, ProviderSettings, Scope};

/// OpenID providers.
#[derive(Debug, Clone, Args)]
pub struct OidcArgs {
    /// A file in YAML or JSON with OpenID providers at which people sign in
    /// (docs/OPERATIONS.md shows one).
    #[arg(long = "oidc", value_name = "FILE", env = "SIGNET_OIDC")]
    pub file: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProvidersFile {
    providers: Vec<ProviderEntry>,
}

/// A provider as the operator writes it down.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProviderEntry {
    name: String,
    label: Option<String>,
    issuer: String,
    client_id: String,
    client_secret_file: Option<PathBuf>,
    client_secret_env: Option<String>,
    #[serde(default = "usual_scopes")]
    scopes: Vec<String>,
    accounts: Option<ClaimMapping>,
    #[serde(default)]
    everybody: Vec<Grant>,
}

fn usual_scopes() -> Vec<String> {
    vec!["email".to_owned(), "profile".to_owned()]
}

impl OidcArgs {
    /// The providers of the file; none without one.
    ///
    /// # Errors
    /// The file, or a secret that it names, cannot be read.
    pub fn providers(&self) -> anyhow::Result<Vec<ProviderSettings>> {
        let Some(path) = &self.file else { return Ok(Vec::new()) };
        let text = fs::read_to_string(path).with_context(|| format!("the file {} cannot be read", path.display()))?;
        parse(&text).with_context(|| format!("the file {} cannot be used", path.display()))
    }
}

fn parse(text: &str) -> anyhow::Result<Vec<ProviderSettings>> {
    let file: ProvidersFile = serde_saphyr::from_str(text)?;
    let mut names = HashSet::new();
    for entry in &file.providers {
        ensure!(names.insert(&entry.name), "two providers have the name {:?}", entry.name);
    }
    file.providers.into_iter().map(ProviderEntry::settings).collect()
}

impl ProviderEntry {
    fn settings(self) -> anyhow::Result<ProviderSettings> {
        let client_secret = self.secret()?.map(ClientSecret::new);
        if self.accounts.is_none() && self.everybody.is_empty() {
            bail!("the provider {:?} gives nobody an account: add `accounts` or `everybody`", self.name);
        }
        Ok(ProviderSettings {
            issuer: ProviderSettings::parse_issuer(&self.issuer)?,
            label: self.label.unwrap_or_else(|| self.name.clone()),
            name: self.name.parse()?,
            client_id: ClientId::new(self.client_id),
            client_secret,
            scopes: self.scopes.into_iter().map(Scope::new).collect(),
            accounts: self.accounts,
            everybody: self.everybody,
        })
    }

    /// The secret, from its file or its variable; it is kept in memory alone.
    fn secret(&self) -> anyhow::Result<Option<String>> {
        let read = match (&self.client_secret_file, &self.client_secret_env) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => bail!("the provider {:?} has two secrets: leave one out", self.name),
            (Some(path), None) => {
                fs::read_to_string(path).with_context(|| format!("the file {} cannot be read", path.display()))?
            }
            (None, Some(name)) => {
                std::env::var(name).with_context(|| format!("the variable {name} holds no client secret"))?
            }
        };
        let secret = read.trim();
        ensure!(!secret.is_empty(), "the client secret of the provider {:?} is empty", self.name);
        Ok(Some(secret.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPANY: &str = "
providers:
  - name: company
    label: Company account
    issuer: https://id.example.com
    client_id: signet
    accounts:
      claim: groups
      values:
        developers: ['acme:developer']
        admins: ['acme:admin', 'globex:viewer']
";

    #[test]
    fn a_file_describes_providers_with_their_accounts() {
        let providers = parse(COMPANY).expect("providers");
        let [company] = &providers[..] else { panic!("one provider") };
        assert_eq!((company.name.as_str(), company.label.as_str()), ("company", "Company account"));
        assert!(company.client_secret.is_none(), "a public client");
        assert_eq!(company.scopes.len(), 2);
        assert_eq!(company.grants(&["admins".to_owned()]).len(), 2);
    }

    #[test]
    fn a_secret_comes_from_a_file_and_not_from_the_settings() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        fs::write(&path, "hunter2\n").expect("written");
        let with = format!("{COMPANY}    client_secret_file: {}\n", path.display());
        let providers = parse(&with).expect("providers");
        assert_eq!(providers[0].client_secret.as_ref().map(|it| it.secret().as_str()), Some("hunter2"));
        fs::write(&path, " \n").expect("written");
        assert!(parse(&with).is_err(), "an empty secret");
        assert!(parse(&format!("{COMPANY}    client_secret: hunter2\n")).is_err(), "in the settings");
    }

    #[test]
    fn a_file_that_cannot_mean_what_it_says_is_refused() {
        for (wrong, instead) in [
            ("name: company", "name: Company Inc"),
            ("https://id", "http://id"),
            ("acme:admin", "acme:king"),
            ("    accounts:", "    account:"),
            ("label", "lable"),
        ] {
            assert!(parse(&COMPANY.replace(wrong, instead)).is_err(), "{instead}");
        }
        let twice = format!("{COMPANY}{}", COMPANY.replace("\nproviders:\n", ""));
        assert!(parse(&twice).expect_err("two").to_string().contains("two providers"));
    }
}
