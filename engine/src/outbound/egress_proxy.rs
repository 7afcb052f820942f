//! The operator's proxy, through which all requests to receivers go.
//!
//! Names are looked up and checked here, and the proxy is asked (`CONNECT`, RFC 9110 9.3.6) for
//! the address that was checked: it is never given a name, which it could look up otherwise.
//! TLS is made with the receiver, through the proxy.

use std::{fmt, io, net::SocketAddr, str::FromStr, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::{local_fault::LocalFault, route::Route};

/// The largest head of the proxy's answer, bytes.
const MAX_HEAD: usize = 8 * 1024;

/// The address of the proxy, and what it asks for.
#[derive(Clone, PartialEq, Eq)]
pub struct EgressProxy {
    host: Host<String>,
    port: u16,
    /// TLS is spoken with the proxy itself as well.
    tls: bool,
    /// The value of `Proxy-Authorization`.
    authorization: Option<String>,
}

/// The text is not the URL of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be http:// or https://, a host and perhaps a port, such as http://proxy.internal:3128")]
pub struct InvalidProxy;

impl FromStr for EgressProxy {
    type Err = InvalidProxy;

    fn from_str(text: &str) -> Result<Self, InvalidProxy> {
        let url = Url::parse(text).map_err(|_| InvalidProxy)?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !bare || !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidProxy);
        }
        let host = url.host().ok_or(InvalidProxy)?.to_owned();
        let port = url.port_or_known_default().ok_or(InvalidProxy)?;
        Ok(Self { host, port, tls: url.scheme() == "https", authorization: authorization(&url) })
    }
}

fn authorization(url: &Url) -> Option<String> {
    let plain = |part: &str| percent_decode_str(part).collect::<Vec<u8>>();
    let password = url.password().unwrap_or_default();
    let pair = [plain(url.username()), plain(password)].join(&b':');
    (pair != b":").then(|| format!("Basic {}", BASE64_STANDARD.encode(pair)))
}

impl fmt::Debug for EgressProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EgressProxy({}:{})", self.host, self.port)
    }
}

/// The proxy answered that it has no connection to the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the proxy answered {0}")]
pub(super) struct NotConnected(pub(super) u16);

impl NotConnected {
    /// Returns true if the receiver did not react in time.
    pub(super) const fn is_late(self) -> bool {
        self.0 == 504
    }
}

impl EgressProxy {
    /// Has the proxy connect to an address.
    ///
    /// # Errors
    /// The proxy has no connection to the address; or the proxy cannot be reached or used,
    /// which is a fault of this side.
    pub(super) async fn connect(&self, to: SocketAddr, tls: &TlsConnector) -> io::Result<Route> {
        let fault = |error: io::Error| {
            tracing::debug!(%error, proxy = ?self, "the egress proxy cannot be used");
            LocalFault::of(&error).map_or_else(|| io::Error::other(LocalFault::Proxy), |_| error)
        };
        let mut route = self.reach(tls).await.map_err(fault)?;
        let status = self.ask(&mut route, to).await.map_err(fault)?;
        match status {
            200..=299 => Ok(route),
            // The proxy wants other credentials, or speaks no HTTP that allows CONNECT.
            400..=401 | 403 | 405 | 407 => Err(fault(io::Error::other(NotConnected(status)))),
            _ => Err(io::Error::other(NotConnected(status))),
        }
    }

    async fn reach(&self, tls: &TlsConnector) -> io::Result<Route> {
        let tcp = match &self.host {
            Host::Domain(name) => TcpStream::connect((name.as_str(), self.port)).await?,
            Host::Ipv4(address) => TcpStream::connect((*address, self.port)).await?,
            Host::Ipv6(address) => TcpStream::connect((*address, self.port)).await?,
        };
        tcp.set_nodelay(true)?;
        if !self.tls {
            return Ok(Route::Direct(tcp));
        }
        let name = match &self.host {
            Host::Domain(name) => ServerName::try_from(name.clone()).map_err(io::Error::other)?,
            Host::Ipv4(address) => ServerName::from(std::net::IpAddr::from(*address)),
            Host::Ipv6(address) => ServerName::from(std::net::IpAddr::from(*address)),
        };
        Ok(Route::OverTls(Box::new(tls.connect(name, tcp).await?)))
    }

    /// Returns the status of the answer to CONNECT.
    async fn ask(&self, route: &mut Route, to: SocketAddr) -> io::Result<u16> {
        let authorization = self.authorization.as_ref().map(|it| format!("Proxy-Authorization: {it}\r\n"));
        let authorization = authorization.unwrap_or_default();
        let head = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{authorization}\r\n");
        route.write_all(head.as_bytes()).await?;
        route.flush().await?;
        let answer = read_head(route).await?;
        let status = answer.strip_prefix(b"HTTP/1.").and_then(|rest| std::str::from_utf8(rest.get(2..5)?).ok());
        status.and_then(|it| it.parse().ok()).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

/// Reads up to the empty line and no further: what follows belongs to the receiver.
async fn read_head(route: &mut Route) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MAX_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.push(route.read_u8().await?);
    }
    Ok(head)
}

/// A proxy, if there is one. Clones share it.
pub(super) type MaybeProxy = Option<Arc<EgressProxy>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_an_origin_perhaps_with_a_user() {
        let proxy = |text: &str| text.parse::<EgressProxy>();
        let plain = proxy("http://proxy.internal:3128").expect("a proxy");
        assert_eq!((plain.port, plain.tls, &plain.authorization), (3128, false, &None));
        let with_user = proxy("https://me:p%40ss@[fd00::1]/").expect("a proxy");
        assert_eq!((with_user.port, with_user.tls), (443, true));
        assert_eq!(with_user.authorization.as_deref(), Some("Basic bWU6cEBzcw=="));
        assert!(!format!("{with_user:?}").contains("bWU6"), "{with_user:?}");
        for wrong in ["proxy.internal:3128", "socks5://proxy.internal", "http://proxy.internal/a", "http://"] {
            assert_eq!(proxy(wrong), Err(InvalidProxy), "{wrong}");
        }
    }
}
