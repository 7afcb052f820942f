//! Places where a test can make the process die, to prove that no event is lost
//! there, or hang. They exist in debug builds only.

/// Names the place and how often it is passed before the process dies: `after_send=3` dies at
/// the third time. `hang:dispatcher_round=1` hangs there instead.
#[cfg(debug_assertions)]
const VARIABLE: &str = "SIGNET_FAULT";

/// Dies here, or hangs, if the test asks for it.
#[cfg(debug_assertions)]
pub(crate) fn point(name: &str) {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    };

    static FAULT: LazyLock<Option<(String, bool, AtomicU64)>> = LazyLock::new(|| {
        let text = std::env::var(VARIABLE).ok()?;
        let (place, times) = text.split_once('=')?;
        let (hangs, name) = place.strip_prefix("hang:").map_or((false, place), |name| (true, name));
        Some((name.to_owned(), hangs, AtomicU64::new(times.parse().ok()?)))
    });

    if let Some((fault, hangs, left)) = &*FAULT
        && fault == name
        && left.fetch_sub(1, Ordering::SeqCst) == 1
    {
        if *hangs {
            loop {
                std::thread::park();
            }
        }
        std::process::abort();
    }
}

/// Nothing, in a release build.
#[cfg(not(debug_assertions))]
pub(crate) const fn point(_: &str) {}
