//! The sealing keys of an operator: the one that seals, and others that open.
//!
//! As text a key is a line, or follows a comma: the first one seals, and all of them open. While
//! a rotation is under way the word `next` stands before the key that is to seal once every
//! server knows it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    str::FromStr,
};

use zeroize::Zeroizing;

use super::key::{InvalidKey, KeyId, SealKey};
use crate::random::Random;

/// Stands before a key that does not seal yet.
const NEXT: &str = "next ";

/// The sealing keys at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRing {
    /// The key that seals.
    seals: SealKey,
    /// Keys that sealed before.
    old: Vec<SealKey>,
    /// The key that is to seal next.
    next: Option<SealKey>,
}

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
    /// The file holds other text than keys.
    #[error("the key file {path} does not hold a key")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The expected form.
        source: InvalidKey,
    },
}

impl KeyRing {
    /// Reads the keys from their file, or makes a new one in a new file with mode
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
        let text = fs::read_to_string(path).map(Zeroizing::new).map_err(failed)?;
        text.parse().map_err(|source| KeyFileError::Invalid { path: path.to_owned(), source })
    }

    /// Puts a file with these keys in the place of the present one, at once. It is on the disk
    /// before this returns.
    pub fn store(&self, path: &Path, random: &Random) -> Result<(), KeyFileError> {
        let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
        let draft = write_draft(path, &self.to_text(), random).map_err(failed)?;
        let stored = fs::rename(&draft, path).and_then(|()| sync_folder(path));
        stored.inspect_err(|_| drop(fs::remove_file(&draft))).map_err(failed)
    }

    /// The keys with one more, which opens and does not seal yet.
    #[must_use]
    pub fn with_next(self, next: SealKey) -> Self {
        Self { next: Some(next), ..self }
    }

    /// The keys with the next one sealing, and all others opening.
    #[must_use]
    pub fn promoted(self) -> Self {
        match self {
            Self { seals, old, next: Some(next) } => Self { seals: next, old: [vec![seals], old].concat(), next: None },
            same => same,
        }
    }

    /// The key that seals, without the others.
    #[must_use]
    pub fn alone(self) -> Self {
        Self { old: Vec::new(), next: None, ..self }
    }

    /// All keys; the one that seals is the first.
    pub(super) fn all(&self) -> impl Iterator<Item = &SealKey> {
        [&self.seals].into_iter().chain(&self.next).chain(&self.old)
    }

    /// The id of the key that seals.
    pub fn seals_with(&self) -> KeyId {
        self.seals.id()
    }

    /// The id of the key that is to seal next.
    pub fn next(&self) -> Option<KeyId> {
        self.next.as_ref().map(SealKey::id)
    }

    /// True if there are keys that sealed before.
    pub const fn has_old(&self) -> bool {
        !self.old.is_empty()
    }

    fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::new());
        for key in [&self.seals].into_iter().chain(&self.old) {
            text.push_str(&key.to_text());
            text.push('\n');
        }
        if let Some(next) = &self.next {
            text.push_str(NEXT);
            text.push_str(&next.to_text());
            text.push('\n');
        }
        text
    }
}

/// Puts a complete file in place at once, and leaves one that another process
/// has put there in the meantime: two processes must not go on with two keys.
fn create(path: &Path, random: &Random) -> io::Result<()> {
    let draft = write_draft(path, &KeyRing::from(SealKey::new(random)).to_text(), random)?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_folder(path),
    }
}

/// Writes a file beside the one that it is to become.
fn write_draft(path: &Path, text: &str, random: &Random) -> io::Result<PathBuf> {
    let draft = folder(path).join(format!(".new-key-{:016x}", u64::from_ne_bytes(random.bytes())));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.inspect_err(|_| drop(fs::remove_file(&draft))).map(|()| draft)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| *parent != Path::new("")).unwrap_or_else(|| Path::new("."))
}

impl From<SealKey> for KeyRing {
    fn from(seals: SealKey) -> Self {
        Self { seals, old: Vec::new(), next: None }
    }
}

impl From<[u8; 32]> for KeyRing {
    fn from(key: [u8; 32]) -> Self {
        Self::from(SealKey::from(key))
    }
}

impl FromStr for KeyRing {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let (mut keys, mut next) = (Vec::new(), None);
        for item in text.split(['\n', ',']).map(str::trim).filter(|item| !item.is_empty()) {
            match item.strip_prefix(NEXT) {
                Some(key) if next.is_none() => next = Some(key.parse()?),
                Some(_) => return Err(InvalidKey),
                None => keys.push(item.parse()?),
            }
        }
        let mut keys = keys.into_iter();
        Ok(Self { seals: keys.next().ok_or(InvalidKey)?, old: keys.collect(), next })
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

    fn load(path: &Path, seed: u64) -> Result<KeyRing, KeyFileError> {
        KeyRing::load_or_create(path, &Random::from_seed(seed))
    }

    #[test]
    fn a_key_is_made_once_and_then_read() {
        let (directory, path) = place();
        let made = load(&path, 1).expect("made");
        let read = load(&path, 2).expect("read");
        assert_eq!(made, read);
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
    fn a_rotation_is_kept_in_the_file_at_each_of_its_steps() {
        let (directory, path) = place();
        let random = Random::from_seed(3);
        let first = load(&path, 1).expect("made");
        let begun = first.clone().with_next(SealKey::new(&random));
        let promoted = begun.clone().promoted();
        assert_eq!((begun.seals_with(), begun.next()), (first.seals_with(), Some(promoted.seals_with())));
        assert!(promoted.has_old() && promoted.next().is_none());
        for ring in [begun, promoted.clone(), promoted.alone()] {
            ring.store(&path, &random).expect("stored");
            assert_eq!(load(&path, 1).expect("read"), ring);
            assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 1, "nothing else is left behind");
    }

    #[test]
    fn keys_stand_on_lines_or_between_commas_and_the_first_one_seals() {
        let [one, two, three] = [1, 2, 3].map(|byte| SealKey::from([byte; 32]));
        let texts = [&one, &two, &three].map(|key| key.to_text().to_string());
        let ring = KeyRing { seals: one, old: vec![two], next: Some(three) };
        for text in [
            format!("{}, {},next {}", texts[0], texts[1], texts[2]),
            format!("next {}\n\n{}\n {}\n", texts[2], texts[0], texts[1]),
        ] {
            assert_eq!(text.parse().as_ref(), Ok(&ring), "{text}");
        }
        for wrong in ["", "\n", "next", &format!("next {}", texts[0]), &format!("{}\nnext x", texts[0])] {
            assert_eq!(wrong.parse::<KeyRing>(), Err(InvalidKey), "{wrong}");
        }
    }
}
