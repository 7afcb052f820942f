//! Room: on the disks that a server writes to, and for open files.

use std::path::{Path, PathBuf};

use rustix::fs::statvfs;
use signet_engine::db::DatabaseUrl;

use super::Finding;
use crate::{
    commands::serve::ServeArgs,
    descriptors::{self, Shares},
    storage,
};

const DESCRIPTORS: &str = "open files";
const DISK: &str = "disk";
const TEMPORARY: &str = "temporary files";

const MIB: u64 = 1024 * 1024;
/// With less room on the disk of the database, events are refused soon.
const LEAST_ROOM: u64 = 100 * MIB;
/// Below this it is time to act.
const LITTLE_ROOM: u64 = 1024 * MIB;
/// The room for sorting large results.
const LITTLE_TEMPORARY_ROOM: u64 = 64 * MIB;
/// A file system that has so few files left refuses the next ones soon.
const FEW_FILES: u64 = 1_000;

/// The room of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Room {
    /// Bytes that this user can write.
    bytes: u64,
    /// All bytes.
    of: u64,
    /// Files that can be made; `None` where they are not counted.
    files: Option<u64>,
}

/// Compares the limit of open files with the settings.
pub fn descriptors(serve: &ServeArgs) -> Finding {
    let wanted = Shares {
        in_flight: serve.delivery.concurrency.max_in_flight,
        hanging: serve.delivery.concurrency.max_hanging,
        connections: serve.clients.max_connections,
    };
    let (limit, shares) = descriptors::look(wanted);
    match shares {
        Err(error) => {
            Finding::failed(DESCRIPTORS, error.to_string(), "raise the limit for the service and start it again")
        }
        Ok(shares) if shares == wanted => {
            Finding::ok(DESCRIPTORS, format!("the limit, {limit}, is enough for the settings"))
        }
        Ok(shares) => Finding::warning(
            DESCRIPTORS,
            format!(
                "the limit, {limit}, leaves {} of {} connections and {} of {} hanging attempts",
                shares.connections, wanted.connections, shares.hanging, wanted.hanging
            ),
            "raise it (LimitNOFILE= with systemd, ulimit -n in a shell), or lower --max-connections and --max-hanging",
        ),
    }
}

/// Looks at the room on the disks of the database and of temporary files.
pub fn room(serve: &ServeArgs) -> Vec<Finding> {
    let database = match storage::url(&serve.storage) {
        Ok(DatabaseUrl::Sqlite(path)) => of_folder(DISK, &folder_of(&path), LEAST_ROOM, LITTLE_ROOM),
        Ok(DatabaseUrl::Postgres(_)) => Finding::skipped(
            DISK,
            "the disk of PostgreSQL cannot be seen from here",
            "watch it on the machine of the database: below a tenth is too little",
        ),
        Err(_) => Finding::skipped(DISK, "the database is not known", "correct --database first"),
    };
    vec![database, of_folder(TEMPORARY, &std::env::temp_dir(), 0, LITTLE_TEMPORARY_ROOM)]
}

/// The folder of a file, or the nearest one above it that is there.
fn folder_of(path: &Path) -> PathBuf {
    let above = path.ancestors().skip(1).find(|folder| folder.is_dir() && !folder.as_os_str().is_empty());
    above.unwrap_or(Path::new(".")).to_owned()
}

fn of_folder(check: &'static str, folder: &Path, least: u64, little: u64) -> Finding {
    match statvfs(folder) {
        Err(error) => {
            let says = format!("the room in {} cannot be read: {error}", folder.display());
            Finding::failed(check, says, "make the folder, or let this user read it")
        }
        Ok(found) => {
            let room = Room {
                bytes: found.f_bavail.saturating_mul(found.f_frsize),
                of: found.f_blocks.saturating_mul(found.f_frsize),
                files: (found.f_files > 0).then_some(found.f_favail),
            };
            of_room(check, folder, room, least, little)
        }
    }
}

fn of_room(check: &'static str, folder: &Path, room: Room, least: u64, little: u64) -> Finding {
    let files = room.files.map_or_else(|| "any number of".to_owned(), |files| files.to_string());
    let says = format!(
        "{} MiB of {} MiB are free in {}, and {files} files",
        room.bytes / MIB,
        room.of / MIB,
        folder.display()
    );
    let advice =
        "make room: remove what is not needed, or give the disk more; --keep-deliveries says how long rows stay";
    let few_files = room.files.is_some_and(|files| files < FEW_FILES);
    if room.bytes < least {
        Finding::failed(check, says, advice)
    } else if room.bytes < little || few_files {
        Finding::warning(check, says, advice)
    } else {
        Finding::ok(check, says)
    }
}

/// The name of the network file system that a path is on; `None` if it is a local one, or the
/// system does not tell.
#[cfg(target_os = "linux")]
pub fn network_file_system(path: &Path) -> Option<&'static str> {
    // The numbers of linux/magic.h.
    Some(match u32::try_from(rustix::fs::statfs(path).ok()?.f_type).ok()? {
        0x6969 => "NFS",
        0x517B => "SMB",
        0xFF53_4D42 => "CIFS",
        0xFE53_4D42 => "SMB 2",
        0x5346_414F | 0x6B41_4653 => "AFS",
        0x0102_1997 => "9P",
        0x00C3_6400 => "Ceph",
        0x0BD0_0BD0 => "Lustre",
        0x7461_636F => "OCFS2",
        0x0116_1970 => "GFS2",
        _ => return None,
    })
}

/// Other systems tell this in other ways.
#[cfg(not(target_os = "linux"))]
pub fn network_file_system(_: &Path) -> Option<&'static str> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn little_room_is_a_warning_and_next_to_none_a_failure() {
        let verdict = |bytes, files| {
            let room = Room { bytes, of: 100 * LITTLE_ROOM, files };
            of_room(DISK, Path::new("/"), room, LEAST_ROOM, LITTLE_ROOM).result
        };
        assert_eq!(verdict(LITTLE_ROOM, None), Verdict::Ok);
        assert_eq!(verdict(LITTLE_ROOM - 1, None), Verdict::Warning);
        assert_eq!(verdict(LEAST_ROOM - 1, None), Verdict::Failed);
        assert_eq!(verdict(LITTLE_ROOM, Some(FEW_FILES - 1)), Verdict::Warning);
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_on_the_disk_of_the_one_above() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(folder_of(&folder.path().join("a/b/signet.db")), folder.path());
        assert_eq!(folder_of(Path::new("signet.db")), Path::new("."));
        assert_eq!(of_folder(DISK, folder.path(), 0, 0).result, Verdict::Ok);
        assert_eq!(of_folder(DISK, &folder.path().join("missing"), 0, 0).result, Verdict::Failed);
        assert_eq!(network_file_system(folder.path()), None);
    }
}
