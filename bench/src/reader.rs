//! A long reader: what look-ups cost on PostgreSQL while a session holds a snapshot, after so many
//! attempts.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use clap::Args;
use signet_model::{AccountId, EndpointId, endpoint::EndpointUrl};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::time::sleep;

use crate::{
    Options,
    fixture::Fixture,
    producer::Producer,
    receiver::{Journal, Receiver},
    server::Server,
};

/// Every fourth event is delivered by its second attempt, which a claim begins.
const FAILING: &str = "fail";

/// The cost of look-ups under a held snapshot.
#[derive(Debug, Args)]
pub struct Reader {
    /// Events a second.
    #[arg(long, default_value_t = 1_000)]
    rate: u32,
    /// Seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Webhooks that take turns, each of an account of its own.
    #[arg(long, default_value_t = 4)]
    endpoints: usize,
    /// Seconds between two lines.
    #[arg(long, default_value_t = 10)]
    every: u64,
    /// Hold no snapshot.
    #[arg(long)]
    free: bool,
}

/// The look-ups of one endpoint, in the words of the statements that do them.
const LOOK_UPS: [(&str, &str); 4] = [
    ("first due", "SELECT min(due_at) FROM deliveries WHERE account_id = $A AND endpoint_id = $E AND state = 'pending'"),
    ("queue", "SELECT 1 FROM endpoint_queues WHERE account_id = $A AND endpoint_id = $E"),
    ("health", "SELECT 1 FROM endpoint_health WHERE account_id = $A AND endpoint_id = $E"),
    (
        "statistics",
        "SELECT 1 FROM statistics WHERE account_id = $A AND endpoint_id = $E AND hour = date_bin('1 hour', now(), TIMESTAMPTZ 'epoch')
           AND event_type = 'task.completed'",
    ),
];
/// What a claim leaves out, where the version has it.
const FROM: &str = "AND due_at >= COALESCE((SELECT pending_from FROM endpoint_queues WHERE account_id = $A AND endpoint_id = $E), '-infinity')";

impl Reader {
    /// Sends events at a rate, and prints the cost of each look-up from time to time.
    pub async fn run(&self, options: &Options) -> anyhow::Result<()> {
        let postgres = options.postgres.as_deref().context("the load `reader` needs --postgres")?;
        let events = usize::try_from(self.rate * self.seconds)?;
        let journal = Journal::new(events);
        let receiver = Receiver::start(Arc::clone(&journal)).await?;
        let url = |index| format!("https://localhost:{}/{FAILING}/{index}", receiver.port).parse();
        let urls: Vec<EndpointUrl> = (0..self.endpoints).map(url).collect::<Result<_, _>>()?;
        let fixture = Fixture::create(Some(postgres), &urls, &receiver.authority, &[]).await?;
        let server =
            Server::start(&options.signet, &fixture.database, &fixture.authority(), &fixture.key_file()).await?;
        let mut holder = PgConnection::connect(&fixture.database).await?;
        if !self.free {
            sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT txid_current_snapshot()")
                .execute(&mut holder)
                .await?;
        }
        let producer = Producer {
            addresses: Arc::new(vec![server.address]),
            api_key: fixture.api_key.clone(),
            accounts: Arc::new(fixture.accounts.clone()),
            events,
            batch: 1,
            connections: 16,
            rate: Some(self.rate),
            event_types: 0,
        };
        let sending = tokio::spawn(async move { producer.run(&journal).await });
        let mut watch = Watch::open(&fixture.database).await?;
        watch.print_heading();
        while !sending.is_finished() {
            sleep(Duration::from_secs(self.every)).await;
            watch.print().await?;
        }
        sending.await??;
        server.stop().await
    }
}

