//! `signet key`: the keys with which a backend sends events in.

use std::str::FromStr;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use signet_engine::{
    Engine, Settings,
    actor::{Actor, Operator},
    service::{
        Error,
        api_keys::{ApiKey, ApiKeyDraft, KeyState},
    },
};
use signet_model::{ApiKeyId, Scope, Scopes, Timestamp, scope::UnknownScope, text::KeyName};

use super::account;
use crate::{
    config::{Span, StorageArgs},
    storage,
};

/// The commands for API keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key and print it, once.
    Add(KeyAddArgs),
    /// List the keys of the operator, or of an account: not their texts.
    List(KeyListArgs),
    /// Revoke a key: its requests are refused by all servers within a second.
    Revoke(KeyRevokeArgs),
}

/// `signet key add`
#[derive(Debug, Args)]
pub struct KeyAddArgs {
    /// The account (name or id) that the key speaks for. Without it the key is
    /// the operator's and may name any account.
    #[arg(long, env = "SIGNET_ACCOUNT")]
    account: Option<String>,
    /// The name of the key, by which it is recognised in the list.
    #[arg(long, env = "SIGNET_KEY_NAME")]
    name: KeyName,
    /// A kind of requests that the key allows: events:write, endpoints:read, endpoints:write,
    /// deliveries:read, deliveries:write, balance:write, portal:write, accounts:write, or all.
    /// Can be repeated. Without it: events:write and balance:write.
    #[arg(long, env = "SIGNET_KEY_SCOPE", value_delimiter = ',')]
    scope: Vec<ScopeArg>,
    /// The time after which the key is refused, such as 90d. Without it the key does not expire.
    #[arg(long, value_name = "TIME", env = "SIGNET_KEY_EXPIRES")]
    expires: Option<Span>,
    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// `signet key list`
#[derive(Debug, Args)]
pub struct KeyListArgs {
    /// The account (name or id) whose keys are listed. Without it: those of the operator.
    #[arg(long, env = "SIGNET_ACCOUNT")]
    account: Option<String>,
    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// `signet key revoke`
#[derive(Debug, Args)]
pub struct KeyRevokeArgs {
    /// The id of the key, as `signet key list` prints it: `key_…`
    key: ApiKeyId,
    /// The account (name or id) whose key it is. Without it: a key of the operator.
    #[arg(long, env = "SIGNET_ACCOUNT")]
    account: Option<String>,
    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// One scope, or all of them.
#[derive(Debug, Clone, Copy)]
enum ScopeArg {
    All,
    One(Scope),
}

impl FromStr for ScopeArg {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        if text == "all" { Ok(Self::All) } else { text.parse().map(Self::One) }
    }
}

/// The scopes that were given, or those that a key has without a choice.
fn chosen(scopes: &[ScopeArg]) -> Scopes {
    let each = scopes.iter().flat_map(|arg| match arg {
        ScopeArg::All => Scope::ALL.to_vec(),
        ScopeArg::One(scope) => vec![*scope],
    });
    Scopes::new(each).unwrap_or(Scopes::FIRST)
}

/// Runs a command.
///
/// # Errors
/// There is no such account or key, or the database cannot be used.
pub async fn run(command: KeyCommand) -> anyhow::Result<()> {
    match command {
        KeyCommand::Add(args) => add(args).await,
        KeyCommand::List(args) => list(args).await,
        KeyCommand::Revoke(args) => revoke(args).await,
    }
}

/// Makes a key and prints it.
///
/// # Errors
/// There is no such account, or the database cannot be used.
async fn add(args: KeyAddArgs) -> anyhow::Result<()> {
    let engine = storage::open(&args.storage).await?;
    let expires_at = args.expires.map(|time| engine.clock().now() + time.get());
    let draft = ApiKeyDraft { name: args.name, scopes: chosen(&args.scope), expires_at };
    let made = match actor(&engine, args.account.as_deref()).await? {
        Some(actor) => engine.account(&actor).api_keys().create(&draft).await,
        None => engine.operator_keys().create(&Operator::command(), &draft).await,
    };
    println!("{}", made.context("the key could not be made")?.text);
    Ok(())
}

/// The operator in the account that an option names.
async fn actor(engine: &Engine, account: Option<&str>) -> anyhow::Result<Option<Actor>> {
    let Some(account) = account else { return Ok(None) };
    Ok(Some(Operator::command().in_account(account::find(engine, account).await?)))
}

/// The keys that one statement reads.
const PAGE: u32 = 100;

/// Lists keys, newest first.
///
/// # Errors
/// There is no such account, or the database cannot be used.
async fn list(args: KeyListArgs) -> anyhow::Result<()> {
    let engine = storage::open_existing(&args.storage, Settings::default()).await?;
    let actor = actor(&engine, args.account.as_deref()).await?;
    let now = engine.clock().now();
    let mut last = None;
    loop {
        let page = match &actor {
            Some(actor) => engine.account(actor).api_keys().page(last, PAGE).await?,
            None => engine.operator_keys().page(last, PAGE).await?,
        };
        for key in &page {
            println!("{}", line(key, now));
        }
        last = page.last().map(|key| key.id);
        if last.is_none() {
            return Ok(());
        }
    }
}

/// A key in a line: the state last, which has spaces.
fn line(key: &ApiKey, now: Timestamp) -> String {
    let state = match key.state(now) {
        KeyState::InForce => String::new(),
        KeyState::ExpiresSoon(at) => format!("expires {}", at.rfc3339_seconds()),
        KeyState::Expired => "expired".to_owned(),
        KeyState::Revoked => "revoked".to_owned(),
    };
    let used = key.last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("used {}", at.rfc3339_seconds()));
    let ApiKey { id, name, hint, scopes, .. } = key;
    format!("{id}  …{hint}  {name:?}  {scopes}  {used}  {state}").trim_end().to_owned()
}

/// Revokes a key.
///
/// # Errors
/// There is no such key, or the database cannot be used.
async fn revoke(args: KeyRevokeArgs) -> anyhow::Result<()> {
    let engine = storage::open_existing(&args.storage, Settings::default()).await?;
    let revoked = match actor(&engine, args.account.as_deref()).await? {
        Some(actor) => engine.account(&actor).api_keys().revoke(args.key).await,
        None => engine.operator_keys().revoke(&Operator::command(), args.key).await,
    };
    match revoked {
        Err(Error::ApiKeyNotFound) => bail!(
            "there is no key {} here; `signet key list` lists the operator's, and with --account those of an account",
            args.key
        ),
        revoked => revoked.context("the key could not be revoked"),
    }
}
