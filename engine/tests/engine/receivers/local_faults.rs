//! Faults of this side are not charged to the receiver.

use std::process::Command;

use signet_engine::outbound::LocalFault;

use super::{
    certificates::Authority,
    receiver::Receiver,
    sender::{Sender, assert_answered},
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// The limit of descriptors is one of the whole process, so this runs in one of its own.
#[test]
fn want_of_descriptors_is_a_local_fault() {
    let tests = std::env::current_exe().expect("the tests");
    let child = Command::new("sh")
        .args([
            "-c",
            r#"ulimit -n 32; exec "$0" --exact receivers::local_faults::attempts_without_descriptors --ignored"#,
        ])
        .arg(tests)
        .output()
        .expect("a shell");
    let report = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(child.status.success() && report.contains("1 passed"), "{report}");
}

#[tokio::test]
#[ignore = "run by another test, with few descriptors"]
async fn attempts_without_descriptors() {
    let authority = Authority::new();
    let receiver = Receiver::answering(&authority, OK).await;
    let sender = Sender::new(&authority);
    let null = || std::fs::File::open("/dev/null");
    let taken: Vec<_> = std::iter::from_fn(|| null().ok()).collect();
    for url in [receiver.url(), format!("https://localhost:{}/", receiver.port)] {
        let attempt = sender.try_attempt(&url).await;
        assert_eq!(attempt.map(|it| it.outcome()), Err(LocalFault::Descriptors), "{url}");
    }
    assert_eq!(receiver.connections.get(), 0);
    drop(taken);
    assert_answered(&sender.attempt(&receiver.url()).await, 200);
}
