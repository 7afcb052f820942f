//! The addresses on which a server listens: free, or a Signet's; and whether the public URL leads
//! to it.
//!
//! An answer of Signet to a request without a key has the number of the request, which begins
//! with a part that each process has for itself.

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use http::header::HOST;
use reqwest::{Client, redirect};
use serde::Deserialize;
use signet_engine::outbound::tls_config;
use url::Url;

use super::Finding;
use crate::{api_client::read_authority, commands::serve::ServeArgs, config::reachable};

const LISTEN: &str = "address";
const PUBLIC: &str = "public URL";
/// The patience for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// A path that is refused without a key.
const PATH: &str = "/v1/key";

/// Checks the addresses, and the public URL if that is asked for.
pub async fn check(serve: &ServeArgs, try_public_url: bool) -> Vec<Finding> {
    let (found, own) = of_address(serve, serve.listen, "--listen").await;
    let mut findings = vec![found];
    if let Some(address) = serve.tls.http_redirect_listen {
        findings
            .push(bind(address, "--http-redirect-listen").unwrap_or_else(|()| {
                Finding::ok(LISTEN, format!("{address} is in use, as it is while a server runs"))
            }));
    }
    findings.push(match (&serve.public_url, try_public_url) {
        (None, _) => {
            Finding::skipped(PUBLIC, "there is none: the host of each request counts", "name it with --public-url")
        }
        (Some(url), false) => {
            Finding::skipped(PUBLIC, format!("{url} was not asked"), "have it asked with --try-public-url")
        }
        (Some(url), true) => of_public_url(serve, url.origin(), own.as_deref()).await,
    });
    findings
}

/// Listens for a moment. Returns the finding, unless somebody else listens.
///
/// # Errors
/// Somebody else listens.
fn bind(address: SocketAddr, option: &str) -> Result<Finding, ()> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(Finding::ok(LISTEN, format!("{address} is free: no server listens there now"))),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Err(()),
        Err(error) => {
            let advice = match error.kind() {
                ErrorKind::PermissionDenied => {
                    "a port below 1024 needs the capability CAP_NET_BIND_SERVICE (AmbientCapabilities= with systemd)"
                        .to_owned()
                }
                _ => format!("name an address of this machine with {option}"),
            };
            Ok(Finding::failed(LISTEN, format!("nothing can listen on {address}: {error}"), advice))
        }
    }
}

/// The finding about an address, and the process that answers there.
async fn of_address(serve: &ServeArgs, address: SocketAddr, option: &str) -> (Finding, Option<String>) {
    if let Ok(finding) = bind(address, option) {
        return (finding, None);
    }
    if let Some(process) = ask_address(serve, address).await {
        return (Finding::ok(LISTEN, format!("a Signet answers on {address}")), Some(process));
    }
    let says = format!("{address} is in use, and what listens there does not answer as Signet does");
    (Finding::failed(LISTEN, says, format!("stop that program, or choose another address with {option}")), None)
}

/// Asks the server on an address, by its public name.
async fn ask_address(serve: &ServeArgs, address: SocketAddr) -> Option<String> {
    let address = reachable(address);
    let origin = serve.public_url.as_ref().and_then(|url| Url::parse(url.origin()).ok());
    let authority = origin.as_ref().map(|url| url.authority().to_owned());
    let tls = serve.tls.tls_cert.is_some() || !serve.tls.acme.acme_domain.is_empty();
    // The certificate is for the name, and not for the address.
    let name = origin.as_ref().and_then(Url::host_str).filter(|_| tls);
    let mut client = client(serve)?;
    if let Some(name) = name {
        client = client.resolve(name, address);
    }
    let host = name.map_or_else(|| address.to_string(), |name| format!("{name}:{}", address.port()));
    let url = format!("{}://{host}{PATH}", if tls { "https" } else { "http" });
    ask(client, &url, authority.as_deref()).await.ok().flatten()
}

async fn of_public_url(serve: &ServeArgs, origin: &str, own: Option<&str>) -> Finding {
    let advice = "look at the name, the certificate, and the proxy in front; the proxy must pass the Host header on";
    let Some(client) = client(serve) else {
        return Finding::failed(PUBLIC, "the authorities of --trust-ca cannot be read", "correct the settings first");
    };
    match (ask(client, &format!("{origin}{PATH}"), None).await, own) {
        (Err(error), _) => Finding::failed(PUBLIC, format!("{origin} does not answer: {error}"), advice),
        (Ok(None), _) => Finding::failed(PUBLIC, format!("{origin} answers, but not as Signet does"), advice),
        (Ok(Some(there)), Some(own)) if there == own => Finding::ok(PUBLIC, format!("{origin} leads to this server")),
        (Ok(Some(_)), Some(_)) => Finding::warning(
            PUBLIC,
            format!("{origin} leads to another Signet than the one on {}", serve.listen),
            "this is right where several servers stand behind one name",
        ),
        (Ok(Some(_)), None) => Finding::warning(
            PUBLIC,
            format!("{origin} leads to a Signet; no server listens on {} here", serve.listen),
            "run this on the machine of the server, with its settings",
        ),
    }
}

fn client(serve: &ServeArgs) -> Option<reqwest::ClientBuilder> {
    let authorities =
        serve.trust_ca.iter().map(|path| read_authority(path)).collect::<anyhow::Result<Vec<_>>>().ok()?;
    let builder = Client::builder().tls_backend_preconfigured(tls_config(&authorities).ok()?);
    Some(builder.redirect(redirect::Policy::none()).timeout(PATIENCE).no_proxy())
}

#[derive(Deserialize)]
struct Refused {
    instance: String,
}

/// The process that answers; `None` if it is no Signet.
///
/// # Errors
/// Nobody answers.
async fn ask(client: reqwest::ClientBuilder, url: &str, host: Option<&str>) -> Result<Option<String>, String> {
    let words = |error: reqwest::Error| causes(&error);
    let mut request = client.build().map_err(words)?.get(url);
    if let Some(host) = host {
        request = request.header(HOST, host);
    }
    let answer = request.send().await.map_err(words)?.bytes().await.map_err(words)?;
    let refused: Option<Refused> = serde_json::from_slice(&answer).ok();
    Ok(refused.and_then(|refused| {
        let (path, number) = refused.instance.split_once('#')?;
        let (process, _) = number.split_once('-')?;
        (path == PATH).then(|| process.to_owned())
    }))
}

/// The words of an error and of its causes, without the URL.
fn causes(error: &reqwest::Error) -> String {
    let all = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let words: Vec<_> = all.map(ToString::to_string).collect();
    if words.is_empty() { "the request failed".to_owned() } else { words.join(": ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn an_address_is_free_in_use_or_not_of_this_machine() {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a socket");
        let address = socket.local_addr().expect("an address");
        assert_eq!(bind(address, "--listen"), Err(()));
        drop(socket);
        assert_eq!(bind(address, "--listen").map(|it| it.result), Ok(Verdict::Ok));
        // TEST-NET-1 of RFC 5737 is nobody's.
        let other = bind("192.0.2.1:0".parse().expect("an address"), "--listen");
        assert_eq!(other.map(|it| it.result), Ok(Verdict::Failed));
    }
}
