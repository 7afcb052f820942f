//! The waits between requests while a server does not answer.

use std::time::Duration;

/// The first wait before asking again; each next one is twice as long.
const FIRST: Duration = Duration::from_millis(500);
/// The longest such wait.
const LONGEST: Duration = Duration::from_secs(30);

/// Waits that grow from one to the next.
#[derive(Debug)]
pub struct Waits(Duration);

impl Default for Waits {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Waits {
    /// Begins anew: the server has answered.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// The wait before the next request.
    pub fn next(&mut self) -> Duration {
        let wait = self.0;
        self.0 = (wait * 2).min(LONGEST);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_bound_and_begin_anew() {
        let mut waits = Waits::default();
        assert_eq!([waits.next(), waits.next()], [FIRST, FIRST * 2]);
        assert!((0..20).all(|_| waits.next() <= LONGEST) && waits.next() == LONGEST);
        waits.reset();
        assert_eq!(waits.next(), FIRST);
    }
}
