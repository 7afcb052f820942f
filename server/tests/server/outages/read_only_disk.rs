//! The file system of an SQLite database can only be read, and can be written again.
//!
//! Linux lets nobody remount a file system read-only while a file on it is open for writing. What
//! happens all the same is a disk that fails: the system then refuses each write, with files open
//! as they are. Here `strace` has the kernel refuse them to the server that runs.

use std::{path::Path, process::Stdio};

use signet_engine::testing::sqlite;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use super::{
    left_out,
    outage::{PATIENT, Story},
};
use crate::{crash::world::World, patience::within, server::Server};

/// The calls that write. The log of the database is written by others than its index, which is memory.
const REFUSED: &str = "inject=write,pwrite64,ftruncate:error=EROFS";
/// What is written, as ends of the path of the database.
const FILES: [&str; 3] = ["", "-wal", ".disk-check"];

/// Has the kernel refuse what a server writes to its database, until it is dropped.
struct Refusing(Child);

impl Refusing {
    /// `None` if nobody may look into other processes here.
    async fn begin(server: &Server, database: &Path) -> Option<Self> {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-e", REFUSED, "-o", "/dev/null", "-p", &server.id().to_string()]);
        for end in FILES {
            strace.arg("-P").arg(format!("{}{end}", database.display()));
        }
        let mut strace = strace.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().ok()?;
        let mut said = BufReader::new(strace.stderr.take()?).lines();
        let attached = within("strace", said.next_line()).await.expect("text")?;
        tokio::spawn(async move { while said.next_line().await.is_ok_and(|line| line.is_some()) {} });
        attached.contains("attached").then_some(Self(strace))
    }

    /// Lets the server write again.
    async fn end(mut self) {
        // It lets go of the server when it is asked to end, and not when it is killed.
        let id = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(id.expect("it runs"), rustix::process::Signal::TERM).expect("a signal");
        within("strace ends", self.0.wait()).await.expect("its status");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_system_that_can_only_be_read_refuses_events_until_it_can_be_written() {
    let database = sqlite().await;
    let signet_engine::db::DatabaseUrl::Sqlite(path) = database.url.clone() else { unreachable!("it is SQLite") };
    let world = World::on(database).await;
    let server = world.serve(&PATIENT).await;
    let story = Story::begin(world, server).await;
    let Some(refusing) = Refusing::begin(&story.server, &path).await else {
        return left_out("strace is not there, or may not attach: it is in Debian's package strace, and takes root");
    };
    story.lasts("can only be read: ").await;
    refusing.end().await;
    println!("the file system was read-only: {}", story.ends(1).await);
}
