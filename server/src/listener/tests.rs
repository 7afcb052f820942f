use axum::{
    http::StatusCode,
    routing::{get, post},
};
use bytes::Bytes;
use signet_engine::request::{ClientAddress, RequestId};
use signet_model::Timestamp;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    spawn,
    time::{Duration, timeout},
};

use super::*;

/// More than a stream takes that is not read.
const LARGE: usize = 1024 * 1024;
const LIMITS: Limits = Limits { connections: 2, connections_per_client: 2 };

pub fn router() -> Router {
    let length =
        async |body: Result<Bytes, _>| body.map(|body| body.len().to_string()).map_err(|_| StatusCode::REQUEST_TIMEOUT);
    Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/large", get(async || vec![b'x'; LARGE]))
        .route("/length", post(length))
        .route(
            "/client",
            get(async |request: axum::extract::Request| {
                let extensions = request.extensions();
                format!("{} {:?}", ClientAddress::of(extensions), RequestId::of(extensions).map(|it| it.to_string()))
            }),
        )
}

/// A listener with these limits, which trusts proxies in one network.
pub fn front(limits: Limits) -> Front {
    let networks = vec!["10.0.0.0/8".parse().expect("a network")];
    let proxies = Proxies { networks, header: ClientHeader::XForwardedFor };
    let request_ids = Arc::new(RequestIds::new(Timestamp::from_unix_seconds(0)));
    Front { limits, proxies, request_ids, tls: None }
}

fn places(limits: Limits) -> Arc<Places> {
    Places::new(limits, Arc::new(front(limits).proxies))
}

/// The client's end of a connection that is served.
async fn connect() -> DuplexStream {
    connect_from([192, 0, 2, 1]).await
}

async fn connect_from(peer: [u8; 4]) -> DuplexStream {
    let server = Server::new(router(), front(LIMITS), &Shutdown::default());
    let peer = SocketAddr::from((peer, 1));
    let place = server.places.take(peer.ip()).await.expect("a place");
    let (client, far_end) = duplex(64 * 1024);
    spawn(server.attend(far_end, peer, place));
    client
}

/// Sends `text`, then one byte a second of `rest`, and reads the answer until the connection ends.
async fn drip(text: &str, rest: u8) -> String {
    let mut client = connect().await;
    client.write_all(text.as_bytes()).await.expect("sent");
    let (mut reader, mut writer) = tokio::io::split(client);
    let dripping = spawn(async move {
        while writer.write_all(&[rest]).await.is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
    });
    let mut answer = String::new();
    // A connection that ends while bytes are on their way may end with an error.
    let _ = reader.read_to_string(&mut answer).await;
    dripping.await.expect("no panic");
    answer
}

#[tokio::test(start_paused = true)]
async fn a_head_that_drips_ends_its_connection() {
    let began = Instant::now();
    assert_eq!(drip("GET /healthz HTTP/1.1\r\nHost: a\r\nX: ", b'x').await, "");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_is_refused_and_one_at_a_fair_rate_is_taken() {
    let head = "POST /length HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ";
    let began = Instant::now();
    let answer = drip(&format!("{head}1048576\r\n\r\n"), b'x').await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());

    let mut client = connect().await;
    client.write_all(format!("{head}20480\r\n\r\n").as_bytes()).await.expect("sent");
    for _ in 0..10 {
        sleep(Duration::from_secs(1)).await;
        client.write_all(&[b'x'; 2048]).await.expect("sent");
    }
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.ends_with("20480"), "{answer}");
}

