//! Imports inside the engine run one way, from the upper floors to the lower ones, and the
//! dashboard reaches the operations of the engine alone.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The modules of the engine from the ground up. Each imports only modules before it.
const FLOORS: [&str; 24] = [
    "actor",
    "clock",
    "random",
    "fault",
    "metrics",
    "notice",
    "request",
    "retry_after",
    "settings",
    "shutdown",
    "spans",
    "unusable",
    "seal",
    "outbound",
    "oidc",
    "db",
    "audit",
    "security_log",
    "queue",
    "limits",
    "deliver",
    "service",
    "backup",
    "engine",
];

/// Modules of the engine that the dashboard names. Its `error.rs` names the errors of
/// lower floors as well.
const SEEN_BY_THE_DASHBOARD: [&str; 10] =
    ["actor", "audit", "engine", "limits", "notice", "oidc", "request", "security_log", "service", "unusable"];

/// Files and folders for tests alone.
const TESTS: [&str; 5] = ["tests", "tests.rs", "plans.rs", "conformance.rs", "testing"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace")
}

/// The sources below a folder, without those for tests.
fn sources(path: &Path) -> Vec<PathBuf> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if TESTS.contains(&name) || name == "testing.rs" {
        return Vec::new();
    }
    if path.is_dir() {
        return fs::read_dir(path).expect("a folder").flatten().flat_map(|entry| sources(&entry.path())).collect();
    }
    if path.extension().is_some_and(|it| it == "rs") { vec![path.to_owned()] } else { Vec::new() }
}

/// The code of a source, without comments and tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source");
    let lines = text.lines().take_while(|line| *line != "mod tests {");
    lines.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The names that follow `prefix` in code: `prefix::a`, and `prefix::{a, b::{c}}`.
fn names_after(code: &str, prefix: &str) -> Vec<String> {
    let lists = code.split(prefix).skip(1).map(|rest| rest.strip_prefix('{').unwrap_or_else(|| first_word(rest)));
    lists.flat_map(first_level).collect()
}

/// The first word of each item of a list that ends with its closing brace or its text.
fn first_level(list: &str) -> Vec<String> {
    let (mut names, mut depth) = (vec![String::new()], 0);
    for letter in list.chars() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(String::new()),
            _ if depth == 0 => names.last_mut().expect("a name").push(letter),
            _ => {}
        }
    }
    names.iter().map(|name| first_word(name.trim()).to_owned()).filter(|name| !name.is_empty()).collect()
}

fn first_word(text: &str) -> &str {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap_or_default()
}

/// The module of the engine that has this name, which can be one that `lib.rs` re-exports.
fn module_of(name: &str) -> String {
    let library = code(&root().join("engine/src/lib.rs"));
    let exports = |line: &&str| line.starts_with("pub use ") && names_after(line, "::").iter().any(|it| it == name);
    let line = library.lines().find(exports);
    line.and_then(|line| line.strip_prefix("pub use ")).map_or(name, first_word).to_owned()
}

#[test]
fn each_floor_of_the_engine_imports_lower_ones_alone() {
    let engine = root().join("engine/src");
    let floor = |module: &str| FLOORS.iter().position(|floor| *floor == module);
    for path in sources(&engine).iter().filter(|path| !path.ends_with("lib.rs")) {
        let inside = path.strip_prefix(&engine).expect("a path in the engine").to_string_lossy();
        let own = floor(first_word(&inside));
        assert!(own.is_some(), "{inside} has no floor");
        for module in names_after(&code(path), "crate::").iter().map(|name| module_of(name)) {
            assert!(module == "testing" || floor(&module) <= own, "{inside} imports {module}");
        }
    }
}

#[test]
fn the_dashboard_reaches_the_operations_of_the_engine_alone() {
    let pages = sources(&root().join("app/src"));
    for path in pages.iter().filter(|path| !path.ends_with("app/src/error.rs")) {
        for module in names_after(&code(path), "signet_engine::").iter().map(|name| module_of(name)) {
            assert!(SEEN_BY_THE_DASHBOARD.contains(&module.as_str()), "{} imports {module}", path.display());
        }
    }
}
