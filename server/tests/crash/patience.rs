//! Waiting for what must come to pass.

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// Far more than anything here takes; only a defect runs into it.
const LIMIT: Duration = Duration::from_mins(2);
/// How often a condition that nobody announces is looked at.
const POLL: Duration = Duration::from_millis(20);

/// What the future comes to.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let Ok(value) = timeout(LIMIT, future).await else { panic!("in vain: {what}") };
    value
}

/// Looks again and again until it is true.
pub async fn until(what: &str, mut is_true: impl AsyncFnMut() -> bool) {
    within(what, async {
        while !is_true().await {
            sleep(POLL).await;
        }
    })
    .await;
}
