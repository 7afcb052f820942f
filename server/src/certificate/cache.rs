//! A folder that keeps an authority's certificate and the keys beyond the end of the process.

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::DirBuilderExt,
    path::PathBuf,
};

use async_trait::async_trait;
use rustls_acme::{AccountCache, CertCache};
use sha2::{Digest, Sha256};
use tokio::{fs::OpenOptions, io::AsyncWriteExt};

/// The folder. Its files can be read by their owner alone.
#[derive(Debug, Clone)]
pub struct Cache(PathBuf);

impl Cache {
    /// The folder at this path, which is made if it is missing.
    ///
    /// # Errors
    /// The folder cannot be made, or no file in it.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        let probe = path.join("probe");
        fs::write(&probe, b"")?;
        fs::remove_file(&probe)?;
        Ok(Self(path))
    }

    async fn read(&self, name: String) -> io::Result<Option<Vec<u8>>> {
        match tokio::fs::read(self.0.join(name)).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    /// Writes a file whole or not at all.
    async fn write(&self, name: String, content: &[u8]) -> io::Result<()> {
        let (path, draft) = (self.0.join(&name), self.0.join(format!("{name}.new")));
        // A draft that an earlier process did not finish could have another mode.
        let _ = tokio::fs::remove_file(&draft).await;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).await?;
        file.write_all(content).await?;
        file.sync_all().await?;
        tokio::fs::rename(draft, path).await
    }
}

/// The name of the file for these texts: a hash, as they can hold any character.
fn name(kind: &str, texts: &[String], directory: &str) -> String {
    let mut hash = Sha256::new();
    for text in texts.iter().map(String::as_str).chain([directory]) {
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    }
    format!("{kind}-{}", hex::encode(&hash.finalize()[..16]))
}

#[async_trait]
impl CertCache for Cache {
    type EC = io::Error;

    async fn load_cert(&self, domains: &[String], directory: &str) -> io::Result<Option<Vec<u8>>> {
        self.read(name("certificate", domains, directory)).await
    }

    async fn store_cert(&self, domains: &[String], directory: &str, certificate: &[u8]) -> io::Result<()> {
        self.write(name("certificate", domains, directory), certificate).await
    }
}

#[async_trait]
impl AccountCache for Cache {
    type EA = io::Error;

    async fn load_account(&self, contact: &[String], directory: &str) -> io::Result<Option<Vec<u8>>> {
        self.read(name("account", contact, directory)).await
    }

    async fn store_account(&self, contact: &[String], directory: &str, key: &[u8]) -> io::Result<()> {
        self.write(name("account", contact, directory), key).await
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    const DIRECTORY: &str = "https://ca.example/directory";

    #[tokio::test]
    async fn what_is_kept_is_found_again_for_the_same_names_and_authority_and_by_the_owner_alone() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("a/b");
        let cache = Cache::open(path.clone()).expect("a cache");
        let names = ["a.example".to_owned(), "b.example".to_owned()];
        assert_eq!(cache.load_cert(&names, DIRECTORY).await.expect("read"), None);
        for content in [&b"one"[..], b"two"] {
            cache.store_cert(&names, DIRECTORY, content).await.expect("written");
            cache.store_account(&[], DIRECTORY, b"key").await.expect("written");
            let again = Cache::open(path.clone()).expect("a cache");
            assert_eq!(again.load_cert(&names, DIRECTORY).await.expect("read").as_deref(), Some(content));
        }
        assert_eq!(cache.load_account(&[], DIRECTORY).await.expect("read").as_deref(), Some(&b"key"[..]));
        assert_eq!(cache.load_cert(&names, "https://other.example/").await.expect("read"), None);
        assert_eq!(cache.load_cert(&names[..1], DIRECTORY).await.expect("read"), None);
        let mode = |path: &std::path::Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        let files: Vec<_> = fs::read_dir(&path).expect("files").flatten().map(|file| mode(&file.path())).collect();
        assert_eq!(files, [0o600; 2]);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_refused() {
        let folder = TempDir::new().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, "").expect("written");
        assert!(Cache::open(file.join("below")).is_err());
    }
}
