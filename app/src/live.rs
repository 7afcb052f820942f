//! Pages that stay fresh without moving.
//!
//! A page marks the parts of it that are live, and knows nothing else of this:
//!
//! - `data-live` with an `id`, on any element: it is replaced as a whole when it has changed.
//!   A part that will not change any more, such as a delivery that has arrived, is rendered
//!   without the mark.
//! - `data-live-rows` with an `id`, on a `<tbody>` or a list: each child with an `id` is
//!   replaced when it has changed. New ones wait behind a button until the reader wants them.
//!
//! The script of the page opens one stream for it. Here the page is rendered again whenever
//! something of its account may have changed, by the same handler and for the same session, and
//! only the parts that differ from what was sent last are sent. So no page has a second way in
//! which it is rendered, and none shows more than it shows when it is reloaded. A part is
//! compared without its `<time>`s and hidden fields, which differ each time.
//!
//! A stream ends with its session, when no part of the page is live any more, and when the
//! process stops. Its looks count among the pages that an account has at a time.

mod fragments;
mod stream;

pub(crate) use fragments::Fragments;
pub(crate) use stream::{Looks, PATH, open, src};
