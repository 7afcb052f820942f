//! Names: their addresses decide whether a receiver may be reached.

use std::{
    collections::VecDeque,
    io,
    net::IpAddr,
    sync::{Arc, Mutex},
};

use futures_util::future::{BoxFuture, join_all, pending};
use signet_engine::outbound::{Client, Config, LocalFault, Lookup, Policy};
use signet_model::delivery::Failure;
use tokio::{join, time::pause};

use super::{
    certificates::Authority,
    receiver::{Counter, Receiver},
    sender::{Sender, assert_answered, assert_failed, config},
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// Gives one answer after the other, and then none.
#[derive(Debug, Clone, Default)]
struct Answers {
    left: Arc<Mutex<VecDeque<Vec<IpAddr>>>>,
    asked: Counter,
}

impl Answers {
    fn new(answers: &[&[IpAddr]]) -> Self {
        let left = answers.iter().map(|it| it.to_vec()).collect::<VecDeque<_>>();
        Self { left: Arc::new(Mutex::new(left)), asked: Counter::default() }
    }
}

impl Lookup for Answers {
    fn lookup(&self, _name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        self.asked.count();
        let answer = self.left.lock().expect("no panic").pop_front();
        Box::pin(async { answer.ok_or_else(|| io::Error::other("no such name")) })
    }
}

/// Knows `receiver.example`, and never answers for any other name.
#[derive(Debug, Clone, Default)]
struct Stalling {
    asked: Counter,
}

impl Lookup for Stalling {
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        if name == "receiver.example" {
            return Box::pin(async { Ok(vec![LOOPBACK]) });
        }
        self.asked.count();
        Box::pin(pending())
    }
}

fn url(receiver: &Receiver) -> String {
    format!("https://receiver.example:{}/webhooks", receiver.port)
}

#[tokio::test]
async fn a_name_is_connected_to_at_the_address_that_was_checked() {
    let authority = Authority::new();
    let receiver = Receiver::answering(&authority, OK).await;
    // The second answer is that of an attacker's name server a moment later.
    let answers = Answers::new(&[&[LOOPBACK], &[IpAddr::from([169, 254, 169, 254])]]);
    let sender = Sender::with_lookup(&authority, answers.clone());
    assert_answered(&sender.attempt(&url(&receiver)).await, 200);
    assert_eq!((answers.asked.get(), receiver.connections.get()), (1, 1));
    // And at the next connection it is the second answer that is judged.
    let attempt = sender.attempt(&url(&receiver)).await;
    assert_failed(&attempt, Failure::Dns);
    assert_eq!((answers.asked.get(), receiver.connections.get()), (2, 1));
}

