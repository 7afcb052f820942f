//! The disk of an SQLite database is full, and has room again.

use signet_engine::db::DatabaseUrl;

use super::{
    outage::{PATIENT, Story},
    small_disk::SmallDisk,
};
use crate::{crash::world::World, patience::within, server::signet};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_events_until_there_is_room() {
    // More than the database and its log have at the end.
    let name = "outages::disk_full::a_full_disk_refuses_events_until_there_is_room";
    let Some(disk) = SmallDisk::of("64m", name).await else { return };
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
    let Some(disk) = SmallDisk::of("1m", "outages::disk_full::a_server_that_starts_on_a_full_disk_says_so").await
    else {
        return;
    };
    disk.fill();
    let database = format!("sqlite:{}", disk.file("signet.db").display());
    let mut command = signet(&["serve", "--listen", "127.0.0.1:0", "--database", &database]);
    let output = within("the server ends", command.output()).await.expect("the binary");
    let error = String::from_utf8(output.stderr).expect("text");
    assert_eq!((output.status.code(), error.trim_end().lines().count()), (Some(1), 1), "{error}");
    assert!(error.contains("the disk is full: free space under "), "{error}");
}
