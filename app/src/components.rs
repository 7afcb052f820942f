//! Parts of pages.

mod breadcrumbs;
mod icon;
mod status;
mod when;

pub use breadcrumbs::Breadcrumbs;
pub use icon::Icon;
#[cfg(feature = "ssr")]
pub(crate) use icon::sprite;
pub use status::{Status, StatusMark, Tone};
pub use when::{Moment, When};

#[cfg(feature = "ssr")]
mod fields;
#[cfg(feature = "ssr")]
pub(crate) use fields::{ErrorSummary, FieldError, TextField};
