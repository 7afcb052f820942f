//! The dashboard: pages rendered on the server, with plain links and forms.
//!
//! A **page** (`pages`) is one screen: its path, routes, fields, handlers, view and
//! tests stand in one file or folder, and all its sentences in its module `text`.
//! It is rendered inside the **frame** (`frame`, `shell`) that all pages share. A
//! form that succeeds redirects to a page (303) with a flash message; one that is
//! invalid is shown again (422). An **island** (`islands`) is the only code that
//! also runs in the browser; every page works without it.

// Macro-made component functions take their properties by value.
#![allow(clippy::needless_pass_by_value)]

pub mod components;
pub mod islands;

#[cfg(feature = "ssr")]
mod ancestors;
#[cfg(feature = "ssr")]
mod attempts;
#[cfg(feature = "ssr")]
pub mod brand;
#[cfg(feature = "ssr")]
mod compressible;
#[cfg(feature = "ssr")]
pub mod cookie;
#[cfg(feature = "ssr")]
mod csv;
#[cfg(feature = "ssr")]
mod error;
#[cfg(feature = "ssr")]
mod flash;
#[cfg(feature = "ssr")]
mod form;
#[cfg(feature = "ssr")]
mod frame;
#[cfg(feature = "ssr")]
mod handover;
#[cfg(feature = "ssr")]
mod html;
#[cfg(feature = "ssr")]
mod icons;
#[cfg(feature = "ssr")]
mod instants;
#[cfg(feature = "ssr")]
mod island_call;
#[cfg(feature = "ssr")]
mod letters;
#[cfg(feature = "ssr")]
mod live;
#[cfg(feature = "ssr")]
mod methods;
#[cfg(feature = "ssr")]
mod notices;
#[cfg(feature = "ssr")]
mod once;
#[cfg(feature = "ssr")]
mod operating;
#[cfg(feature = "ssr")]
mod page_limit;
#[cfg(feature = "ssr")]
mod pages;
#[cfg(feature = "ssr")]
mod place;
#[cfg(feature = "ssr")]
mod preferences;
#[cfg(feature = "ssr")]
mod present;
#[cfg(feature = "ssr")]
mod receiver_code;
#[cfg(feature = "ssr")]
mod redirect;
#[cfg(feature = "ssr")]
mod refusal;
#[cfg(feature = "ssr")]
mod routes;
#[cfg(feature = "ssr")]
mod shell;
#[cfg(feature = "ssr")]
mod state;
#[cfg(all(test, feature = "ssr"))]
mod testing;
#[cfg(feature = "ssr")]
mod transport;
#[cfg(feature = "ssr")]
mod words;
#[cfg(feature = "ssr")]
mod zone;

#[cfg(feature = "ssr")]
pub use ancestors::{Ancestor, InvalidAncestor};
#[cfg(feature = "ssr")]
pub use brand::Brand;
#[cfg(feature = "ssr")]
pub use compressible::Compressible;
#[cfg(feature = "ssr")]
pub use notices::send_notices;
#[cfg(feature = "ssr")]
pub use place::{Framed, Place};
#[cfg(feature = "ssr")]
pub use refusal::{Refusal, refuse};
#[cfg(feature = "ssr")]
pub use routes::router;
#[cfg(feature = "ssr")]
pub use shell::DOCUMENTATION;
#[cfg(feature = "ssr")]
pub use state::{AppState, AssetPaths};
#[cfg(feature = "ssr")]
pub use transport::Transport;
