//! The clock is set by an hour, either way: that of the machine on SQLite, and that of the
//! database's server on PostgreSQL.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use signet_engine::{
    clock::SystemClock,
    db::DatabaseUrl,
    testing::{postgres, sqlite},
};
use signet_model::{EventId, time::Clock};
use sqlx::{Connection, PgConnection, SqliteConnection};
use tokio::task::spawn_blocking;
use xtask_postgres::Server as Postgres;

use super::{left_out, set_clock::SetClock};
use crate::{
    crash::{
        gate::Gate,
        producer::{Request, Sender},
        verify::{settled, verify},
        world::World,
    },
    patience::until,
    server::Server,
};

const HOUR: i64 = 3_600;
/// Receivers take a request whose timestamp is no further from their clock (the contract).
const TOLERANCE: i64 = 300;
/// An attempt and a lease are short, so that a lease of a server that died ends soon; a retry comes
/// after some seconds, so that the clock is set before.
const OPTIONS: [&str; 8] = ["--budget", "4s", "--lease", "8s", "--retry-delays", "10s,10s,10s", "--retry-jitter", "0"];

/// A server whose clock a test sets.
struct Clocked {
    world: World,
    clock: SetClock,
    /// `None` after its death.
    server: Option<Server>,
    sender: Sender,
    /// The variables of the server, if the clock is its own.
    variables: Vec<(&'static str, String)>,
    acknowledged: HashMap<String, EventId>,
}

impl Clocked {
    async fn begin(world: World, clock: SetClock, variables: Vec<(&'static str, String)>) -> Self {
        let server = Some(world.serve_among(&OPTIONS, &variables).await);
        let sender = Sender::new(&world);
        Self { world, clock, server, sender, variables, acknowledged: HashMap::new() }
    }

    async fn accept(&mut self, task: &str) {
        let server = self.server.as_ref().expect("a server");
        let id = self.sender.accepted(server, &Request::single(task)).await[0];
        self.acknowledged.insert(task.to_owned(), id);
    }

    fn arrivals_of(&self, task: &str) -> Vec<i64> {
        let needle = format!("\"{task}\"");
        let arrivals = self.world.receiver.arrivals();
        let of_task = arrivals.iter().filter(|arrival| arrival.body.contains(&needle));
        of_task.map(|arrival| arrival.headers["webhook-timestamp"].parse().expect("seconds")).collect()
    }

    async fn arrives(&self, task: &str, times: usize) {
        until(task, async || self.arrivals_of(task).len() >= times).await;
    }

    /// Sets the clock, and looks whether new events are sent, and signed by it.
    async fn set_clock(&mut self, ahead: i64, task: &str) {
        self.clock.set(ahead);
        let mut number = 0;
        until("a signature by the new clock", async || {
            let task = format!("{task}_{number}");
            number += 1;
            self.accept(&task).await;
            self.arrives(&task, 1).await;
            let signed_at = self.arrivals_of(&task)[0];
            (signed_at - SystemClock.now().unix_seconds() - ahead).abs() < TOLERANCE
        })
        .await;
    }

    /// Sets it ahead and back, and back again while no server runs.
    async fn run(mut self) {
        let fails = Arc::new(AtomicBool::new(false));
        let failing = Arc::clone(&fails);
        self.world.receiver.answer_by(move |_| {
            let fails = failing.load(Ordering::SeqCst);
            async move { if fails { 500 } else { 200 } }
        });
        self.accept("before").await;
        self.arrives("before", 1).await;
        self.set_clock(HOUR, "ahead").await;
        until("the server has seen that clock", async || {
            let noted = noted(self.world.url()).await;
            noted.is_some_and(|noted| noted > SystemClock.now().unix_seconds() + HOUR / 2)
        })
        .await;
        fails.store(true, Ordering::SeqCst);
        self.accept("retried").await;
        self.arrives("retried", 1).await;
        fails.store(false, Ordering::SeqCst);
        self.set_clock(0, "right_again").await;
        // Not after an hour.
        self.arrives("retried", 2).await;
        settled(&self.world, &[self.world.endpoint]).await;
        let once = self.world.receiver.arrivals().len();
        assert_eq!(once, self.acknowledged.len() + 1, "each is sent once, and one was to be tried again");

        // A server dies, and the clock is set back before the next one starts.
        let gate = Gate::close(&self.world.receiver);
        self.accept("leased").await;
        self.arrives("leased", 1).await;
        self.server.take().expect("a server").kill().await;
        gate.open();
        self.world.receiver.answer(200);
        self.clock.set(-HOUR);
        self.server = Some(self.world.serve_among(&OPTIONS, &self.variables).await);
        // Not after an hour.
        self.arrives("leased", 2).await;
        settled(&self.world, &[self.world.endpoint]).await;
        self.server.take().expect("a server").stop().await;
        let tally = verify(&self.world, &[self.world.endpoint], &self.acknowledged).await;
        println!("the clock was set ahead and back: {tally}");
        assert_eq!((tally.failed, tally.held, tally.duplicates), (0, 0, 1), "{tally}");
        assert_eq!(self.world.receiver.arrivals().len(), once + 2, "what the dead server had sent came again");
        let log = self.world.log_so_far();
        assert_eq!(log.matches("what waits is moved by as much").count(), 2, "{log}");
    }
}

/// The latest instant that a server has noted, in seconds since 1970.
async fn noted(url: &DatabaseUrl) -> Option<i64> {
    let noted = match url {
        DatabaseUrl::Sqlite(path) => {
            let mut connection = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.ok()?;
            let noted = sqlx::query_scalar("SELECT latest / 1000000 FROM clock_looks");
            noted.fetch_optional(&mut connection).await
        }
        DatabaseUrl::Postgres(url) => {
            let mut connection = PgConnection::connect(url).await.ok()?;
            let noted = sqlx::query_scalar("SELECT extract(epoch FROM latest)::bigint FROM clock_looks");
            noted.fetch_optional(&mut connection).await
        }
    };
    noted.expect("the note")
}

const NO_COMPILER: &str = "no clock could be set for a process: there is no C compiler";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_by_an_hour_keeps_nothing_back_on_sqlite() {
    let Some(clock) = SetClock::right() else { return left_out(NO_COMPILER) };
    let (world, variables) = (World::on(sqlite().await).await, clock.variables());
    Clocked::begin(world, clock, variables).await.run().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_by_an_hour_keeps_nothing_back_on_postgresql() {
    // The cluster is one of its own; the test runs where there is one for tests.
    if postgres().await.is_none() {
        return;
    }
    let Some(clock) = SetClock::right() else { return left_out(NO_COMPILER) };
    let variables = clock.variables();
    let cluster = spawn_blocking(|| Postgres::start_among(variables)).await.expect("no panic").expect("a cluster");
    let world = World::at(cluster.url().parse().expect("a URL")).await;
    // The clock of the database's server counts, and that of the machine is right.
    Clocked::begin(world, clock, Vec::new()).await.run().await;
}