#[tokio::test]
async fn the_client_is_the_peer_or_the_one_that_a_trusted_proxy_names() {
    let request = "GET /client HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Forwarded-For: 192.0.2.9\r\n\r\n";
    for (peer, client) in [([198, 51, 100, 7], "198.51.100.7"), ([10, 0, 0, 1], "192.0.2.9")] {
        let mut stream = connect_from(peer).await;
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.ends_with(&format!("{client} Some(\"0-0\")")), "{answer}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let lines = "X-Line: x\r\n".repeat(120);
    let long = format!("X-Long: {}\r\n", "x".repeat(MAX_HEAD));
    let fits = format!("X-Long: {}\r\n", "x".repeat(MAX_HEAD / 2));
    for (headers, status) in [(lines, "431"), (long, "431"), (fits, "200")] {
        let client = connect().await;
        let request = format!("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n");
        let (mut reader, mut writer) = tokio::io::split(client);
        // The connection may end before all of it is taken.
        let sending = spawn(async move { writer.write_all(request.as_bytes()).await.is_ok() });
        let mut answer = String::new();
        let _ = reader.read_to_string(&mut answer).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        sending.abort();
    }
}

#[tokio::test]
async fn connections_of_one_client_keep_no_other_client_out() {
    let places = places(Limits { connections: 4, connections_per_client: 2 });
    let take = async |peer: [u8; 4]| places.take(peer.into()).await;
    let crowd = [take([192, 0, 2, 1]).await, take([192, 0, 2, 1]).await];
    assert!(crowd.iter().all(Option::is_some) && take([192, 0, 2, 1]).await.is_none());
    assert!(take([192, 0, 2, 2]).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_its_answer_is_given_up() {
    let mut client = connect().await;
    client.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
    sleep(Duration::from_mins(1)).await;
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.expect("an end");
    assert!(answer.len() < LARGE, "{}", answer.len());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_by_drips_is_given_up() {
    let mut client = connect().await;
    client.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
    let (began, mut read) = (Instant::now(), 0);
    let mut piece = [0; 64];
    while let Ok(len @ 1..) = client.read(&mut piece).await {
        read += len;
        // After the deadline only bytes that are on their way already are left to read.
        if began.elapsed() < Duration::from_mins(3) {
            sleep(Duration::from_secs(1)).await;
        }
    }
    assert!(read < LARGE, "{read}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_between_requests_but_not_for_ever() {
    let mut client = connect().await;
    let mut answer = [0; 512];
    for _ in 0..3 {
        client.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
        let len = client.read(&mut answer).await.expect("an answer");
        assert!(answer[..len].starts_with(b"HTTP/1.1 200"));
        sleep(Duration::from_secs(59)).await;
    }
    assert_eq!(client.read(&mut answer).await.expect("an end"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_old_connection_ends_with_an_answer() {
    let mut client = connect().await;
    let mut answers = 0;
    let mut answer = [0; 512];
    loop {
        client.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
        let len = client.read(&mut answer).await.expect("an answer");
        assert!(answer[..len].starts_with(b"HTTP/1.1 200"));
        answers += 1;
        if String::from_utf8_lossy(&answer[..len]).contains("connection: close") {
            break;
        }
        sleep(Duration::from_secs(50)).await;
    }
    assert!(answers > 60, "{answers}");
    assert_eq!(client.read(&mut answer).await.expect("an end"), 0);
}

/// A server on a socket.
async fn listen() -> (SocketAddr, Shutdown) {
    let shutdown = Shutdown::default();
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let address = socket.local_addr().expect("an address");
    let served = shutdown.clone();
    spawn(async move { serve(socket, router(), front(LIMITS), &served).await });
    (address, shutdown)
}

async fn healthz(stream: &mut TcpStream, rest: &str) -> String {
    stream.write_all(rest.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

const HEALTHZ: &str = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn half_sent_heads_in_every_place_keep_no_client_out() {
    let (address, _shutdown) = listen().await;
    let mut halves = Vec::new();
    for _ in 0..20 {
        let mut half = TcpStream::connect(address).await.expect("a connection");
        half.write_all(b"GET /healthz HT").await.expect("sent");
        halves.push(half);
    }
    for _ in 0..3 {
        let mut healthy = TcpStream::connect(address).await.expect("a connection");
        assert!(healthz(&mut healthy, HEALTHZ).await.starts_with("HTTP/1.1 200"));
    }
    let last = halves.last_mut().expect("a connection");
    let answer = healthz(last, "TP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "the one that has waited least is kept: {answer}");
}

#[tokio::test]
async fn answers_that_are_never_read_keep_no_client_out() {
    let (address, _shutdown) = listen().await;
    let mut deaf = Vec::new();
    for _ in 0..4 {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all("GET /large HTTP/1.1\r\nHost: a\r\n\r\n".repeat(10).as_bytes()).await.expect("sent");
        deaf.push(stream);
        let mut healthy = TcpStream::connect(address).await.expect("a connection");
        assert!(healthz(&mut healthy, HEALTHZ).await.starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn a_stop_ends_idle_connections_at_once() {
    let (address, shutdown) = listen().await;
    let mut idle = TcpStream::connect(address).await.expect("a connection");
    let mut kept = TcpStream::connect(address).await.expect("a connection");
    kept.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
    let mut answer = [0; 512];
    assert!(kept.read(&mut answer).await.is_ok_and(|len| len > 0));
    shutdown.begun.cancel();
    for stream in [&mut idle, &mut kept] {
        let end = timeout(Duration::from_mins(1), stream.read(&mut answer)).await.expect("the end is at once");
        assert_eq!(end.unwrap_or(0), 0);
    }
}

#[tokio::test]
async fn one_client_has_only_so_many_places_and_a_proxy_any() {
    let places = places(Limits { connections: 10, connections_per_client: 2 });
    let take = async |peer: &str| places.take(peer.parse().expect("an address")).await;
    let held = [take("2001:db8::1").await, take("2001:db8::2").await];
    assert!(held.iter().all(Option::is_some));
    assert!(take("2001:db8::3").await.is_none());
    assert!(take("2001:db8:0:1::1").await.is_some());
    drop(held);
    assert!(take("2001:db8::3").await.is_some());
    let proxied = [take("127.0.0.1").await, take("::1").await, take("127.0.0.1").await];
    let trusted = [take("10.0.0.1").await, take("10.0.0.1").await, take("10.0.0.1").await];
    assert!(trusted.iter().all(Option::is_some));
    assert!(proxied.iter().all(Option::is_some));
}

#[tokio::test]
async fn a_connection_that_this_server_works_for_is_not_ended_for_another() {
    let places = places(Limits { connections: 1, connections_per_client: 1 });
    let peer = [192, 0, 2, 1].into();
    let other = [192, 0, 2, 2].into();
    let place = places.take(peer).await.expect("a place");
    place.activity.works();
    assert!(places.take(other).await.is_none());
    place.activity.answers();
    let ((), taken) = tokio::join!(
        async {
            place.activity.evicted().await;
            drop(place);
        },
        places.take(other)
    );
    assert!(taken.is_some());
}
