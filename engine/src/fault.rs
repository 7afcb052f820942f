//! Places where a test can make the process die, to prove that no event is lost
//! there. They exist in debug builds only.

/// Names the place and how often it is passed before the process dies:
/// `after_send=3` dies at the third time.
#[cfg(debug_assertions)]
const VARIABLE: &str = "SIGNET_FAULT";

/// Dies here, if the test asks for it.
#[cfg(debug_assertions)]
pub(crate) fn point(name: &str) {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    };

    static FAULT: LazyLock<Option<(String, AtomicU64)>> = LazyLock::new(|| {
        let text = std::env::var(VARIABLE).ok()?;
        let (name, times) = text.split_once('=')?;
        Some((name.to_owned(), AtomicU64::new(times.parse().ok()?)))
    });

    if let Some((fault, left)) = &*FAULT
        && fault == name
        && left.fetch_sub(1, Ordering::SeqCst) == 1
    {
        std::process::abort();
    }
}

/// Nothing, in a release build.
#[cfg(not(debug_assertions))]
pub(crate) const fn point(_: &str) {}
