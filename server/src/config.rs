//! The options of the commands, a file for each concern. An option is declared once, with
//! its environment variable and its default, and by that can stand in the configuration file
//! ([`Layers`]); the defaults of the engine's settings are
//! [`Settings::default`](signet_engine::Settings).

mod accounts;
mod acme;
mod api;
mod brand;
mod clients;
mod concurrency;
mod delivery;
mod egress;
pub mod environment;
mod in_force;
mod layers;
mod links;
mod logging;
mod mail;
mod metrics;
mod migration;
mod network;
mod oidc;
mod operators;
mod own_address;
mod people;
mod portal;
mod proxies;
mod public_url;
mod remote_url;
mod retention;
mod secret_text;
mod sessions;
mod settings_file;
mod span;
mod storage;
mod tls;
mod traces;

pub use accounts::AccountArgs;
pub use acme::{AcmeArgs, AcmeContact, AcmeDirectory, AcmeDomain};
pub use api::ApiArgs;
pub use brand::BrandArgs;
pub use clients::ClientArgs;
pub use concurrency::ConcurrencyArgs;
pub use delivery::DeliveryArgs;
pub use egress::EgressArgs;
pub use in_force::{example, in_force};
pub use layers::{Layered, Layers, Refusal};
pub use links::LinkArgs;
pub use logging::{LogFormat, LoggingArgs};
pub use mail::MailArgs;
pub use metrics::MetricsArgs;
pub use migration::{MigrationArgs, PatienceArgs};
use network::network;
pub use oidc::OidcArgs;
pub use operators::OperatorArgs;
pub use own_address::{local_url, reachable};
pub use people::PeopleArgs;
pub use portal::PortalArgs;
pub use proxies::ProxyArgs;
pub use public_url::PublicUrl;
pub use remote_url::RemoteUrl;
pub use retention::RetentionArgs;
pub use sessions::SessionArgs;
pub use settings_file::ConfigPlace;
pub use span::Span;
pub use storage::StorageArgs;
pub use tls::TlsArgs;
pub use traces::TracesArgs;

/// Parses a number above zero.
fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&count| count > 0).ok_or_else(|| "must be a whole number above zero".into())
}
