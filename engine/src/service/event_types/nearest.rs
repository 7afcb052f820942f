//! The known names that are nearest to an unknown one.

use super::{Catalogue, Entry};

/// The names that a message has.
const NAMED: usize = 3;
/// The names that are compared, on each side of the unknown one in the order of names: the
/// work for an unknown name must not grow with the catalogue.
const COMPARED: usize = 32;

/// The message about a name that no type has. It names `suitable` types alone.
pub(super) fn unknown(name: &str, catalogue: &Catalogue, suitable: impl Fn(&Entry) -> bool) -> String {
    let mut known = candidates(name, catalogue, suitable);
    let likeness = |it: &&str| strsim::jaro_winkler(name, it);
    known.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)).then(a.cmp(b)));
    known.truncate(NAMED);
    match known.as_slice() {
        [] => "is not an event type".to_owned(),
        [only] => format!("is not an event type: the nearest is {only}"),
        [first @ .., last] => format!("is not an event type: the nearest are {} and {last}", first.join(", ")),
    }
}

/// The names around the unknown one.
fn candidates<'c>(name: &str, catalogue: &'c Catalogue, suitable: impl Fn(&Entry) -> bool) -> Vec<&'c str> {
    let around = catalogue.before(name).take(COMPARED).chain(catalogue.from(name).take(COMPARED));
    let suitable = around.filter(|entry| entry.archived_at.is_none() && suitable(entry));
    suitable.map(|entry| entry.name.as_str()).collect()
}