/// The connection that looks.
struct Watch {
    connection: PgConnection,
    look_ups: Vec<(&'static str, String)>,
    /// Blocks of each table, and attempts, at the last line.
    before: Vec<(String, i64)>,
    attempts: i64,
}

/// The tables whose blocks are told apart.
const TABLES: [&str; 5] = ["deliveries", "endpoint_queues", "endpoint_health", "statistics", "accounts"];

impl Watch {
    async fn open(url: &str) -> anyhow::Result<Self> {
        let mut connection = PgConnection::connect(url).await?;
        sqlx::raw_sql("SET enable_seqscan = off; SET enable_bitmapscan = off").execute(&mut connection).await?;
        let (account, endpoint): (AccountId, EndpointId) =
            sqlx::query_as("SELECT account_id, id FROM endpoints ORDER BY id LIMIT 1")
                .fetch_one(&mut connection)
                .await?;
        let knows: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM information_schema.columns WHERE column_name = 'pending_from')",
        )
        .fetch_one(&mut connection)
        .await?;
        let look_ups = LOOK_UPS.iter().enumerate().map(|(number, (name, sql))| {
            let sql = if knows && number == 0 { format!("{sql} {FROM}") } else { (*sql).to_owned() };
            (
                *name,
                sql.replace("$A", &format!("'{}'", account.uuid())).replace("$E", &format!("'{}'", endpoint.uuid())),
            )
        });
        Ok(Self { look_ups: look_ups.collect(), connection, before: Vec::new(), attempts: 0 })
    }

    fn print_heading(&self) {
        print!("{:>9}", "attempts");
        self.look_ups.iter().for_each(|(name, _)| print!(" {name:>10}"));
        for table in TABLES {
            print!(" {:>16}", format!("{table}/a"));
        }
        println!("  updates of queues, health, statistics (hot)");
    }

    /// Prints the blocks of each look-up, the blocks of each table for an attempt since the last
    /// line, and the updates so far.
    async fn print(&mut self) -> anyhow::Result<()> {
        let conn = &mut self.connection;
        // Of all partitions, where there are some.
        let attempts: i64 = sqlx::query_scalar(
            "SELECT COALESCE(sum(n_tup_ins), 0)::bigint FROM pg_stat_user_tables
              WHERE relname = 'attempts' OR relname LIKE 'attempts\\_%'",
        )
        .fetch_one(&mut *conn)
        .await?;
        print!("{attempts:>9}");
        for (_, sql) in &self.look_ups {
            let explain = AssertSqlSafe(format!("EXPLAIN (ANALYZE, BUFFERS) {sql}"));
            let plan: Vec<String> = sqlx::query_scalar(explain).fetch_all(&mut *conn).await?;
            print!(" {:>10}", blocks_of(&plan));
        }
        let blocks: Vec<(String, i64)> = sqlx::query_as(
            "SELECT relname::text, (heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit)::bigint
               FROM pg_statio_user_tables WHERE idx_blks_hit IS NOT NULL",
        )
        .fetch_all(&mut *conn)
        .await?;
        let made = (attempts - self.attempts).max(1);
        for table in TABLES {
            let of =
                |all: &[(String, i64)]| all.iter().find(|(name, _)| name == table).map_or(0, |(_, blocks)| *blocks);
            let tenths = (of(&blocks) - of(&self.before)) * 10 / made;
            print!(" {:>16}", format!("{}.{}", tenths / 10, tenths % 10));
        }
        let updates: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables
              WHERE relname IN ('endpoint_queues', 'endpoint_health', 'statistics')
              ORDER BY array_position(ARRAY['endpoint_queues', 'endpoint_health', 'statistics'], relname::text)",
        )
        .fetch_all(&mut *conn)
        .await?;
        let updates: Vec<_> = updates.iter().map(|(all, hot)| format!("{all} ({hot})")).collect();
        println!("  {}", updates.join(", "));
        (self.before, self.attempts) = (blocks, attempts);
        Ok(())
    }
}

/// The blocks that a statement has read, from memory or not: those of the top of its plan.
fn blocks_of(plan: &[String]) -> u64 {
    let top = plan.iter().find_map(|line| line.trim().strip_prefix("Buffers: shared "));
    let counts = top.unwrap_or_default().split(' ').filter_map(|word| word.split_once('='));
    counts.filter(|(kind, _)| ["hit", "read"].contains(kind)).filter_map(|(_, count)| count.parse::<u64>().ok()).sum()
}
