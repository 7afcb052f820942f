//! An SQLite file: its place, its permissions, and whether it is whole.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use rustix::fs::{Access, access};
use signet_engine::db::{Look, SqliteFacts};

use super::{Finding, disk, failed_statement};

const FILE: &str = "database file";
const SETTINGS: &str = "database settings";
const WHOLE: &str = "database check";

/// The time for the quick check.
const LIMIT: Duration = Duration::from_secs(10);

/// A database that is not there yet.
pub fn not_yet(path: &Path) -> Finding {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok() {
        return Finding::ok(FILE, format!("{} is made at the first start", path.display()));
    }
    Finding::failed(
        FILE,
        format!("there is no database {}, and none can be made in the folder {}", path.display(), folder.display()),
        "make the folder, let this user write there, or name another place with --database",
    )
}

/// Checks a file that is there.
pub async fn check(path: &Path, look: &mut Look) -> Vec<Finding> {
    let mut findings = vec![place(path)];
    match look.sqlite_facts(LIMIT).await {
        Ok(Some(facts)) => findings.extend(of_facts(&facts)),
        Ok(None) => {}
        Err(error) => findings.push(failed_statement(SETTINGS, &error)),
    }
    findings
}

fn place(path: &Path) -> Finding {
    if access(path, Access::READ_OK | Access::WRITE_OK).is_err() {
        let says = format!("this user may not read and write {}", path.display());
        return Finding::failed(FILE, says, "run this as the user of the server, or change the owner of the file");
    }
    if let Some(network) = disk::network_file_system(path) {
        return Finding::failed(
            FILE,
            format!("{} is on a network file system ({network}), where locks and the log do not hold", path.display()),
            "keep it on a local disk, or use PostgreSQL",
        );
    }
    let open = fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0);
    if open {
        let says = format!("others on this machine can read {}", path.display());
        return Finding::warning(FILE, says, format!("run `chmod 600 {0} {0}-wal {0}-shm`", path.display()));
    }
    Finding::ok(FILE, format!("{} is on a local disk, and only its owner can read it", path.display()))
}

fn of_facts(facts: &SqliteFacts) -> [Finding; 2] {
    let SqliteFacts { journal_mode, library, complaints } = facts;
    let settings = if journal_mode == "wal" {
        Finding::ok(
            SETTINGS,
            format!("SQLite {library}, journal mode WAL; servers sync each commit (synchronous = FULL)"),
        )
    } else {
        Finding::warning(
            SETTINGS,
            format!("SQLite {library}, journal mode {journal_mode}"),
            "a server sets the journal mode WAL at its start: let no other program change it",
        )
    };
    let whole = match complaints {
        None => Finding::skipped(
            WHOLE,
            format!("the file could not be read through in {} seconds", LIMIT.as_secs()),
            "run `PRAGMA quick_check` with the program sqlite3 at a quiet hour",
        ),
        Some(complaints) if complaints.is_empty() => Finding::ok(WHOLE, "the file is whole"),
        Some(complaints) => Finding::failed(
            WHOLE,
            format!("the file is damaged: {}", complaints.join("; ").replace('\n', " ")),
            "stop the server, keep a copy of the file, restore a backup, and look at the disk",
        ),
    };
    [settings, whole]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn damage_and_another_journal_mode_are_told() {
        let facts = |journal_mode: &str, complaints: Option<Vec<String>>| {
            let facts = SqliteFacts { journal_mode: journal_mode.to_owned(), library: "3".to_owned(), complaints };
            of_facts(&facts).map(|finding| finding.result)
        };
        assert_eq!(facts("wal", Some(vec![])), [Verdict::Ok, Verdict::Ok]);
        assert_eq!(facts("delete", None), [Verdict::Warning, Verdict::Skipped]);
        assert_eq!(facts("wal", Some(vec!["page 3\nis broken".to_owned()]))[1], Verdict::Failed);
    }

    #[test]
    fn a_file_is_kept_by_its_owner_and_a_new_one_needs_a_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("signet.db");
        assert_eq!(not_yet(&file).result, Verdict::Ok);
        assert_eq!(not_yet(&folder.path().join("missing/signet.db")).result, Verdict::Failed);
        fs::write(&file, "").expect("written");
        for (mode, verdict) in [(0o644, Verdict::Warning), (0o600, Verdict::Ok)] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("permissions");
            assert_eq!(place(&file).result, verdict, "{mode:o}");
        }
    }
}
