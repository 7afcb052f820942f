//! Requests are for this server's own host: a page of another name that leads here (DNS
//! rebinding), or a cache that is led astray by a name, gets no answer.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Uri, header},
    middleware::Next,
    response::Response,
};

use signet_app::Refusal;
use signet_engine::{request::ClientAddress, security_log::TARGET};

use super::Refusals;
use crate::{assets, config::PublicUrl};

/// The paths that probes ask by an address instead of a name.
const PROBED: [&str; 2] = ["/healthz", "/readyz"];

/// The hosts by which the server is reached.
#[derive(Debug, Clone)]
pub struct Hosts {
    home: Arc<PublicUrl>,
    others: Arc<[String]>,
}

impl Hosts {
    /// The host of the dashboard, and others.
    pub fn new(home: &PublicUrl, others: &[String]) -> Self {
        Self { home: Arc::new(home.clone()), others: others.into() }
    }

    /// Returns true if the host of a request, and the one in its first line where that has one,
    /// is one of these. `X-Forwarded-Host` counts for nothing: a client can send it too.
    fn allow(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        // The page of a refusal needs its style sheet, which is the same for everybody.
        if assets::has(uri.path()) {
            return true;
        }
        let Some(host) = the_only_host(headers) else { return false };
        let in_line = uri.authority().is_none_or(|authority| self.has(authority.as_str()));
        in_line && (self.has(host) || PROBED.contains(&uri.path()) && is_machine(host))
    }

    fn has(&self, host: &str) -> bool {
        self.home.is_at(host) || self.others.iter().any(|other| other.eq_ignore_ascii_case(host))
    }
}

fn the_only_host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    hosts.next().is_none().then_some(host)
}

/// Returns true for an address, or this machine itself, with a port or without.
fn is_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name == "localhost" || name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok()
}

/// Refuses a request for another host.
pub async fn check(State((hosts, refusals)): State<(Hosts, Refusals)>, request: Request, next: Next) -> Response {
    if hosts.allow(request.uri(), request.headers()) {
        return next.run(request).await;
    }
    let client = ClientAddress::of(request.extensions());
    tracing::info!(target: TARGET, %client, "refused: a request for another host");
    if request.uri().path().starts_with("/v1/") {
        return signet_api::misdirected();
    }
    refusals.page(&request.into_parts().0, Refusal::OtherHost)
}
