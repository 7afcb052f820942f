use std::sync::Mutex;

use signet_engine::{
    clock::ManualClock,
    deliver::{
        attempt::{AttemptRequest, attempt},
        extra_headers::ExtraHeaders,
    },
    outbound::{Client, Config, Policy},
};
use signet_model::{
    DeliveryId, Timestamp,
    delivery::{Attempt, Outcome},
    event::EventType,
    signature::{SigningKey, SigningKeys},
};
use tokio_util::sync::CancellationToken;

use super::*;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_774_699_200);
const BODY: &str = r#"{"event":"balance.low","balance":45.5,"threshold":50,"timestamp":"2026-03-28T12:00:00Z"}"#;

fn secret(byte: u8) -> Secret {
    Secret::new([byte; 32])
}

/// A receiver that runs, and a client that trusts it.
struct Play {
    client: Client,
    url: String,
    printed: Arc<Mutex<String>>,
    clock: ManualClock,
    _folder: tempfile::TempDir,
}

impl Play {
    async fn start(secrets: &[Secret], change: impl FnOnce(&mut ReceiveArgs)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut args = ReceiveArgs {
            secret: secrets.to_vec(),
            port: 0,
            status: 200,
            delay: Duration::ZERO,
            fail_first: 0,
            ca: folder.path().join("ca.pem"),
            make_ca: false,
        };
        change(&mut args);
        let authority = Authority::load_or_make(&args.ca).expect("an authority");
        let config = Config {
            policy: Policy::public_and_loopback(),
            egress_proxy: None,
            extra_authorities: vec![std::fs::read(&args.ca).expect("a certificate")],
            budget: Duration::from_secs(10),
            max_response_body: 1024,
        };
        let sockets = listen::bind(0).await.expect("a free port");
        let url = format!("https://localhost:{}/webhooks", sockets.port());
        let printed = Arc::new(Mutex::new(String::new()));
        let (page, clock) = (Arc::clone(&printed), ManualClock::at(NOW));
        let router = router(args, Arc::new(clock.clone()), move |arrival| {
            page.lock().expect("no panic").push_str(&arrival.to_string());
        });
        let tls = authority.server_config().expect("a certificate");
        tokio::spawn(async move { sockets.serve(tls, router, &CancellationToken::new()).await });
        let client = Client::new(&config).expect("a client");
        Self { client, url, printed, clock, _folder: folder }
    }

    async fn send(&self, secret: &Secret, number: u32) -> Attempt {
        let request = AttemptRequest {
            id: DeliveryId::new(NOW, [3; 10]),
            url: Arc::new(self.url.parse().expect("a URL")),
            keys: Arc::new(SigningKeys { current: SigningKey::new(secret), next: None }),
            event_type: EventType::BALANCE_LOW,
            is_test: number == 1,
            may_repeat: false,
            number,
            body: BODY.into(),
            extra: ExtraHeaders::default(),
            trace: None,
        };
        attempt(&self.client, &ManualClock::at(NOW), request).await.expect("no fault of this side")
    }

    fn printed(&self) -> String {
        self.printed.lock().expect("no panic").clone()
    }
}

#[tokio::test]
async fn a_request_that_verifies_is_printed_and_answered_with_the_chosen_status() {
    let play = Play::start(&[secret(1)], |args| args.status = 202).await;
    let attempt = play.send(&secret(1), 1).await;
    assert_eq!(attempt.outcome(), Outcome::Answered(202), "{:?}", attempt.failure_detail);
    assert!(attempt.response.is_some_and(|response| response.body.ends_with(", verified\n")));
    let id = DeliveryId::new(NOW, [3; 10]);
    assert_eq!(
        play.printed(),
        format!(
            "balance.low  {id}  attempt 1  test  verified  answered 202 Accepted\n  \
             ✓ X-Webhook-Signature  verified\n  ✓ webhook-signature    verified\n  ✓ webhook-timestamp    0s old\n  \
             {{\n    \"event\": \"balance.low\",\n    \"balance\": 45.5,\n    \"threshold\": 50,\n    \
             \"timestamp\": \"2026-03-28T12:00:00Z\"\n  }}\n"
        )
    );
}

#[tokio::test]
async fn a_request_that_is_signed_with_another_secret_is_answered_with_401() {
    let play = Play::start(&[secret(1)], |_| {}).await;
    assert_eq!(play.send(&secret(2), 1).await.outcome(), Outcome::Answered(401));
    let printed = play.printed();
    assert!(printed.contains("NOT VERIFIED") && printed.contains("✗ webhook-signature    does not match"), "{printed}");
}

#[tokio::test]
async fn one_of_several_secrets_is_enough() {
    let play = Play::start(&[secret(1), secret(2)], |_| {}).await;
    assert_eq!(play.send(&secret(2), 1).await.outcome(), Outcome::Answered(200));
    assert!(play.printed().contains("verified with secret 2 of 2"));
}

#[tokio::test]
async fn without_a_secret_each_request_is_taken_unverified() {
    let play = Play::start(&[], |_| {}).await;
    assert_eq!(play.send(&secret(2), 1).await.outcome(), Outcome::Answered(200));
    let printed = play.printed();
    assert!(printed.contains("unverified") && printed.contains("? X-Webhook-Signature"), "{printed}");
}

#[test]
fn without_a_secret_a_request_without_signature_is_taken() {
    let arrival = Arrival::judge(&HeaderMap::new(), Bytes::new(), &[], NOW);
    assert!(!arrival.is_forged() && !arrival.is_verified());
    assert!(Arrival::judge(&HeaderMap::new(), Bytes::new(), &[secret(1)], NOW).is_forged());
}

#[tokio::test]
async fn an_old_request_is_not_believed() {
    let play = Play::start(&[secret(1)], |_| {}).await;
    play.clock.advance(Duration::from_secs(301));
    assert_eq!(play.send(&secret(1), 1).await.outcome(), Outcome::Answered(401));
    assert!(play.printed().contains("✗ webhook-timestamp    is 5m 1s old, more than 5m"));
}

#[tokio::test]
async fn the_first_attempts_can_be_made_to_fail() {
    let play = Play::start(&[secret(1)], |args| args.fail_first = 2).await;
    for (number, status) in [(1, 503), (2, 503), (3, 200)] {
        assert_eq!(play.send(&secret(1), number).await.outcome(), Outcome::Answered(status));
    }
}

#[tokio::test]
async fn the_authority_can_be_made_without_receiving() {
    let folder = tempfile::tempdir().expect("a folder");
    let args = ReceiveArgs {
        secret: Vec::new(),
        port: 0,
        status: 200,
        delay: Duration::ZERO,
        fail_first: 0,
        ca: folder.path().join("ca.pem"),
        make_ca: true,
    };
    run(args.clone()).await.expect("it ends by itself");
    assert!(args.ca.exists());
}
