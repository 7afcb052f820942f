//! The names of hosts in the settings: whether they can be looked up, as a server will.

use std::{collections::BTreeSet, time::Duration};

use signet_model::endpoint::EndpointUrl;
use tokio::{
    net::lookup_host,
    time::{Instant, timeout},
};
use url::{Host, Url};

use super::Finding;
use crate::{
    commands::serve::ServeArgs,
    config::{Layered, Layers},
};

const CHECK: &str = "name look-up";
/// The patience for one name.
const PATIENCE: Duration = Duration::from_secs(5);
/// A look-up that takes longer holds attempts up.
const SLOW: Duration = Duration::from_secs(1);

/// Looks up each name that the settings have, and that of the URL that is tried.
pub async fn check(layers: &Layers, serve: &ServeArgs, tried: Option<&EndpointUrl>) -> Vec<Finding> {
    let of_options = layers.settings.iter().filter(|setting| setting.is_url()).flat_map(Layered::values);
    let issuers = serve.oidc.providers().unwrap_or_default().into_iter().map(|provider| provider.issuer.to_string());
    let urls = of_options.chain(issuers).chain(tried.map(|url| url.as_str().to_owned()));
    let names: BTreeSet<_> = urls.filter_map(|url| name(&url)).collect();
    if names.is_empty() {
        return vec![Finding::skipped(CHECK, "the settings name no host", "give a URL with --try-https")];
    }
    let mut findings = Vec::new();
    for name in names {
        findings.push(look_up(&name).await);
    }
    findings
}

/// The name in a URL; `None` for an address, and for what has no host.
fn name(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    // In other schemes the host is not told from an address.
    match Host::parse(url.host_str()?).ok()? {
        Host::Domain(name) => Some(name),
        Host::Ipv4(_) | Host::Ipv6(_) => None,
    }
}

async fn look_up(name: &str) -> Finding {
    let begun = Instant::now();
    let found = timeout(PATIENCE, lookup_host((name, 0))).await;
    let took = begun.elapsed();
    let advice = "look at /etc/resolv.conf, and whether the name servers in it can be reached from here";
    match found {
        Ok(Ok(addresses)) => {
            let addresses: BTreeSet<_> = addresses.map(|address| address.ip().to_string()).collect();
            let shown = addresses.into_iter().take(4).collect::<Vec<_>>().join(", ");
            let says = format!("{name} is {shown}, found in {took:.0?}");
            if took > SLOW { Finding::warning(CHECK, says, advice) } else { Finding::ok(CHECK, says) }
        }
        Ok(Err(error)) => Finding::failed(CHECK, format!("{name} was not found: {error}"), advice),
        Err(_) => Finding::failed(CHECK, format!("{name} was not found within {} seconds", PATIENCE.as_secs()), advice),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn names_are_those_of_urls_and_addresses_are_none() {
        for (url, found) in [
            ("https://signet.example/a", Some("signet.example")),
            ("postgres://me:x@db.internal:5432/signet", Some("db.internal")),
            ("smtps://me@mail.example", Some("mail.example")),
            ("postgres://127.0.0.1/signet", None),
            ("https://[::1]:8443", None),
            ("sqlite:signet.db", None),
            ("mailto:ops@example.com", None),
            ("postgres:///signet?host=/run/postgresql", None),
        ] {
            assert_eq!(name(url).as_deref(), found, "{url}");
        }
    }

    #[tokio::test]
    async fn this_machine_is_found_and_a_name_that_cannot_be_is_not() {
        assert_eq!(look_up("localhost").await.result, Verdict::Ok);
        assert_eq!(look_up("a..invalid").await.result, Verdict::Failed);
    }
}
