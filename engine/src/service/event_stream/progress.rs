//! The events that a stream has found, and from where on to look for more.
//!
//! The ids of events grow with time, but their commits do not come in that order: an event
//! with an earlier id can become visible after a later one. So a stream looks again at the
//! last [`OVERLAP`], and leaves out what it has found there before.

use std::{collections::BTreeSet, time::Duration};

use signet_model::{EventId, Timestamp};

/// The time after which an event that was planned is committed, or never will be. A commit
/// may take five seconds, and the clocks of two processes are a moment apart.
pub(super) const OVERLAP: Duration = Duration::from_secs(30);

/// The first id that an event can have which is made at this instant.
pub(super) fn first_id_at(at: Timestamp) -> EventId {
    EventId::new(at, [0; 10])
}

/// The place of a stream among the events of its account.
#[derive(Debug)]
pub(super) struct Progress {
    /// Every event up to this one is found or was never asked for, and none can follow.
    settled: EventId,
    /// The events after `settled` that were found.
    found: BTreeSet<EventId>,
}

/// What a page of ids tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// There is no id behind the page.
    All,
    /// There may be more behind it, which are found by the next page.
    Part,
    /// Likewise, but behind the last one that was found before.
    Repeated,
}

impl Progress {
    /// Begins with the events that follow this instant.
    pub(super) fn from(at: Timestamp) -> Self {
        Self { settled: first_id_at(at), found: BTreeSet::new() }
    }

    /// Takes up a stream whose last event was this one: the events shortly before it are found
    /// again, since some of them may have been committed later.
    pub(super) fn behind(last: EventId) -> Self {
        Self::from(last.created_at() - OVERLAP)
    }

    /// The place behind which to look for the next page.
    pub(super) const fn settled(&self) -> EventId {
        self.settled
    }

    /// The place behind which to look for events that are newer than all found ones.
    pub(super) fn newest(&self) -> EventId {
        self.found.last().map_or(self.settled, |&newest| newest.max(self.settled))
    }

    /// Notes a page of ids behind [`settled`](Self::settled), in order, which was read after
    /// `now`. `is_full` tells that there may be more behind it. Returns the ids that are new.
    pub(super) fn note(&mut self, page: &[EventId], is_full: bool, now: Timestamp) -> (Vec<EventId>, Seen) {
        let horizon = first_id_at(now - OVERLAP);
        let new = self.note_newest(page);
        let (end, seen) = match page.last() {
            Some(&last) if is_full && last > horizon => (horizon, Seen::Repeated),
            Some(&last) if is_full => (last, Seen::Part),
            _ => (horizon, Seen::All),
        };
        if end > self.settled {
            self.settled = end;
            self.found = self.found.split_off(&end);
            self.found.remove(&end);
        }
        (new, seen)
    }

    /// Notes a page of ids behind [`newest`](Self::newest). Returns the ids that are new.
    pub(super) fn note_newest(&mut self, page: &[EventId]) -> Vec<EventId> {
        page.iter().copied().filter(|&id| self.found.insert(id)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The instant this many seconds after the start.
    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(1_774_699_200 + seconds)
    }

    fn id(seconds: i64, number: u8) -> EventId {
        EventId::new(at(seconds), [number; 10])
    }

    #[test]
    fn an_event_that_is_committed_late_is_found_once() {
        let mut progress = Progress::from(at(0));
        assert_eq!(progress.note(&[id(5, 2)], false, at(5)), (vec![id(5, 2)], Seen::All));
        assert_eq!(progress.note(&[id(4, 1), id(5, 2)], false, at(6)), (vec![id(4, 1)], Seen::All));
        assert_eq!(progress.note(&[id(4, 1), id(5, 2)], false, at(7)), (vec![], Seen::All));
    }

    #[test]
    fn events_that_are_old_enough_are_not_looked_at_again() {
        let mut progress = Progress::from(at(0));
        progress.note(&[id(5, 1), id(50, 2)], false, at(50));
        assert_eq!((progress.settled(), progress.newest()), (first_id_at(at(20)), id(50, 2)));
        progress.note(&[id(50, 2)], false, at(100));
        assert_eq!((progress.settled(), progress.newest()), (first_id_at(at(70)), first_id_at(at(70))));
        assert!(progress.found.is_empty());
    }

    #[test]
    fn a_backlog_is_gone_through_page_by_page() {
        let mut progress = Progress::behind(id(40, 1));
        assert_eq!(progress.settled(), first_id_at(at(10)));
        let (new, seen) = progress.note(&[id(11, 1), id(12, 1)], true, at(3_000));
        assert_eq!((new, seen, progress.settled()), (vec![id(11, 1), id(12, 1)], Seen::Part, id(12, 1)));
    }

    #[test]
    fn a_crowd_of_new_events_is_read_from_its_end() {
        let mut progress = Progress::from(at(0));
        progress.note(&[id(1, 1), id(2, 1)], true, at(10));
        progress.note_newest(&[id(3, 1), id(4, 1)]);
        let (new, seen) = progress.note(&[id(1, 1), id(1, 2)], true, at(10));
        assert_eq!((new, seen, progress.newest()), (vec![id(1, 2)], Seen::Repeated, id(4, 1)));
        assert!(progress.note_newest(&[id(4, 1), id(5, 1)]) == [id(5, 1)]);
    }
}
