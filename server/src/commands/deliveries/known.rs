//! The deliveries that are known, as they were shown last.

use std::collections::BTreeMap;

use signet_model::DeliveryId;

use super::log::Delivery;

/// The newest deliveries, as they were shown last. Ids grow with the time of acceptance.
#[derive(Debug, Default)]
pub struct Known {
    shown: BTreeMap<DeliveryId, String>,
    /// Deliveries before this one are not looked at.
    oldest: Option<DeliveryId>,
}

impl Known {
    /// The most that are known.
    pub const MOST: usize = 1_000;

    /// Knows these deliveries. `is_whole` tells that there are no older ones.
    pub fn begin(&mut self, last: &[Delivery], is_whole: bool) {
        self.shown = last.iter().map(|delivery| (delivery.id, delivery.text.clone())).collect();
        if !is_whole {
            self.oldest = self.shown.keys().next().copied();
        }
    }

    /// Returns true if a delivery is older than all that are looked at.
    pub fn is_older(&self, id: DeliveryId) -> bool {
        self.oldest.is_some_and(|oldest| id < oldest)
    }

    /// Returns the text of a delivery, if it is new or has changed.
    pub fn note(&mut self, Delivery { id, text }: Delivery) -> Option<String> {
        if self.is_older(id) || self.shown.get(&id) == Some(&text) {
            return None;
        }
        self.shown.insert(id, text.clone());
        Some(text)
    }

    /// Forgets the oldest ones beyond [`MOST`](Self::MOST).
    pub fn forget_oldest(&mut self) {
        while self.shown.len() > Self::MOST {
            self.shown.pop_first();
            self.oldest = self.shown.keys().next().copied();
        }
    }
}

#[cfg(test)]
mod tests {
    use signet_model::Timestamp;

    use super::*;

    fn delivery(seconds: i64, text: &str) -> Delivery {
        let id = DeliveryId::new(Timestamp::from_unix_seconds(1_774_699_200 + seconds), [7; 10]);
        Delivery { id, text: text.to_owned() }
    }

    #[test]
    fn a_delivery_is_told_when_it_is_new_and_when_it_has_changed() {
        let mut known = Known::default();
        known.begin(&[delivery(2, "pending")], true);
        assert_eq!(known.note(delivery(2, "pending")), None);
        assert_eq!(known.note(delivery(2, "failed")), Some("failed".to_owned()));
        assert_eq!(known.note(delivery(2, "failed")), None);
        assert_eq!(known.note(delivery(3, "pending")), Some("pending".to_owned()));
        assert_eq!(known.note(delivery(1, "late")), Some("late".to_owned()), "it was committed late");
    }

    #[test]
    fn what_was_there_before_the_oldest_known_one_is_not_told() {
        let mut known = Known::default();
        known.begin(&[delivery(2, "failed")], false);
        assert_eq!(known.note(delivery(1, "failed")), None);
        let more = i64::try_from(Known::MOST).expect("a small number") + 3;
        for seconds in 3..=more {
            known.note(delivery(seconds, "delivered"));
        }
        known.forget_oldest();
        assert_eq!(known.shown.len(), Known::MOST);
        assert!(known.is_older(delivery(2, "").id) && !known.is_older(delivery(more, "").id));
    }
}
