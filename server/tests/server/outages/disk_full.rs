//! The disk of an SQLite database is full, and has room again.

use signet_engine::db::DatabaseUrl;

use super::{
    left_out,
    outage::{PATIENT, Story},
    small_disk::SmallDisk,
};
use crate::crash::world::World;

/// More than the database and its log have at the end.
const SIZE: &str = "64m";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_events_until_there_is_room() {
    let Some(disk) = SmallDisk::of(SIZE).await else {
        return left_out("no file system could be mounted: it takes root, or name spaces of users");
    };
    let world = World::at(DatabaseUrl::Sqlite(disk.file("signet.db"))).await;
    let server = world.serve(&PATIENT).await;
    let story = Story::begin(world, server).await;
    disk.fill();
    story.lasts("the disk is full: free space under ").await;
    disk.free();
    println!("the disk was full: {}", story.ends(1).await);
}

#[tokio::test]
async fn a_server_that_starts_on_a_full_disk_says_so() {
    let Some(disk) = SmallDisk::of("1m").await else {
        return left_out("no file system could be mounted: it takes root, or name spaces of users");
    };
    disk.fill();
    let database = format!("sqlite:{}", disk.file("signet.db").display());
    let mut command = crate::server::signet(&["serve", "--listen", "127.0.0.1:0", "--database", &database]);
    let output = crate::patience::within("the server ends", command.output()).await.expect("the binary");
    let error = String::from_utf8(output.stderr).expect("text");
    assert_eq!((output.status.code(), error.trim_end().lines().count()), (Some(1), 1), "{error}");
    assert!(error.contains("the disk is full: free space under "), "{error}");
}
