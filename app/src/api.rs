//! What forms send, one file a noun: who may, the engine call, the error beside
//! its field. What succeeds redirects to a page (303); what is invalid shows the
//! same form again (422).

pub(crate) mod owners;
pub(crate) mod sessions;
