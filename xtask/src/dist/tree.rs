//! Files in folders, as an archive has them: sorted, owned by root, of one age.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result};
use tar::{Builder, EntryType, Header};

use super::Epoch;

/// A file that everybody may read.
pub const FILE: u32 = 0o644;
/// A file that everybody may run.
pub const PROGRAM: u32 = 0o755;
/// A file for its owner alone.
pub const PRIVATE: u32 = 0o600;

/// Files by their path, which has no `/` in front.
#[derive(Debug, Default)]
pub struct Tree(BTreeMap<String, File>);

#[derive(Debug)]
struct File {
    mode: u32,
    content: Vec<u8>,
}

impl Tree {
    /// Adds a file.
    pub fn add(&mut self, path: impl Into<String>, mode: u32, content: impl Into<Vec<u8>>) {
        self.0.insert(path.into(), File { mode, content: content.into() });
    }

    /// Adds a file of the disk.
    pub fn add_file(&mut self, path: impl Into<String>, mode: u32, from: &Path) -> Result<()> {
        let content = fs::read(from).with_context(|| format!("{} cannot be read", from.display()))?;
        self.add(path, mode, content);
        Ok(())
    }

    /// Adds a folder of the disk, without what begins with a dot.
    pub fn add_folder(&mut self, path: &str, from: &Path) -> Result<()> {
        for entry in fs::read_dir(from).with_context(|| format!("{} cannot be read", from.display()))? {
            let entry = entry?;
            let name = entry.file_name().into_string().ok().context("a name that is no text")?;
            let path = format!("{path}/{name}");
            if name.starts_with('.') {
                continue;
            }
            if entry.file_type()?.is_dir() {
                self.add_folder(&path, &entry.path())?;
            } else {
                self.add_file(path, FILE, &entry.path())?;
            }
        }
        Ok(())
    }

    /// The size of all files, in units of 1,024 bytes that each begins anew.
    pub fn kibibytes(&self) -> usize {
        self.0.values().map(|file| file.content.len().div_ceil(1024)).sum::<usize>() + self.folders("").len()
    }

    /// The folders in which files are, with a prefix.
    fn folders(&self, prefix: &str) -> BTreeSet<String> {
        let mut folders = BTreeSet::new();
        for path in self.0.keys() {
            let path = format!("{prefix}{path}");
            folders.extend(path.match_indices('/').map(|(end, _)| path[..=end].to_owned()));
        }
        folders
    }

    /// As a tar archive, each path with a prefix such as `./`.
    pub fn tar(&self, prefix: &str, epoch: Epoch) -> Result<Vec<u8>> {
        let mut entries: BTreeMap<String, Option<&File>> =
            self.folders(prefix).into_iter().map(|folder| (folder, None)).collect();
        entries.extend(self.0.iter().map(|(path, file)| (format!("{prefix}{path}"), Some(file))));
        let mut archive = Builder::new(Vec::new());
        for (path, file) in entries {
            let mut header = Header::new_gnu();
            header.set_entry_type(if file.is_some() { EntryType::Regular } else { EntryType::Directory });
            header.set_mode(file.map_or(0o755, |file| file.mode));
            header.set_mtime(epoch.seconds());
            header.set_uid(0);
            header.set_gid(0);
            header.set_username("root")?;
            header.set_groupname("root")?;
            let content = file.map_or(&[][..], |file| &file.content);
            header.set_size(u64::try_from(content.len())?);
            append(&mut archive, header, &path, content)?;
        }
        archive.into_inner().context("the end of the archive")
    }
}

/// The path goes in as it is, while [`Builder::append_data`] takes `./` from it, which `dpkg`
/// wants there.
fn append(archive: &mut Builder<Vec<u8>>, mut header: Header, path: &str, content: &[u8]) -> Result<()> {
    let name = header.as_gnu_mut().context("a header of GNU")?;
    match name.name.get_mut(..path.len()) {
        Some(place) => {
            place.copy_from_slice(path.as_bytes());
            header.set_cksum();
            archive.append(&header, content)?;
        }
        None => archive.append_data(&mut header, path, content)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn epoch() -> Epoch {
        Epoch::find().expect("an instant")
    }

    #[test]
    fn an_archive_has_folders_before_their_files_and_root_as_owner() {
        let mut tree = Tree::default();
        tree.add("usr/bin/b", PROGRAM, "bb");
        tree.add("etc/a", PRIVATE, "a");
        let bytes = tree.tar("./", epoch()).expect("an archive");
        let (mut archive, mut lines) = (tar::Archive::new(&*bytes), Vec::new());
        for entry in archive.entries().expect("entries") {
            let mut entry = entry.expect("an entry");
            let (path, header) = (String::from_utf8_lossy(&entry.path_bytes()).into_owned(), entry.header().clone());
            assert_eq!((header.uid().ok(), header.username()), (Some(0), Ok(Some("root"))));
            assert_eq!(header.mtime().ok(), Some(epoch().seconds()));
            let mut content = String::new();
            entry.read_to_string(&mut content).expect("text");
            lines.push(format!("{path} {:o} {content}", header.mode().expect("a mode")));
        }
        let expected =
            ["./ 755 ", "./etc/ 755 ", "./etc/a 600 a", "./usr/ 755 ", "./usr/bin/ 755 ", "./usr/bin/b 755 bb"];
        assert_eq!(lines, expected);
    }

    #[test]
    fn the_order_of_adding_changes_no_byte() {
        let (mut one, mut other) = (Tree::default(), Tree::default());
        let paths = ["b", "a/c", "a/b"];
        for path in paths {
            one.add(path, FILE, path);
        }
        for path in paths.into_iter().rev() {
            other.add(path, FILE, path);
        }
        let tar = |tree: &Tree| tree.tar("x/", epoch()).expect("an archive");
        assert_eq!(tar(&one), tar(&other));
    }

    #[test]
    fn a_long_path_is_kept_whole() {
        let (mut tree, path) = (Tree::default(), format!("{}/end", "long".repeat(40)));
        tree.add(&*path, FILE, "x");
        let bytes = tree.tar("", epoch()).expect("an archive");
        let mut archive = tar::Archive::new(&*bytes);
        let last = archive.entries().expect("entries").last().expect("a file").expect("an entry");
        assert_eq!(last.path_bytes(), path.as_bytes());
    }
}
