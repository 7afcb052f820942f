//! Parts that several pages share.

mod icon;

pub use icon::Icon;

#[cfg(feature = "ssr")]
mod attempt;
#[cfg(feature = "ssr")]
mod badge;
#[cfg(feature = "ssr")]
mod breadcrumbs;
#[cfg(feature = "ssr")]
mod chart;
#[cfg(feature = "ssr")]
mod confirm;
#[cfg(feature = "ssr")]
mod copy;
#[cfg(feature = "ssr")]
mod delivery_list;
#[cfg(feature = "ssr")]
mod empty_state;
#[cfg(feature = "ssr")]
mod error_summary;
#[cfg(feature = "ssr")]
mod event_types;
#[cfg(feature = "ssr")]
mod fields;
#[cfg(feature = "ssr")]
mod figures;
#[cfg(feature = "ssr")]
mod link_panel;
#[cfg(feature = "ssr")]
mod menu;
#[cfg(feature = "ssr")]
mod modal;
#[cfg(feature = "ssr")]
mod page_links;
#[cfg(feature = "ssr")]
mod prose;
#[cfg(feature = "ssr")]
mod qr_code;
#[cfg(feature = "ssr")]
mod roles;
#[cfg(feature = "ssr")]
mod scopes;
#[cfg(feature = "ssr")]
mod status;
#[cfg(feature = "ssr")]
mod tabs;
#[cfg(feature = "ssr")]
mod when;

#[cfg(feature = "ssr")]
pub(crate) use attempt::{Answer, AttemptReport, AttemptView, Exchange, PhaseView};
#[cfg(feature = "ssr")]
pub(crate) use badge::Badge;
#[cfg(feature = "ssr")]
pub(crate) use breadcrumbs::{Breadcrumbs, SETTINGS};
#[cfg(feature = "ssr")]
pub(crate) use chart::{Bar, Bars, Dots, DurationBar, Series, SparkPoint, Sparkline};
#[cfg(feature = "ssr")]
pub(crate) use confirm::Confirm;
#[cfg(feature = "ssr")]
pub(crate) use copy::CopyButton;
#[cfg(feature = "ssr")]
pub(crate) use delivery_list::{DeliveryList, DeliveryRow};
#[cfg(feature = "ssr")]
pub(crate) use empty_state::EmptyState;
#[cfg(feature = "ssr")]
pub(crate) use error_summary::ErrorSummary;
#[cfg(feature = "ssr")]
pub(crate) use event_types::{event_type_tags, event_types_input};
#[cfg(feature = "ssr")]
pub(crate) use fields::{
    alert, error_summary, field_error, form_id_input, hidden_input, password_input, text_area, text_input, username,
    version_input,
};
#[cfg(feature = "ssr")]
pub(crate) use figures::{Figure, Figures};
#[cfg(feature = "ssr")]
pub(crate) use icon::sprite;
#[cfg(feature = "ssr")]
pub(crate) use link_panel::link_panel;
#[cfg(feature = "ssr")]
pub(crate) use menu::Menu;
#[cfg(feature = "ssr")]
pub(crate) use modal::{Modal, closes};
#[cfg(feature = "ssr")]
pub(crate) use page_links::{PageLink, page_links};
#[cfg(feature = "ssr")]
pub(crate) use prose::{with_code, with_element};
#[cfg(feature = "ssr")]
pub(crate) use qr_code::qr_code;
#[cfg(feature = "ssr")]
pub(crate) use roles::role_input;
#[cfg(feature = "ssr")]
pub(crate) use scopes::scopes_input;
#[cfg(feature = "ssr")]
pub(crate) use status::{Status, StatusMark, Tone};
#[cfg(feature = "ssr")]
pub(crate) use tabs::{TabLink, Tabs};
#[cfg(feature = "ssr")]
pub(crate) use when::{Moment, When, when_or};
