//! The checksums of crates, as `Cargo.lock` has them.

use std::collections::HashMap;

/// The SHA-256 of each crate that comes from a registry, by name and version.
pub fn checksums(lock: &str) -> HashMap<(String, String), String> {
    let mut checksums = HashMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let value = |key: &str| {
            let beginning = format!("{key} = \"");
            package.lines().find_map(|line| line.strip_prefix(&beginning)?.strip_suffix('"')).map(str::to_owned)
        };
        if let (Some(name), Some(version), Some(checksum)) = (value("name"), value("version"), value("checksum")) {
            checksums.insert((name, version), checksum);
        }
    }
    checksums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_of_a_registry_have_checksums_and_those_of_the_workspace_none() {
        let lock = "version = 4\n\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\ndependencies = [\n \"other\",\n]\n\n\
                    [[package]]\nname = \"other\"\nversion = \"1.2.3\"\nsource = \"registry+x\"\nchecksum = \"abc\"\n";
        let checksums = checksums(lock);
        assert_eq!(checksums.len(), 1);
        assert_eq!(checksums[&("other".to_owned(), "1.2.3".to_owned())], "abc");
    }
}
