//! Waiting for a condition that must come true.

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// Far more than any test takes; only a defect runs into it.
const LIMIT: Duration = Duration::from_mins(2);
/// The pause between two looks at a condition that is not announced.
const POLL: Duration = Duration::from_millis(20);

/// The value of the future, which must come in time.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let Ok(value) = timeout(LIMIT, future).await else { panic!("in vain: {what}") };
    value
}

/// Looks again and again until the condition is true.
pub async fn until(what: &str, mut is_true: impl AsyncFnMut() -> bool) {
    within(what, async {
        while !is_true().await {
            sleep(POLL).await;
        }
    })
    .await;
}
