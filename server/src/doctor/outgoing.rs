//! Outgoing HTTPS: the authorities of certificates, and a request if one is asked for.

use bytes::Bytes;
use http::HeaderMap;
use signet_engine::outbound::Client;
use signet_model::endpoint::EndpointUrl;

use super::Finding;
use crate::commands::serve::ServeArgs;

const AUTHORITIES: &str = "authorities";
const CHECK: &str = "outgoing HTTPS";

/// Counts the authorities of the system.
pub fn authorities(serve: &ServeArgs) -> Finding {
    of_count(rustls_native_certs::load_native_certs().certs.len(), serve.trust_ca.len())
}

fn of_count(of_system: usize, of_files: usize) -> Finding {
    let says = format!("{of_system} authorities of the system are trusted, and those of {of_files} files");
    let advice = "install the package ca-certificates, or name a file with --trust-ca";
    match (of_system, of_files) {
        (0, 0) => Finding::failed(AUTHORITIES, "there is no authority of certificates on this system", advice),
        (0, _) => Finding::warning(AUTHORITIES, says, advice),
        _ => Finding::ok(AUTHORITIES, says),
    }
}

/// Sends an empty POST on the way that webhooks take: the policy, the proxy, the authorities.
pub async fn try_out(serve: &ServeArgs, url: Option<&EndpointUrl>) -> Finding {
    let Some(url) = url else {
        return Finding::skipped(
            CHECK,
            "not tried: nobody is asked unless you say whom",
            "give a URL with --try-https",
        );
    };
    let client = serve.outbound().and_then(|config| Ok(Client::new(&config)?));
    let client = match client {
        Ok(client) => client,
        Err(error) => return Finding::failed(CHECK, format!("{error:#}"), "correct the settings first"),
    };
    let host = url.host();
    match client.post(url, HeaderMap::new, Bytes::new()).await {
        Err(fault) => Finding::failed(CHECK, format!("{host}: {fault}"), "look at the network of this machine"),
        Ok(exchange) => match exchange.outcome {
            Ok(answer) => Finding::ok(
                CHECK,
                format!("{host} answered {} after {:.0?}", answer.response.status, exchange.duration),
            ),
            Err((_, detail)) => Finding::failed(
                CHECK,
                format!("{host}: {detail}"),
                "try it with curl from here; look at the firewall, --egress-proxy, --allow-network and --trust-ca",
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_system_without_authorities_cannot_deliver() {
        let verdicts = [(0, 0), (0, 1), (100, 0)].map(|(system, files)| of_count(system, files).result);
        assert_eq!(verdicts, [Verdict::Failed, Verdict::Warning, Verdict::Ok]);
    }
}
