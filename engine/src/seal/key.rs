//! The operator's key: base64 of 32 bytes, handed over as text or kept in a file.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    str::FromStr,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::random::Random;

/// The key that secrets are sealed with.
#[derive(Clone)]
pub struct SealKey(pub(super) [u8; 32]);

/// The text is not base64 of 32 bytes, or all of these are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealing key is 32 random bytes in base64, as `openssl rand -base64 32` prints them")]
pub struct InvalidKey;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read or made.
    #[error("the key file {path} cannot be used")]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// Other people on the machine can read it.
    #[error("the key file {path} can be read by others: run `chmod 600`")]
    ReadableByOthers {
        /// The file.
        path: PathBuf,
    },
    /// The file holds other text than a key.
    #[error("the key file {path} does not hold a key")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The expected form.
        source: InvalidKey,
    },
}

impl SealKey {
    /// Reads the key from its file, or makes a new one in a new file with mode
    /// 0600. It is on the disk before this returns.
    pub fn load_or_create(path: &Path, random: &Random) -> Result<Self, KeyFileError> {
        let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
        if !path.try_exists().map_err(failed)? {
            create(path, random).map_err(failed)?;
        }
        let readable = fs::metadata(path).map_err(failed)?.permissions().mode();
        if readable & 0o077 != 0 {
            return Err(KeyFileError::ReadableByOthers { path: path.to_owned() });
        }
        let text = fs::read_to_string(path).map_err(failed)?;
        text.parse().map_err(|source| KeyFileError::Invalid { path: path.to_owned(), source })
    }
}

/// Puts a complete file in place at once, and leaves one that another process
/// has put there in the meantime: two processes must not go on with two keys.
fn create(path: &Path, random: &Random) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let draft = directory.join(format!(".new-key-{:016x}", u64::from_ne_bytes(random.bytes())));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let linked = writeln!(file, "{}", BASE64_STANDARD.encode(random.bytes::<32>()))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => File::open(directory)?.sync_all(),
    }
}

impl From<[u8; 32]> for SealKey {
    fn from(key: [u8; 32]) -> Self {
        Self(key)
    }
}

impl FromStr for SealKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let bytes = BASE64_STANDARD.decode(text.trim_ascii()).map_err(|_| InvalidKey)?;
        let key: [u8; 32] = bytes.try_into().map_err(|_| InvalidKey)?;
        // Zeros are a placeholder in a template of settings, not a key.
        if key == [0; 32] { Err(InvalidKey) } else { Ok(Self(key)) }
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn place() -> (TempDir, PathBuf) {
        let directory = TempDir::new().expect("a temporary directory");
        let path = directory.path().join("signet.key");
        (directory, path)
    }

    fn load(path: &Path, seed: u64) -> Result<SealKey, KeyFileError> {
        SealKey::load_or_create(path, &Random::from_seed(seed))
    }

    #[test]
    fn a_key_is_made_once_and_then_read() {
        let (directory, path) = place();
        let made = load(&path, 1).expect("made");
        let read = load(&path, 2).expect("read");
        assert_eq!(made.0, read.0);
        assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 1, "nothing else is left behind");
    }

    #[test]
    fn a_new_key_file_is_for_its_owner_alone() {
        let (_directory, path) = place();
        load(&path, 1).expect("made");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let (_directory, path) = place();
        load(&path, 1).expect("made");
        for mode in [0o640, 0o604, 0o622] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("changed");
            assert!(matches!(load(&path, 1), Err(KeyFileError::ReadableByOthers { .. })), "{mode:o}");
        }
    }

    #[test]
    fn a_file_without_a_key_is_refused_and_kept() {
        let (_directory, path) = place();
        load(&path, 1).expect("made");
        fs::write(&path, "no key").expect("written");
        assert!(matches!(load(&path, 1), Err(KeyFileError::Invalid { .. })));
        assert_eq!(fs::read_to_string(&path).ok().as_deref(), Some("no key"));
    }

    #[test]
    fn a_key_that_another_process_made_first_is_kept() {
        let (_directory, path) = place();
        create(&path, &Random::from_seed(1)).expect("made");
        let first = fs::read(&path).expect("there");
        create(&path, &Random::from_seed(2)).expect("left alone");
        assert_eq!(fs::read(&path).expect("there"), first);
    }

    #[test]
    fn only_base64_of_32_bytes_is_a_key() {
        let text = BASE64_STANDARD.encode([7; 32]);
        assert_eq!(format!(" {text}\n").parse::<SealKey>().map(|key| key.0), Ok([7; 32]));
        for wrong in [
            String::new(),
            BASE64_STANDARD.encode([7; 31]),
            BASE64_STANDARD.encode([7; 33]),
            BASE64_STANDARD.encode([0; 32]),
            "?".repeat(44),
        ] {
            assert_eq!(wrong.parse::<SealKey>().map(|key| key.0), Err(InvalidKey), "{wrong}");
        }
    }
}
