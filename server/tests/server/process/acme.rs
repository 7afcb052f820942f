//! A certificate of an authority: asked for by ACME, shown, and kept.

mod authority;

use std::{io, os::unix::fs::PermissionsExt};

use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{Folder, refusal};
use crate::{patience::within, server::Server};
use authority::{Authority, CHALLENGE};

/// The name in the certificate.
const NAME: &str = "signet.test";

async fn serve(folder: &Folder, authority: &Authority) -> Server {
    let (directory, root) = (authority.directory(), authority.root_file(folder.path()));
    let options = [
        "--acme-domain",
        NAME,
        "--acme-contact",
        "mailto:ops@example.com",
        "--acme-directory",
        &directory,
        "--acme-root",
        root.to_str().expect("a path"),
    ];
    let server = folder.serve(&options).await;
    authority.looks_at(server.address);
    server
}

/// Connects as a browser that trusts the authority alone, or as an authority does.
async fn connect(server: &Server, authority: &Authority, protocol: &[u8]) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(server.address).await?;
    let name = ServerName::try_from(NAME).expect("a name");
    TlsConnector::from(authority.client(protocol)).connect(name, stream).await
}

/// The head of a page that is asked for over https.
async fn page(server: &Server, authority: &Authority) -> String {
    let mut stream = connect(server, authority, b"http/1.1").await.expect("TLS with the certificate");
    let request = format!("GET /login HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    within("an answer", stream.read_to_string(&mut answer)).await.expect("text");
    answer
}

#[tokio::test]
async fn a_certificate_is_obtained_shown_and_taken_from_the_cache_after_a_restart() {
    let folder = Folder::new();
    let authority = Authority::start(NAME).await;
    let mut server = serve(&folder, &authority).await;
    assert!(server.printed.contains("https://"), "{}", server.printed);
    server.wait_for_log("obtained a certificate from the authority").await;
    let answer = page(&server, &authority).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("strict-transport-security"), "{answer}");
    assert_eq!((authority.orders(), authority.challenges()), (1, 1));

    // The challenge is over: nobody else gets an answer to one, and no request goes that way.
    assert!(connect(&server, &authority, CHALLENGE).await.is_err());

    let cache = folder.path().join("signet.acme");
    let files: Vec<_> = std::fs::read_dir(&cache).expect("files").flatten().collect();
    assert_eq!(files.len(), 2, "the certificate with its key, and the key of the account: {files:?}");
    for file in files {
        assert_eq!(file.metadata().expect("there").permissions().mode() & 0o777, 0o600, "{file:?}");
    }
    server.stop().await;
    let log = server.rest_of_log().await;
    assert!(!log.contains("PRIVATE KEY") && log.contains("stopped"), "{log}");

    let mut server = serve(&folder, &authority).await;
    server.wait_for_log("took the certificate from the cache").await;
    assert!(page(&server, &authority).await.starts_with("HTTP/1.1 200"));
    server.stop().await;
    assert_eq!((authority.orders(), authority.challenges()), (1, 1), "no new order");
}

#[tokio::test]
async fn a_refusal_of_the_authority_is_told_and_the_order_is_made_again() {
    let folder = Folder::new();
    let authority = Authority::start(NAME).await;
    authority.refuses_once("the CAA record of signet.test forbids it");
    let mut server = serve(&folder, &authority).await;
    server.wait_for_log("the CAA record of signet.test forbids it").await;
    server.wait_for_log("obtained a certificate from the authority").await;
    assert!(page(&server, &authority).await.starts_with("HTTP/1.1 200"));
    server.stop().await;
}

#[tokio::test]
async fn options_that_contradict_one_another_are_refused_with_advice() {
    let folder = Folder::new();
    let files = ["--tls-cert", "a.crt", "--tls-key", "a.key", "--acme-domain", NAME];
    let postgres = ["--database", "postgres://127.0.0.1:1/none", "--acme-domain", NAME];
    for (options, words) in [
        (&files[..], "--acme-domain and --tls-cert exclude one another"),
        (&["--acme-contact", "mailto:ops@example.com"], "--acme-contact does nothing without --acme-domain"),
        (&["--acme-cache", "folder"], "--acme-cache does nothing"),
        (&["--acme-directory", "https://ca.example/dir"], "--acme-directory does nothing"),
        (&["--acme-root", "root.pem"], "--acme-root does nothing"),
        (&["--acme-root", "root.pem", "--acme-domain", NAME], "root.pem cannot be read"),
        (&postgres, "name it with --acme-cache"),
    ] {
        let mut command = folder.signet(&["serve", "--listen", "127.0.0.1:0"]);
        command.args(options);
        let error = refusal(command).await;
        assert!(error.contains(words), "{error}");
    }
}
