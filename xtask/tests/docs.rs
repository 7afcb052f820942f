//! The documentation names only paths, tests, types and links that exist, and the code map
//! lists each folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Folders of git, of builds and of test runs.
const NOT_SOURCES: [&str; 6] = [".git", "artifacts", "data", "node_modules", "target", "test-results"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace")
}

/// All files below a folder with one of these extensions.
fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && !NOT_SOURCES.iter().any(|it| name == **it) {
            found.extend(files(&path, extensions));
        } else if extensions.iter().any(|extension| has_extension(&path, extension)) {
            found.push(path);
        }
    }
    found
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|it| it == extension)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Each page with its text, blocks of code left out. Fails with the complaints that `check`
/// has about them.
fn check_pages(check: impl Fn(&Path, &str) -> Vec<String>) {
    let beside = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name));
    let mut complaints = Vec::new();
    for page in files(&root().join("docs"), &["md"]).into_iter().chain(beside) {
        let text: String = read(&page).split("```").step_by(2).collect();
        complaints.extend(check(&page, &text).iter().map(|it| format!("{}: {it}", page.display())));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// The pieces of a text in backticks, each after the text before it.
fn codes(text: &str) -> Vec<(&str, &str)> {
    let pieces: Vec<_> = text.split('`').collect();
    pieces.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
}

#[test]
fn each_named_path_exists() {
    let is_path = |code: &&str| {
        let top = code.split_once('/').map_or("", |(top, _)| top);
        !top.is_empty() && top != "target" && root().join(top).is_dir() && !code.contains([' ', '*'])
    };
    // Of a path with a placeholder, the folder that is known.
    let known = |code: &str| {
        code.split_once('<').map_or(code, |(start, _)| &start[..=start.rfind('/').unwrap_or(0)]).to_owned()
    };
    check_pages(|_, text| {
        let paths = codes(text).into_iter().map(|(_, code)| code).filter(is_path).map(known);
        paths.filter(|path| !root().join(path).exists()).collect()
    });
}

#[test]
fn each_named_test_exists() {
    let is_name = |code: &str| code.chars().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_');
    check_pages(|_, text| {
        let (mut file, mut missing) = ("", Vec::new());
        for (before, code) in codes(text) {
            if has_extension(Path::new(code), "rs") && !code.contains('<') {
                file = code;
            } else if file.is_empty() || !is_name(code) || ![": ", ", ", " and "].contains(&before) {
                file = "";
            } else if !read(&root().join(file)).contains(&format!("fn {code}(")) {
                missing.push(format!("{file}: {code}"));
            }
        }
        missing
    });
}

#[test]
fn each_named_type_exists() {
    let sources: String = files(root(), &["rs"]).iter().map(|path| read(path)).collect();
    let is_type = |code: &&str| {
        code.starts_with(|it: char| it.is_ascii_uppercase())
            && code.contains(|it: char| it.is_ascii_lowercase())
            && code.chars().all(|it| it.is_ascii_alphanumeric() || it == ':' || it == '_')
    };
    check_pages(|_, text| {
        let types = codes(text).into_iter().map(|(_, code)| code).filter(is_type).flat_map(|code| code.split("::"));
        types.filter(|name| !sources.contains(name)).map(str::to_owned).collect()
    });
}

/// The anchor of a heading on hosted pages.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    text.chars().filter(|it| it.is_alphanumeric() || *it == '-' || *it == '_').collect()
}

#[test]
fn each_link_leads_to_a_page_and_a_heading() {
    check_pages(|page, text| {
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
        let is_broken = |link: &&str| {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.to_owned() } else { page.with_file_name(file) };
            let is_heading = |line: &str| line.starts_with('#') && anchor(line) == heading;
            !target.exists() || !heading.is_empty() && !read(&target).lines().any(is_heading)
        };
        links.filter(|link| !link.starts_with("http")).filter(is_broken).map(str::to_owned).collect()
    });
}

#[test]
fn each_decision_is_in_the_index_under_its_number() {
    let index = read(&root().join("docs/decisions/README.md"));
    for path in files(&root().join("docs/decisions"), &["md"]).iter().filter(|path| !path.ends_with("README.md")) {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        let number = name.split('-').next().expect("a number");
        assert!(index.contains(&format!("[{number}]({name})")), "{name} is not in the index");
        assert!(read(path).starts_with(&format!("# {number}. ")), "{name} has another number in its title");
    }
}

#[test]
fn the_code_map_lists_each_folder() {
    let map = read(&root().join("docs/ARCHITECTURE.md"));
    for file in files(root(), &["rs", "js", "css", "sql"]) {
        let path = file.parent().expect("a folder");
        let folder = path.strip_prefix(root()).expect("a folder below the root").display();
        let has_manifest = ["Cargo.toml", "package.json"].iter().any(|name| path.join(name).exists());
        assert!(has_manifest || map.contains(&format!("`{folder}/`")), "{folder} is not in the code map");
    }
}
