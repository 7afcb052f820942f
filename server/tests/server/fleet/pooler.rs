//! A real PgBouncer in transaction mode stands before PostgreSQL.

use std::{collections::HashMap, sync::Mutex};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use signet_engine::testing::{empty_on_postgres, postgres};
use tokio::task::spawn_blocking;
use url::Url;
use xtask_postgres::Pooler;

use crate::{
    crash::{
        options::QUICK,
        producer::{Producers, Request, Sender},
        verify::{settled, verify},
        world::World,
    },
    patience::within,
    server::{Server, signet},
};

/// The sessions of the server, for all processes: fewer than they have connections.
const SESSIONS: u32 = 12;

/// A pooler before the server of a URL, and the URL that leads through it. `None` where none is
/// installed.
async fn pooler_before(url: &str, settings: &'static str) -> Option<(Pooler, Url)> {
    if Pooler::program().is_none() {
        assert!(std::env::var_os("CI").is_none(), "PgBouncer is not installed");
        println!("left out: PgBouncer is not installed (on Debian: pgbouncer)");
        return None;
    }
    let mut url = Url::parse(url).expect("a URL");
    let (host, port) = (url.host_str().expect("a host").to_owned(), url.port().unwrap_or(5432));
    let pooler = spawn_blocking(move || Pooler::start(&host, port, SESSIONS, settings)).await.expect("no panic");
    let pooler = pooler.expect("a pooler");
    url.set_host(Some("127.0.0.1")).expect("a host");
    url.set_port(Some(pooler.port())).expect("a port");
    Some((pooler, url))
}

fn told(mut url: Url) -> String {
    url.query_pairs_mut().append_pair("pooler", "transaction");
    url.into()
}

/// The one line with which a command refuses.
async fn refusal(arguments: &[&str]) -> String {
    let output = within("the command ends", signet(arguments).output()).await.expect("the binary");
    let error = String::from_utf8(output.stderr).expect("text");
    assert!(output.status.code() == Some(1) && error.trim_end().lines().count() == 1, "{error}");
    error
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_behind_a_pooler_deliver_everything() {
    let Some(database) = postgres().await else { return };
    let world = World::on(database).await;
    let Some((_pooler, url)) = pooler_before(world.database(), "").await else { return };
    let url = told(url);
    let serve = async || Server::start(world.command_through(&url, &QUICK)).await;
    let moods = Mutex::new(StdRng::seed_from_u64(1));
    world.receiver.answer_by(move |_| {
        let fails = moods.lock().expect("no panic").random_bool(0.2);
        std::future::ready(if fails { 500 } else { 200 })
    });
    let (first, mut second) = (serve().await, serve().await);
    let producers = Producers::start(&world, 4, 1);
    for server in [&first, &second] {
        producers.talk_to(Some(server.address));
        producers.journal.more(60).await;
    }
    // One is killed in the middle, and comes back; the other one goes on.
    first.kill().await;
    producers.journal.more(60).await;
    let mut first = serve().await;
    producers.talk_to(Some(first.address));
    producers.journal.more(60).await;
    let journal = producers.finish().await;
    settled(&world, &[world.endpoint]).await;

    // What one changes, the other one keeps to.
    let sender = Sender::new(&world);
    let path = format!("/v1/accounts/{}/endpoints/{}", world.account, world.endpoint);
    sender.post(&first, &format!("{path}/pause")).await;
    let mut acknowledged: HashMap<_, _> = journal.acknowledged();
    let ids = sender.accepted(&second, &Request::single("paused")).await;
    acknowledged.insert("paused".to_owned(), ids[0]);
    settled(&world, &[world.endpoint]).await;
    let check = ["check", "--lease", "3s", "--database", &url, "--key-file"];
    let mut check = signet(&check);
    let output = within("the check ends", check.arg(world.key_file()).output()).await.expect("the check runs");
    assert!(output.status.success(), "{output:?}");
    first.stop().await;
    second.stop().await;
    let tally = verify(&world, &[world.endpoint], &acknowledged).await;
    println!("behind PgBouncer: {tally}");
    assert_eq!((tally.failed, tally.held), (0, 1), "{tally}");
}

#[tokio::test]
async fn a_pooler_that_the_url_does_not_tell_of_is_named() {
    let Some(database) = postgres().await else { return };
    let world = World::on(database).await;
    for settings in ["", "ignore_startup_parameters = options,extra_float_digits"] {
        let Some((_pooler, url)) = pooler_before(world.database(), settings).await else { return };
        let key_file = world.key_file();
        let key_file = key_file.to_str().expect("text");
        let serve = ["serve", "--listen", "127.0.0.1:0", "--database", url.as_str(), "--key-file", key_file];
        let refused = refusal(&serve).await;
        assert!(refused.contains("pooler=transaction"), "{refused}");
        assert!(refusal(&["check", "--database", url.as_str()]).await.contains("pooler=transaction"));
    }
}

#[tokio::test]
async fn a_migration_does_not_go_through_a_pooler() {
    let Some(database) = empty_on_postgres().await else { return };
    let signet_engine::db::DatabaseUrl::Postgres(url) = database.url() else { unreachable!("it is PostgreSQL") };
    let Some((_pooler, pooled)) = pooler_before(&url, "").await else { return };
    let pooled = told(pooled);
    let refused = refusal(&["migrate", "--database", &pooled]).await;
    assert!(refused.contains("`signet migrate` with the address of PostgreSQL itself"), "{refused}");
    let migrated = within("it ends", signet(&["migrate", "--database", &url]).output()).await.expect("the binary");
    assert!(migrated.status.success(), "{migrated:?}");
    let again = within("it ends", signet(&["migrate", "--database", &pooled]).output()).await.expect("the binary");
    assert!(again.status.success(), "{again:?}");
}
