//! `signet portal-link`: a link into the dashboard of one account, as a backend gets it from
//! the API.

use anyhow::Context;
use clap::Args;
use signet_engine::{Settings, actor::Operator, service::portal_links::PortalLinkDraft};
use signet_model::portal::{Landing, PortalRole, ReturnUrl, SessionLifetime, Subject, Theme};

use super::account;
use crate::{
    config::{LinkArgs, Span, StorageArgs},
    storage,
};

/// `signet portal-link`
#[derive(Debug, Args)]
pub struct PortalLinkArgs {
    /// The account (name or id).
    account: String,
    /// The role of the person who opens the link: viewer, developer or admin.
    #[arg(long, env = "SIGNET_PORTAL_ROLE", default_value_t = PortalRole::Developer)]
    role: PortalRole,
    /// The time after which the session ends, from 5m to 1d.
    #[arg(long, value_name = "TIME", env = "SIGNET_PORTAL_SESSION_LASTS", default_value = "1h", value_parser = lifetime)]
    session_lasts: SessionLifetime,
    /// The path of the first page.
    #[arg(long, value_name = "PATH", env = "SIGNET_PORTAL_LANDING", default_value_t = Landing::default())]
    landing: Landing,
    /// The page of your service to which the dashboard leads back.
    #[arg(long, value_name = "URL", env = "SIGNET_PORTAL_RETURN_URL")]
    return_url: Option<ReturnUrl>,
    /// The person, in your words, for the audit log.
    #[arg(long, value_name = "TEXT", env = "SIGNET_PORTAL_SUBJECT")]
    subject: Option<Subject>,
    /// The link is opened in a frame of your own page, and works there alone.
    #[arg(long, env = "SIGNET_PORTAL_EMBEDDED")]
    embedded: bool,
    /// Light or dark: light, dark or auto. Without it as the server has it.
    #[arg(long, env = "SIGNET_PORTAL_THEME")]
    theme: Option<Theme>,
    /// The link that is printed.
    #[command(flatten)]
    link: LinkArgs,
    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

fn lifetime(text: &str) -> Result<SessionLifetime, String> {
    let span: Span = text.parse()?;
    let seconds = i64::try_from(span.get().as_secs()).unwrap_or(i64::MAX);
    SessionLifetime::from_seconds(seconds).map_err(|_| "must be from 5m to 1d".to_owned())
}

/// Prints a link.
///
/// # Errors
/// There is no such account, or the database cannot be used.
pub async fn run(args: PortalLinkArgs) -> anyhow::Result<()> {
    let engine = storage::open_existing(&args.storage, Settings::default()).await?;
    let actor = Operator::command().in_account(account::find(&engine, &args.account).await?);
    let PortalLinkArgs { role, session_lasts, landing, return_url, subject, embedded, theme, .. } = args;
    let draft = PortalLinkDraft { role, session_lasts, landing, return_url, subject, embedded, theme };
    let made = engine.account(&actor).create_portal_link(&draft).await.context("the link could not be made")?;
    println!("{}/portal/{}", args.link.origin(), made.token);
    engine.close().await;
    Ok(())
}
