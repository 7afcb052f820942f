//! Filters of endpoints on the events of their account. They are judged as an event comes in,
//! in the task of its request: the writer is shared by all accounts, and must not parse
//! bodies. The writer judges only those filters that the cache did not have then.

use std::{borrow::Cow, collections::HashMap};

use sha2::{Digest, Sha256};
use signet_model::{Filter, filter::Subject, payload, sql::Stored};

use crate::Unusable;

/// SHA-256 of a stored filter: endpoints with equal filters share a judgement, and a judgement
/// outlives the reading of its filter.
type FilterHash = [u8; 32];

/// The filter of an endpoint.
#[derive(Debug)]
pub(crate) struct EndpointFilter {
    filter: Filter,
    hash: FilterHash,
}

impl EndpointFilter {
    /// Reads a stored filter.
    pub(super) fn read(stored: &Stored<String>) -> Result<Self, Unusable> {
        let filter = Unusable::filter(stored)?;
        let text = stored.0.as_deref().unwrap_or_default();
        Ok(Self { filter, hash: Sha256::digest(text).into() })
    }
}

/// The judgements of filters on one event.
#[derive(Debug, Clone, Default)]
pub(crate) struct Judgements(HashMap<FilterHash, bool>);

impl Judgements {
    /// Judges those of these filters that have yet to be judged. The body is parsed only if
    /// there is one, and then once.
    pub(super) fn completed<'e>(&self, filters: impl Iterator<Item = &'e EndpointFilter>, body: &str) -> Cow<'_, Self> {
        let unjudged: Vec<_> = filters.filter(|filter| !self.0.contains_key(&filter.hash)).collect();
        if unjudged.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut all = self.clone();
        // Each body that was taken in is JSON; one that is not would match nothing.
        let body = payload::parse(body).ok();
        let mut subject = body.as_ref().map(Subject::new);
        for EndpointFilter { filter, hash } in unjudged {
            let matches = || subject.as_mut().is_some_and(|subject| filter.matches(subject));
            all.0.entry(*hash).or_insert_with(matches);
        }
        Cow::Owned(all)
    }

    /// Tells whether an endpoint with this filter gets the event. A filter that was not judged
    /// is taken to match.
    pub(super) fn let_through(&self, filter: Option<&EndpointFilter>) -> bool {
        filter.and_then(|filter| self.0.get(&filter.hash)).copied().unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The filter for one task, read anew.
    fn task(id: &str) -> EndpointFilter {
        let text = format!(r#"[{{"pointer":"/taskId","equals":"{id}"}}]"#);
        EndpointFilter::read(&Stored(Ok(text))).expect("a filter")
    }

    #[test]
    fn a_body_is_parsed_only_for_a_filter_that_was_not_judged() {
        let none = Judgements::default();
        assert!(matches!(none.completed([].into_iter(), "no JSON"), Cow::Borrowed(_)));
        let judged = none.completed([&task("a"), &task("b"), &task("a")].into_iter(), r#"{"taskId":"a"}"#).into_owned();
        assert_eq!(judged.0.len(), 2, "equal filters share a judgement");
        let (a, b, c) = (task("a"), task("b"), task("c"));
        assert!(matches!(judged.completed([&a, &b].into_iter(), "no JSON"), Cow::Borrowed(_)));
        assert!(judged.let_through(Some(&a)) && !judged.let_through(Some(&b)));
        assert!(judged.let_through(None) && judged.let_through(Some(&c)), "it was not judged");
        assert!(!judged.completed([&c].into_iter(), "no JSON").let_through(Some(&c)));
    }
}
