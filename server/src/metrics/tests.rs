use std::{collections::BTreeSet, sync::LazyLock};

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use http_body_util::BodyExt;
use signet_engine::{
    Settings,
    testing::{TestDatabase, engine, sqlite},
};
use tower::ServiceExt;

use super::*;

/// What operators read of the metrics.
const DOCUMENT: &str = include_str!("../../../docs/OPERATIONS.md");

/// The exporter to which the engines of this process record.
static EXPORTER: LazyLock<Exporter> = LazyLock::new(|| {
    let exporter = Exporter::new().expect("an exporter");
    assert!(record_to(&*exporter.recorder, "1.2.3", "sqlite"), "nothing else records");
    exporter
});

/// The names of metrics in a text of Prometheus, as their types are told.
fn told(text: &str) -> BTreeSet<&str> {
    text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect()
}

/// The listener's paths, over this database.
fn router_over(database: &TestDatabase) -> Router {
    let (engine, _) = engine(database, Settings::default(), Vec::new());
    router(EXPORTER.clone(), engine)
}

async fn ask(router: &Router, method: Method, path: &str) -> (StatusCode, String) {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).expect("a request");
    let answer = router.clone().oneshot(request).await.expect("an answer");
    let status = answer.status();
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

#[test]
fn the_documentation_lists_each_metric_with_its_labels() {
    let text = EXPORTER.render();
    let listed: BTreeSet<&str> = DOCUMENT
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|name| name.starts_with("signet_") || name.starts_with("process_"))
        .collect();
    assert_eq!(listed, told(&text), "the table in docs/OPERATIONS.md, and what is told");
    for Metric { name, labels, .. } in catalogue::ALL {
        let row = DOCUMENT.lines().find(|line| line.starts_with(&format!("| `{name}`"))).expect("a row");
        for label in *labels {
            assert!(row.contains(&format!("`{label}`")), "{row} does not name the label {label}");
        }
    }
}

/// One test, since the gauges are those of the process.
#[tokio::test]
async fn a_get_of_metrics_alone_is_answered_also_without_a_database() {
    let gone = sqlite().await;
    let router = router_over(&gone);
    gone.db.close().await;
    let (status, text) = ask(&router, Method::GET, "/metrics").await;
    assert_eq!(status, StatusCode::OK);
    let has = |text: &str, line: &str| assert!(text.lines().any(|it| it == line), "{line} is not in {text}");
    has(&text, "signet_database_up 0");
    has(&text, "signet_pending_deliveries NaN");
    has(&text, "signet_oldest_due_age_seconds NaN");
    has(&text, "signet_slots_used{state=\"working\"} 0");

    let database = sqlite().await;
    let router = router_over(&database);
    let (_, text) = ask(&router, Method::GET, "/metrics").await;
    has(&text, "signet_build_info{version=\"1.2.3\",database=\"sqlite\"} 1");
    has(&text, "signet_database_up 1");
    has(&text, "signet_pending_deliveries 0");
    has(&text, "signet_oldest_due_age_seconds 0");
    assert_eq!(ask(&router, Method::POST, "/metrics").await.0, StatusCode::METHOD_NOT_ALLOWED);
    for path in ["/", "/v1/events", "/healthz", "/login", "/metrics/"] {
        assert_eq!(ask(&router, Method::GET, path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}
