//! Stopping.

use tokio::{io::AsyncReadExt, net::TcpStream};

use super::{Folder, send};
use crate::{patience::within, server::Server};

/// The beginning of a request whose body never comes, so that it stays under way.
async fn stuck_request(folder: &Folder, server: &Server) -> TcpStream {
    let key = folder.printed(&["key", "add", "--name", "operator"]).await;
    let request = format!(
        "POST /v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Content-Length: 10\r\nExpect: 100-continue\r\n\r\n"
    );
    let mut stream = send(server, &request).await;
    // The server asks for the body, which tells that it reads the request.
    let mut asked = [0; 12];
    within("an answer", stream.read_exact(&mut asked)).await.expect("bytes");
    assert_eq!(&asked, b"HTTP/1.1 100");
    stream
}

#[tokio::test]
async fn a_second_signal_ends_the_server_at_once() {
    let folder = Folder::new();
    let mut server = folder.serve(&["--stop-limit", "1day"]).await;
    let _request = stuck_request(&folder, &server).await;
    server.terminate();
    server.wait_for_log("stopping").await;
    assert!(server.is_running(), "the request is still under way");
    server.stop().await;
}

#[tokio::test]
async fn a_request_that_does_not_end_is_dropped_after_a_limit() {
    let folder = Folder::new();
    let mut server = folder.serve(&["--stop-limit", "1ms"]).await;
    let _request = stuck_request(&folder, &server).await;
    server.stop().await;
}
