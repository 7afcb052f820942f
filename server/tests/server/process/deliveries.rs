//! `signet deliveries`, against a running server.

use serde_json::{Value, json};

use super::{
    developer::{DATA, Listener, Service},
    refusal,
};
use crate::patience::within;

/// A server whose account has a webhook at which no program listens.
struct Shop {
    service: Service,
    operator: String,
}

impl Shop {
    async fn start() -> Self {
        let service = Service::start().await;
        let operator = service.folder.printed(&["key", "add", "--name", "operator", "--scope", "all"]).await;
        let shop = Self { service, operator };
        shop.post("endpoints", &json!({"url": "https://localhost:1/", "eventTypes": ["task.completed"]})).await;
        shop
    }

    /// Posts to a path of the account.
    async fn post(&self, path: &str, body: &Value) {
        let url = format!("http://{}/v1/accounts/acme/{path}", self.service.server.address);
        let tls = signet_engine::outbound::tls_config(&[]).expect("TLS");
        let client = reqwest::Client::builder().tls_backend_preconfigured(tls).build().expect("a client");
        let request = client.post(url).bearer_auth(&self.operator);
        let request = request.header("content-type", "application/json").body(body.to_string());
        let answer = within("an answer", request.send()).await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.expect("a text"));
    }

    /// Sends an event, whose delivery has the same letters behind `msg_`.
    async fn send(&self) {
        self.service.printed(&["send", "task.completed", "--data", DATA]).await;
    }

    fn follow(&self) -> Listener {
        Listener::start(self.service.signet(&["deliveries", "--follow"]))
    }
}

/// The id of the delivery that a line tells.
fn delivery(line: &str) -> String {
    line.split_whitespace().find(|word| word.starts_with("msg_")).expect(line).to_owned()
}

#[tokio::test]
async fn each_change_of_a_delivery_is_told_and_the_list_is_filtered() {
    let shop = Shop::start().await;
    let mut follower = shop.follow();
    shop.send().await;
    let tried = follower.line("connection_refused").await;
    let id = delivery(&tried);
    assert!(tried.contains("… pending") && tried.contains("task.completed"), "{tried}");
    assert!(tried.contains("attempt 1: connection_refused") && tried.contains("due at "), "{tried}");
    shop.post(&format!("deliveries/{id}/stop"), &Value::Null).await;
    let failed = follower.line(&id).await;
    assert!(failed.contains("✗ failed"), "{failed}");
    follower.interrupt().await;

    let list = async |arguments: &[&str]| shop.service.printed(&[&["deliveries"], arguments].concat()).await;
    assert_eq!(list(&["--state", "failed", "--result", "refused"]).await, failed.trim());
    assert_eq!(list(&["--state", "delivered"]).await, "");
    let told: Value = serde_json::from_str(&list(&["--json", "--id", &id]).await).expect("one line of JSON");
    assert_eq!((&told["id"], &told["state"]), (&json!(id), &json!("failed")));
}

#[tokio::test]
async fn a_list_ends_with_the_newest_and_is_no_longer_than_asked_for() {
    let shop = Shop::start().await;
    for _ in 0..3 {
        shop.send().await;
    }
    let all = shop.service.printed(&["deliveries"]).await;
    let ids: Vec<_> = all.lines().map(delivery).collect();
    assert!(ids.len() == 3 && ids.is_sorted(), "{all}");
    let last = shop.service.printed(&["deliveries", "--limit", "2"]).await;
    assert_eq!(last.lines().map(delivery).collect::<Vec<_>>(), ids[1..]);
}

#[tokio::test]
async fn one_who_follows_outlives_the_server_and_misses_nothing() {
    let mut shop = Shop::start().await;
    shop.send().await;
    let mut follower = shop.follow();
    let first = delivery(&follower.line("msg_").await);
    shop.service.stop_and_start_again().await;
    shop.send().await;
    shop.send().await;
    let mut others = Vec::new();
    while others.len() < 2 {
        let id = delivery(&follower.line("msg_").await);
        if id != first && !others.contains(&id) {
            others.push(id);
        }
    }
    assert!(others.is_sorted(), "they are told in the order in which they came");
    follower.interrupt().await;
}

#[tokio::test]
async fn a_list_that_is_not_allowed_or_not_understood_is_refused() {
    let shop = Shop::start().await;
    let error = refusal(shop.service.signet(&["deliveries", "--since", "yesterday"])).await;
    assert!(error.contains("the server refuses (400 Bad Request)") && error.contains("since"), "{error}");
    let key = ["key", "add", "--account", "acme", "--name", "sender", "--scope", "events:write"];
    let mut sender = shop.service.signet(&["deliveries", "--follow"]);
    sender.env("SIGNET_API_KEY", shop.service.folder.printed(&key).await);
    let error = refusal(sender).await;
    assert!(error.contains("403 Forbidden") && error.contains("deliveries:read"), "{error}");
}
