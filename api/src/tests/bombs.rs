//! Bodies that are made to cost more than they weigh.

use axum::http::StatusCode;

use crate::testing::{TestApi, event};

/// Bodies of less than a mebibyte that nest, repeat or count far.
fn bombs() -> Vec<(&'static str, String)> {
    let deep = |open: &str, close: &str, levels| format!("{}1{}", open.repeat(levels), close.repeat(levels));
    let many = |count: usize, one: &dyn Fn(usize) -> String| (0..count).map(one).collect::<Vec<_>>().join(",");
    vec![
        ("arrays without end", "[".repeat(900_000)),
        ("objects without end", "{\"a\":".repeat(150_000)),
        ("deep arrays", deep("[", "]", 400_000)),
        ("deep objects", deep("{\"a\":", "}", 100_000)),
        ("a wide array", format!("[{}]", many(300_000, &|_| "0".to_owned()))),
        ("a wide object", format!("{{{}}}", many(60_000, &|number| format!("\"{number}\":1")))),
        ("one name again and again", format!("{{{}}}", many(100_000, &|_| "\"a\":1".to_owned()))),
        ("a long number", "9".repeat(900_000)),
        ("a large exponent", "1e999999999".to_owned()),
        ("escapes", format!("\"{}\"", "\\u0000".repeat(140_000))),
    ]
}

#[tokio::test]
async fn a_json_bomb_is_refused_or_taken_and_leaves_the_api_at_work() {
    let api = TestApi::new().await;
    for (name, bomb) in bombs() {
        let inside = format!("{{\"event\":\"task.completed\",\"taskId\":\"1\",\"solution\":{{\"a\":{bomb}}}}}");
        for (path, body) in [
            ("/v1/events", bomb.as_str()),
            ("/v1/events", inside.as_str()),
            ("/v1/events/batch", bomb.as_str()),
            ("/v1/events/batch", &format!("[{inside}]")),
            ("/v1/accounts/acme/endpoints", bomb.as_str()),
            ("/v1/accounts/acme/test", &format!("{{\"url\":{bomb}}}")),
        ] {
            let answer = api.send("POST", path, body.to_owned(), &[]).await;
            assert!(!answer.status.is_server_error(), "{name} at {path}: {}", answer.status);
        }
    }
    assert_eq!(api.post("/v1/events", &event()).await.status, StatusCode::ACCEPTED);
}
