//! The list of webhooks of an account with many, and other main pages: the time that the engine
//! takes to read what the list shows, and that the server takes to answer with the page.

mod browser;
mod rows;

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use signet_engine::{
    Engine,
    db::DatabaseUrl,
    service::{
        AccountHandle,
        endpoints::{ListFilter, ListedStatus},
        sessions::Browser as Device,
    },
};
use signet_model::{AccountId, EndpointId, time::Clock};
use tokio::time::Instant;

use crate::{Options, fixture, server::Server};

/// The webhooks of one page.
const PAGE: u32 = 25;
/// The webhooks that are said to need attention.
const TROUBLES: u32 = 5;
const LIST: &str = "/settings/webhooks";
/// No one can sign in to the database of the bench once it is over.
const PASSWORD: &str = "correct horse battery staple of the bench";

/// The time of the main pages of an account with many webhooks.
#[derive(Debug, Args)]
pub struct Pages {
    /// The webhooks of each account.
    #[arg(long, default_value_t = 1_000)]
    webhooks: usize,
    /// The rows of statistics of a neighbour.
    #[arg(long, default_value_t = 1_000_000)]
    neighbour: i64,
    /// The times that each page is read.
    #[arg(long, default_value_t = 101)]
    times: usize,
    /// Only the pages in whose name this is.
    #[arg(long, default_value = "")]
    only: String,
}

/// An account with many webhooks, and its owner.
struct Account {
    name: &'static str,
    id: AccountId,
    /// The cookie of the owner's browser.
    token: String,
}

/// A page, and what of it the engine reads.
struct Page {
    name: String,
    path: String,
    /// Of the list of webhooks.
    list: Option<(ListFilter, Option<EndpointId>)>,
}

impl Pages {
    /// Fills a database, and prints the times of each page.
    pub async fn run(&self, options: &Options) -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let database = fixture::new_database(options.postgres.as_deref(), folder.path()).await?;
        let url: DatabaseUrl = database.parse()?;
        let engine = fixture::open(&url, folder.path()).await?;
        let mut accounts = Vec::new();
        for name in ["well", "ill"] {
            accounts.push(account(&engine, name, self.webhooks).await?);
        }
        let receiver = "https://receiver.example/hooks".parse()?;
        let neighbour = fixture::add_endpoints(&engine, "neighbour", &receiver, 1).await?;
        let of = rows::Accounts { well: accounts[0].id, ill: accounts[1].id, neighbour };
        rows::store(&url, &of, signet_engine::clock::SystemClock.now(), self.neighbour).await?;

        let mut lines = Vec::new();
        for account in &accounts {
            let all = pages(engine.as_operator_in(account.id)).await?;
            for page in all.into_iter().filter(|page| page.name.contains(&self.only)) {
                let read = match &page.list {
                    None => None,
                    Some((filter, before)) => {
                        let account = engine.as_operator_in(account.id);
                        Some(self.times(async || read(account, filter, *before).await).await?)
                    }
                };
                lines.push((account, page, read));
            }
        }
        engine.close().await;

        let authority = folder.path().join("authority.pem");
        std::fs::write(&authority, rcgen::generate_simple_self_signed(["bench".to_owned()])?.cert.pem())?;
        let server = Server::start(&options.signet, &database, &authority, &folder.path().join("key")).await?;
        println!(
            "{:<44} {:>8} {:>8} {:>9} {:>8} {:>7} {:>6}",
            "page", "read ms", "least", "answer ms", "least", "CPU ms", "KiB"
        );
        for (account, page, read) in &lines {
            let browser = browser::Browser::open(server.address, &account.token).await?;
            let bytes = browser.get(&page.path).await?;
            let before = crate::cpu::time(server.id());
            let answered = self.times(async || browser.get(&page.path).await.map(drop)).await?;
            let cpu = crate::cpu::time(server.id()).saturating_sub(before) / u32::try_from(self.times)?;
            let [median, least] =
                read.map_or_else(Default::default, |read| read.map(|it| format!("{:.2}", millis(it))));
            println!(
                "{:<44} {median:>8} {least:>8} {:>9.2} {:>8.2} {:>7.2} {:>6}",
                format!("{}: {}", account.name, page.name),
                millis(answered[0]),
                millis(answered[1]),
                millis(cpu),
                bytes / 1024
            );
        }
        server.stop().await
    }

    /// The median and the least time of something that is done again and again.
    async fn times(&self, mut each: impl AsyncFnMut() -> anyhow::Result<()>) -> anyhow::Result<[Duration; 2]> {
        let mut times = Vec::new();
        for _ in 0..self.times {
            let started = Instant::now();
            each().await?;
            times.push(started.elapsed());
        }
        times.sort_unstable();
        let least = times.first().copied().context("a page is read once at least")?;
        Ok([times.get(times.len() / 2).copied().unwrap_or(least), least])
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Makes an account with its owner, who is signed in, and with so many webhooks.
async fn account(engine: &Engine, name: &'static str, webhooks: usize) -> anyhow::Result<Account> {
    let email = format!("{name}@example.com");
    let token = engine.users().sign_up(&name.parse()?, &email, PASSWORD, &Device::default()).await?;
    let token = token.reveal().to_owned();
    let session = engine.sessions().get(&token).await?.context("a session")?;
    let id = session.account_id().context("an account")?;
    let receiver = "https://receiver.example/hooks".parse()?;
    fixture::add_endpoints_to(engine, id, &receiver, webhooks).await?;
    Ok(Account { name, id, token })
}

/// The pages that are measured.
async fn pages(account: AccountHandle<'_>) -> anyhow::Result<Vec<Page>> {
    let status = |status| ListFilter { status: Some(status), ..ListFilter::default() };
    let text = |text: &str| ListFilter { text: text.to_owned(), ..ListFilter::default() };
    let first = account.endpoints().list_page(&ListFilter::default(), None, PAGE, TROUBLES).await?.listed;
    let newest = first.endpoints.first().context("a webhook")?.id;
    let of_list = |name: &str, query: String, filter, before| Page {
        name: name.to_owned(),
        path: format!("{LIST}{query}"),
        list: Some((filter, before)),
    };
    let other = |name: &str, path: String| Page { name: name.to_owned(), path, list: None };
    let mut pages = vec![of_list("all", String::new(), ListFilter::default(), None)];
    if let Some(before) = first.next {
        pages.push(of_list("second page", format!("?before={before}"), ListFilter::default(), Some(before)));
    }
    for it in ListedStatus::ALL {
        pages.push(of_list(it.as_str(), format!("?status={}", it.as_str()), status(it), None));
    }
    for it in ["RECEIVER", "nowhere"] {
        pages.push(of_list(&format!("with the text {it}"), format!("?q={it}"), text(it), None));
    }
    pages.push(other("one webhook, 30 days", format!("{LIST}/{newest}?range=30d")));
    pages.push(other("deliveries", "/settings/deliveries".to_owned()));
    pages.push(other("events", "/settings/events".to_owned()));
    pages.push(other("people", "/settings/people".to_owned()));
    Ok(pages)
}

/// All that the list reads.
async fn read(account: AccountHandle<'_>, filter: &ListFilter, before: Option<EndpointId>) -> anyhow::Result<()> {
    let troubles = if *filter == ListFilter::default() && before.is_none() { TROUBLES } else { 0 };
    let page = account.endpoints().list_page(filter, before, PAGE, troubles).await?;
    anyhow::ensure!(page.counts.all > 0, "there are webhooks");
    Ok(())
}
