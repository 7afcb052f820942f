//! `signet key`: the keys with which a backend sends events in.

use std::str::FromStr;

use anyhow::Context;
use clap::{Args, Subcommand};
use signet_engine::actor::Operator;
use signet_model::{Scope, Scopes, scope::UnknownScope, text::KeyName};

use super::account;
use crate::{config::StorageArgs, storage};

/// The commands for API keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key and print it, once.
    Add(KeyAddArgs),
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

const NOT_MADE: &str = "the key could not be made";

/// Makes a key and prints it.
///
/// # Errors
/// There is no such account, or the database cannot be used.
pub async fn add(args: KeyAddArgs) -> anyhow::Result<()> {
    let engine = storage::open(&args.storage).await?;
    let scopes = chosen(&args.scope);
    let made = match &args.account {
        Some(account) => {
            let actor = Operator::command().in_account(account::find(&engine, account).await?);
            engine.account(&actor).api_keys().create(&args.name, scopes).await.context(NOT_MADE)?
        }
        None => engine.operator_keys().create(&Operator::command(), &args.name, scopes).await.context(NOT_MADE)?,
    };
    println!("{}", made.text);
    Ok(())
}
