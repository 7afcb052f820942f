//! Events: their types, and the bodies that are delivered for them.
//!
//! Three types are [built in](BUILT_IN) and closed. All others belong to the operator's
//! catalogue, which the reader of a submission sees as [`EventTypes`].

mod balance_low;
mod body;
mod built_in;
mod event_type;
mod fields;
mod operational;
mod reference;
mod task_completed;
mod task_failed;

use fields::{Fields, write_timestamp};

pub use balance_low::balance_low;
pub use body::{EventBody, EventTypes, Submission};
pub use built_in::{BUILT_IN, BuiltIn, OPERATIONAL};
pub use event_type::{EventType, InvalidEventType};
pub use fields::MemberFault;
pub use operational::Notice;
pub use reference::{InvalidReference, Reference};