#[tokio::test]
async fn one_bad_address_among_good_ones_refuses_the_name() {
    let authority = Authority::new();
    let receiver = Receiver::answering(&authority, OK).await;
    let private = IpAddr::from([192, 168, 0, 1]);
    for addresses in [[LOOPBACK, private], [private, LOOPBACK]] {
        let sender = Sender::with_lookup(&authority, Answers::new(&[&addresses]));
        let attempt = sender.attempt(&url(&receiver)).await;
        assert_failed(&attempt, Failure::Dns);
    }
    assert_eq!(receiver.connections.get(), 0);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_answered_like_one_that_there_is_not() {
    let authority = Authority::new();
    let inside = [[10, 0, 0, 7], [169, 254, 169, 254], [0, 0, 0, 0]].map(|it| vec![IpAddr::from(it)]);
    let mut details = Vec::new();
    let unknown = [Answers::default(), Answers::new(&[&[]])];
    for answers in unknown.into_iter().chain(inside.iter().map(|addresses| Answers::new(&[addresses]))) {
        let sender = Sender::with_lookup(&authority, answers);
        let attempt = sender.attempt("https://receiver.example/").await;
        assert_failed(&attempt, Failure::Dns);
        details.push(attempt.failure_detail.expect("a sentence"));
    }
    assert!(details[0].starts_with("receiver.example was not found"), "{}", details[0]);
    assert!(details.iter().all(|detail| *detail == details[0]), "{details:?}");
}

#[tokio::test]
async fn a_name_that_stalls_is_looked_up_once_and_delays_no_other() {
    let authority = Authority::new();
    let receiver = Receiver::answering(&authority, OK).await;
    let stalling = Stalling::default();
    let sender = Sender::with_lookup(&authority, stalling.clone());
    let reached = async {
        let attempt = sender.attempt(&url(&receiver)).await;
        pause();
        attempt
    };
    let stalled = || join_all((0..20).map(|_| sender.attempt("https://stalling.example/")));
    let (attempts, reached) = join!(stalled(), reached);
    assert_answered(&reached, 200);
    // The look-up goes on when no attempt waits for it any longer, and serves the next one.
    for attempt in attempts.iter().chain(&stalled().await) {
        assert_failed(attempt, Failure::ConnectTimeout);
    }
    assert_eq!(stalling.asked.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_look_up_to_begin_is_not_the_receivers_fault() {
    let authority = Authority::new();
    let stalling = Stalling::default();
    let sender = Sender::with_lookup(&authority, stalling.clone());
    let urls: Vec<String> = (0..200).map(|number| format!("https://stalling-{number}.example/")).collect();
    let attempts = join_all(urls.iter().map(|url| sender.try_attempt(url))).await;
    let (begun, waited): (Vec<_>, Vec<_>) = attempts.into_iter().partition(Result::is_ok);
    assert_eq!(begun.len(), stalling.asked.get());
    for attempt in begun.into_iter().flatten() {
        assert_failed(&attempt, Failure::ConnectTimeout);
    }
    assert!(!waited.is_empty());
    assert!(waited.iter().all(|it| it == &Err(LocalFault::Lookups)));
    // An unknown name waits too.
    assert_eq!(sender.try_attempt("https://receiver.example/").await, Err(LocalFault::Lookups));
}

#[tokio::test]
async fn names_that_stall_take_no_room_from_a_name_that_was_found() {
    let authority = Authority::new();
    let receiver = Receiver::answering(&authority, OK).await;
    let sender = Sender::with_lookup(&authority, Stalling::default());
    assert_answered(&sender.attempt(&url(&receiver)).await, 200);
    let urls: Vec<String> = (0..200).map(|number| format!("https://stalling-{number}.example/")).collect();
    let stalled = join_all(urls.iter().map(|url| sender.try_attempt(url)));
    let reached = async {
        assert_answered(&sender.attempt(&url(&receiver)).await, 200);
        pause();
    };
    join!(stalled, reached);
}

#[tokio::test]
async fn an_address_that_is_refused_is_not_connected_to() {
    let authority = Authority::new();
    let receiver = Receiver::answering(&authority, OK).await;
    let sender = Sender::with(&Config { policy: Policy::public(), ..config(&authority) });
    for host in ["127.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "localhost", "localhost."] {
        let attempt = sender.attempt(&format!("https://{host}:{}/", receiver.port)).await;
        assert_failed(&attempt, Failure::AddressRefused);
    }
    assert_eq!(receiver.connections.get(), 0);
}

#[tokio::test]
async fn a_public_looking_name_with_a_loopback_address_is_refused() {
    let authority = Authority::new();
    let answers = Answers::new(&[&[LOOPBACK]]);
    let config = Config { policy: Policy::public(), ..config(&authority) };
    let client = Client::with_lookup(&config, answers).expect("a client");
    let receiver = Receiver::answering(&authority, OK).await;
    let clock = signet_engine::clock::ManualClock::at(super::sender::NOW);
    let request = super::sender::request(&url(&receiver));
    let attempt = signet_engine::deliver::attempt::attempt(&client, &clock, request)
        .await
        .expect("nothing is wrong on this side");
    assert_failed(&attempt, Failure::Dns);
    assert_eq!(receiver.connections.get(), 0);
}

#[tokio::test]
async fn in_development_localhost_is_reached() {
    let authority = Authority::new();
    let receiver = Receiver::answering(&authority, OK).await;
    let attempt = Sender::new(&authority).attempt(&format!("https://localhost:{}/", receiver.port)).await;
    assert_answered(&attempt, 200);
}
