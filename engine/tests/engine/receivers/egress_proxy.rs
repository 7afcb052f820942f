//! The way through the operator's proxy: a real one, which speaks CONNECT.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex},
};

use futures_util::future::BoxFuture;
use signet_engine::outbound::{Client, Config, LocalFault, Lookup};
use signet_model::delivery::{Attempt, Failure};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional},
    net::TcpStream,
};

use super::{
    certificates::Authority,
    receiver::Receiver,
    sender::{NOW, assert_answered, assert_failed, config, request},
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// Knows `receiver.example` at this machine, and `inside.example` in a private network.
#[derive(Debug)]
struct Names;

impl Lookup for Names {
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let address = if name == "receiver.example" { Ipv4Addr::LOCALHOST } else { Ipv4Addr::new(10, 0, 0, 7) };
        Box::pin(async move { Ok(vec![address.into()]) })
    }
}

/// A proxy, with the heads of the requests that came.
struct Proxy {
    listening: Receiver,
    heads: Arc<Mutex<Vec<String>>>,
    scheme: &'static str,
}

impl Proxy {
    /// A proxy that connects to what it is asked for; or else answers with this status.
    async fn plain(refusal: Option<&'static str>) -> Self {
        let heads = Arc::default();
        let kept = Arc::clone(&heads);
        let listening = Receiver::bare(move |stream, _| serve(stream, Arc::clone(&kept), refusal)).await;
        Self { listening, heads, scheme: "http" }
    }

    /// The same behind TLS.
    async fn over_tls(authority: &Authority) -> Self {
        let heads = Arc::default();
        let kept = Arc::clone(&heads);
        let listening = Receiver::https(authority, move |stream, _| serve(stream, Arc::clone(&kept), None)).await;
        Self { listening, heads, scheme: "https" }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("a lock").clone()
    }

    fn url(&self) -> String {
        format!("{}://me:secret@127.0.0.1:{}", self.scheme, self.listening.port)
    }
}

async fn serve<S>(mut stream: S, heads: Arc<Mutex<Vec<String>>>, refusal: Option<&'static str>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(char::from(byte));
    }
    let to = head.split(' ').nth(1).expect("an address").to_owned();
    heads.lock().expect("a lock").push(head);
    if let Some(status) = refusal {
        let _ = stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).await;
        return;
    }
    let Ok(mut receiver) = TcpStream::connect(to).await else {
        let _ = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await;
        return;
    };
    let _ = stream.write_all(b"HTTP/1.1 200 Connection established\r\nVia: a\r\n\r\n").await;
    let _ = copy_bidirectional(&mut stream, &mut receiver).await;
}

/// Makes one attempt at this URL through the proxy.
async fn attempt(authority: &Authority, proxy: &str, url: &str) -> Result<Attempt, LocalFault> {
    let config = Config { egress_proxy: Some(proxy.parse().expect("a proxy")), ..config(authority) };
    let client = Client::with_lookup(&config, Names).expect("a client");
    let clock = signet_engine::clock::ManualClock::at(NOW);
    signet_engine::deliver::attempt::attempt(&client, &clock, request(url)).await
}

#[tokio::test]
async fn the_proxy_is_asked_for_the_address_that_was_checked_and_tls_is_made_with_the_receiver() {
    let authority = Authority::new();
    let receiver = Receiver::answering(&authority, OK).await;
    for proxy in [Proxy::plain(None).await, Proxy::over_tls(&authority).await] {
        for host in ["receiver.example", "127.0.0.1"] {
            let url = format!("https://{host}:{}/webhooks", receiver.port);
            assert_answered(&attempt(&authority, &proxy.url(), &url).await.expect("an attempt"), 200);
        }
        let asked = format!(
            "CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\
             Proxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n",
            port = receiver.port
        );
        assert_eq!(proxy.heads(), [asked.clone(), asked]);
    }
}

#[tokio::test]
async fn what_must_not_be_reached_is_not_asked_of_the_proxy() {
    let (authority, proxy) = (Authority::new(), Proxy::plain(None).await);
    let inside = attempt(&authority, &proxy.url(), "https://inside.example/").await.expect("an attempt");
    assert_failed(&inside, Failure::Dns);
    let literal = attempt(&authority, &proxy.url(), "https://10.0.0.7/").await.expect("an attempt");
    assert_failed(&literal, Failure::AddressRefused);
    assert_eq!(proxy.heads(), Vec::<String>::new());
}

#[tokio::test]
async fn a_certificate_that_is_not_the_receivers_is_refused_through_the_proxy_too() {
    let (authority, proxy) = (Authority::new(), Proxy::plain(None).await);
    let receiver = Receiver::answering(&Authority::new(), OK).await;
    let url = format!("https://receiver.example:{}/", receiver.port);
    assert_failed(&attempt(&authority, &proxy.url(), &url).await.expect("an attempt"), Failure::Tls);
}

#[tokio::test]
async fn a_receiver_that_the_proxy_cannot_reach_has_failed_and_a_proxy_that_fails_is_a_fault_of_this_side() {
    let authority = Authority::new();
    let url = "https://receiver.example:9/";
    for (status, failure) in [
        ("502 Bad Gateway", Failure::Connect),
        ("503 Service Unavailable", Failure::Connect),
        ("504 Gateway Timeout", Failure::ConnectTimeout),
    ] {
        let proxy = Proxy::plain(Some(status)).await;
        assert_failed(&attempt(&authority, &proxy.url(), url).await.expect("an attempt"), failure);
    }
    for status in ["407 Proxy Authentication Required", "403 Forbidden", "ICY"] {
        let proxy = Proxy::plain(Some(status)).await;
        assert_eq!(attempt(&authority, &proxy.url(), url).await, Err(LocalFault::Proxy), "{status}");
    }
    let gone = { Proxy::plain(None).await.url() };
    let nobody = gone.rsplit_once(':').map(|(start, _)| format!("{start}:1")).expect("a port");
    assert_eq!(attempt(&authority, &nobody, url).await, Err(LocalFault::Proxy));
}
