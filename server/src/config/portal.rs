//! Portal links, and the frames in which they may be opened.

use clap::Args;
use signet_app::Ancestor;
use signet_engine::Settings;

use super::Span;

/// Portal links.
#[derive(Debug, Clone, Args)]
pub struct PortalArgs {
    /// The pages of your service that may have portal pages in a frame, by their origins, such
    /// as `https://app.example.com`. Repeatable, or separated by commas. Without any, portal
    /// links cannot be embedded.
    #[arg(long, value_name = "ORIGIN", env = "SIGNET_PORTAL_ANCESTORS", value_delimiter = ',')]
    pub portal_ancestors: Vec<Ancestor>,
    /// The time in which a portal link must be used.
    #[arg(
        long,
        value_name = "TIME",
        env = "SIGNET_PORTAL_LINK_LIFETIME",
        default_value_t = Span::new(Settings::default().portal_link_lifetime)
    )]
    pub portal_link_lifetime: Span,
}
