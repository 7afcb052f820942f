//! `signet event-type`: the catalogue of event types, which all accounts share.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use signet_engine::{
    Settings,
    actor::Operator,
    service::event_types::{Entry, EventTypeContent, EventTypeDraft, Imported, Origin},
};
use signet_model::{
    event::{EventType, Reference},
    payload::indented,
    text::Description,
};

use crate::{config::StorageArgs, event_type_file, storage};

/// The commands for event types.
#[derive(Debug, Subcommand)]
pub enum EventTypeCommand {
    /// List all event types.
    List(ListArgs),
    /// Add an event type.
    Add(DraftArgs),
    /// Show an event type with its schema and its sample.
    Show(NameArgs),
    /// Change an event type: what is not given stays as it is.
    Change(ChangeArgs),
    /// Take no new events of a type. Its history stays readable.
    Archive(NameArgs),
    /// Take events of an archived type again.
    Restore(NameArgs),
    /// Make the catalogue as a file has it. A type that only an earlier file named is
    /// archived; others stay as they are.
    Import(ImportArgs),
}

/// `signet event-type list`
#[derive(Debug, Args)]
pub struct ListArgs {
    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// `signet event-type show`, `archive` and `restore`
#[derive(Debug, Args)]
pub struct NameArgs {
    /// The name of the type, such as `order.paid`.
    name: EventType,
    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// `signet event-type add`
#[derive(Debug, Args)]
pub struct DraftArgs {
    /// The name of the type, such as `order.paid`.
    name: EventType,
    /// The content.
    #[command(flatten)]
    content: ContentArgs,
    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// `signet event-type change`
#[derive(Debug, Args)]
pub struct ChangeArgs {
    /// The name of the type, such as `order.paid`.
    name: EventType,
    /// The content.
    #[command(flatten)]
    content: ContentArgs,
    /// Remove the schema: any members are taken.
    #[arg(long, env = "SIGNET_WITHOUT_SCHEMA", conflicts_with = "schema")]
    without_schema: bool,
    /// Remove the sample.
    #[arg(long, env = "SIGNET_WITHOUT_SAMPLE", conflicts_with = "sample")]
    without_sample: bool,
    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// The content of an event type.
#[derive(Debug, Args)]
struct ContentArgs {
    /// A sentence about the type, for people.
    #[arg(long, value_name = "TEXT", env = "SIGNET_DESCRIPTION")]
    description: Option<Description>,
    /// The JSON Schema (2020-12) of a body: JSON, or `@FILE`. Without one, any
    /// members are taken.
    #[arg(long, value_name = "JSON", env = "SIGNET_SCHEMA")]
    schema: Option<String>,
    /// The members of a sample body: a JSON object, or `@FILE`
    #[arg(long, value_name = "JSON", env = "SIGNET_SAMPLE")]
    sample: Option<String>,
    /// The member of a body by which people look for its events; at first `taskId`
    #[arg(long, value_name = "MEMBER", env = "SIGNET_REFERENCE")]
    reference: Option<Reference>,
}

/// `signet event-type import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The file: a catalogue in YAML or JSON, or an OpenAPI 3.1 document, whose webhooks
    /// are read.
    file: PathBuf,
    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// Runs a command.
///
/// # Errors
/// The type cannot be saved, or the database cannot be used.
pub async fn run(command: EventTypeCommand) -> anyhow::Result<()> {
    match command {
        EventTypeCommand::List(args) => list(&args).await,
        EventTypeCommand::Add(args) => add(args).await,
        EventTypeCommand::Show(args) => show(&args).await,
        EventTypeCommand::Change(args) => change(args).await,
        EventTypeCommand::Archive(args) => archive(&args).await,
        EventTypeCommand::Restore(args) => restore(&args).await,
        EventTypeCommand::Import(args) => import(&args).await,
    }
}

async fn list(args: &ListArgs) -> anyhow::Result<()> {
    let engine = storage::open_existing(&args.storage, Settings::default()).await?;
    let catalogue = engine.event_types().current().await?;
    let width = catalogue.all().map(|entry| entry.name.as_str().len()).max().unwrap_or_default();
    for entry in catalogue.all() {
        println!("{}", line(entry, width));
    }
    if catalogue.unreadable() > 0 {
        println!("and {} with names that cannot be read: `signet check` names them", catalogue.unreadable());
    }
    Ok(())
}

fn line(entry: &Entry, width: usize) -> String {
    let state = match (&entry.archived_at, entry.origin) {
        _ if entry.unusable.is_some() => "unusable",
        (Some(_), _) => "archived",
        (None, Origin::BuiltIn) => "built in",
        (None, Origin::File) => "file",
        (None, Origin::Person) => "",
    };
    format!("{:width$}  {state:8}  {}", entry.name, entry.description).trim_end().to_owned()
}

async fn show(args: &NameArgs) -> anyhow::Result<()> {
    let engine = storage::open_existing(&args.storage, Settings::default()).await?;
    let catalogue = engine.event_types().current().await?;
    let entry = catalogue.get(args.name.as_str());
    let entry =
        entry.with_context(|| format!("there is no event type {}; `signet event-type list` lists all", args.name))?;
    println!("{}", line(entry, 0));
    if let Some(reference) = &entry.reference {
        println!("its events are found by {reference}");
    }
    if let Some(reason) = &entry.unusable {
        println!("its schema cannot be used, and its events are refused: {reason}");
    }
    for (title, json) in [("schema", &entry.schema), ("sample", &entry.sample)] {
        if let Some(json) = json {
            println!("{title}:\n{}", indented(json));
        }
    }
    Ok(())
}

async fn add(args: DraftArgs) -> anyhow::Result<()> {
    let engine = storage::open(&args.storage).await?;
    let ContentArgs { description, schema, sample, reference } = args.content;
    let content = EventTypeContent {
        description: description.unwrap_or_default(),
        schema: text("--schema", schema)?,
        sample: text("--sample", sample)?,
        reference,
    };
    engine.event_types().create(&Operator::command(), EventTypeDraft { name: args.name, content }).await?;
    Ok(())
}

async fn change(args: ChangeArgs) -> anyhow::Result<()> {
    let ContentArgs { description, schema, sample, reference } = args.content;
    let is_given = description.is_some() || schema.is_some() || sample.is_some() || reference.is_some();
    ensure!(
        is_given || args.without_schema || args.without_sample,
        "nothing is to be changed: give --description, --schema, --sample or --reference"
    );
    let engine = storage::open_existing(&args.storage, Settings::default()).await?;
    let catalogue = engine.event_types().current().await?;
    let entry = catalogue.get(args.name.as_str()).with_context(|| format!("there is no event type {}", args.name))?;
    let kept = |old: &Option<String>, is_removed: bool| if is_removed { None } else { old.clone() };
    let content = EventTypeContent {
        description: match description {
            Some(description) => description,
            None => entry.description.parse().context("the stored description cannot be kept: give --description")?,
        },
        schema: text("--schema", schema)?.or_else(|| kept(&entry.schema, args.without_schema)),
        sample: text("--sample", sample)?.or_else(|| kept(&entry.sample, args.without_sample)),
        reference: reference.or_else(|| entry.reference.clone()),
    };
    engine.event_types().change(&Operator::command(), &args.name, content, Some(entry.revision)).await?;
    Ok(())
}

async fn archive(args: &NameArgs) -> anyhow::Result<()> {
    let engine = storage::open_existing(&args.storage, Settings::default()).await?;
    engine.event_types().archive(&Operator::command(), &args.name, None).await?;
    Ok(())
}

async fn restore(args: &NameArgs) -> anyhow::Result<()> {
    let engine = storage::open_existing(&args.storage, Settings::default()).await?;
    engine.event_types().restore(&Operator::command(), &args.name, None).await?;
    Ok(())
}

async fn import(args: &ImportArgs) -> anyhow::Result<()> {
    let types = event_type_file::open(&args.file)?;
    let engine = storage::open(&args.storage).await?;
    let Imported { created, changed, unchanged, archived } =
        engine.event_types().import(&Operator::command(), types).await?;
    println!("{created} added, {changed} changed, {archived} archived, {unchanged} as before");
    Ok(())
}

/// The text that an option stands for.
fn text(option: &str, value: Option<String>) -> anyhow::Result<Option<String>> {
    let Some(value) = value else { return Ok(None) };
    let Some(path) = value.strip_prefix('@') else { return Ok(Some(value)) };
    std::fs::read_to_string(path).map(Some).with_context(|| format!("{option}: {path} cannot be read"))
}
