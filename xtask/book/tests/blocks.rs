//! Every block of code in the pages says how it is tested, and what can be read here is read.
//! `end2end/receivers/docs.test.js` runs the commands.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use xtask_book::blocks::{Block, Check, blocks, tested_pages};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("a workspace")
}

fn all_blocks() -> Vec<Block> {
    let pages = tested_pages(root()).expect("the pages");
    pages.iter().flat_map(|page| blocks(root(), page).unwrap_or_else(|error| panic!("{error:#}"))).collect()
}

/// Fails with the complaints that `check` has about blocks.
fn check_blocks(check: impl Fn(&Block) -> Result<(), String>) {
    let mut complaints = String::new();
    for block in all_blocks() {
        if let Err(complaint) = check(&block) {
            let _ = writeln!(complaints, "{}:{}: {complaint}", block.page.display(), block.line);
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
}

#[test]
fn each_block_says_how_it_is_tested() {
    let blocks = all_blocks();
    let run = blocks.iter().filter(|block| matches!(block.check, Check::Run | Check::Start)).count();
    assert!(blocks.len() > 40 && run > 10, "{run} of {} blocks are run", blocks.len());
}

#[test]
fn data_is_well_formed() {
    check_blocks(|block| {
        if block.check != Check::Data {
            return Ok(());
        }
        match block.language.as_str() {
            "json" => {
                // Several values may stand below each other.
                let mut values = serde_json::Deserializer::from_str(&block.text).into_iter::<serde_json::Value>();
                values.try_for_each(|value| value.map(drop).map_err(|error| error.to_string()))
            }
            "toml" => toml::from_str::<toml::Table>(&block.text).map(drop).map_err(|error| error.to_string()),
            _ => {
                let value = serde_saphyr::from_str::<serde_json::Value>(&block.text);
                value.map(drop).map_err(|error| error.to_string())
            }
        }
    });
}

#[test]
fn a_test_that_is_named_by_a_block_exists() {
    check_blocks(|block| match &block.check {
        Check::By(file) if !root().join(file).is_file() => Err(format!("{} is not there", file.display())),
        _ => Ok(()),
    });
}

#[test]
fn commands_that_are_not_run_have_no_fault_of_syntax() {
    check_blocks(|block| {
        let is_shell = block.language == "sh" && !matches!(block.check, Check::Run | Check::Start);
        let is_python = block.language == "python";
        match (is_shell, is_python) {
            (true, _) => reads("bash", &["-n"], &block.text),
            (_, true) => reads("python3", &["-c", "import ast, sys; ast.parse(sys.stdin.read())"], &block.text),
            _ => Ok(()),
        }
    });
}

#[test]
fn scripts_have_no_fault_of_syntax() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("block.mjs");
    check_blocks(|block| {
        if block.language != "js" {
            return Ok(());
        }
        std::fs::write(&file, &block.text).map_err(|error| error.to_string())?;
        reads("node", &["--check", &file.to_string_lossy()], "")
    });
}

/// Hands a text to a program that only reads it.
fn reads(program: &str, arguments: &[&str], text: &str) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("{program} cannot be started: {error}"))?;
    let mut input = child.stdin.take().ok_or("no input")?;
    input.write_all(text.as_bytes()).map_err(|error| error.to_string())?;
    drop(input);
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

#[test]
fn each_page_is_in_the_book() {
    let chapters = xtask_book::chapters(&root().join("docs")).expect("the chapters");
    let pages = tested_pages(root()).expect("the pages");
    for page in pages.iter().filter_map(|page| page.strip_prefix("docs").ok()) {
        let is_in = page == Path::new(xtask_book::SUMMARY) || chapters.iter().any(|it| it.source == page);
        assert!(is_in, "docs/{} has no line in docs/SUMMARY.md", page.display());
    }
}

#[test]
fn the_book_is_made_without_scripts_and_inline_styles() {
    let pages = xtask_book::pages(&root().join("docs"), "book.css").expect("the book");
    assert!(pages.len() > 80);
    for page in &pages {
        for inline in ["<script", " style=", " onclick=", "javascript:"] {
            assert!(!page.html.contains(inline), "{} has {inline}", page.path);
        }
    }
}

#[test]
fn each_language_of_the_dashboard_has_a_page_with_the_same_code() {
    let blocks = all_blocks();
    for entry in std::fs::read_dir(root().join("app/src/receiver_code")).expect("the templates").flatten() {
        let template = std::fs::read_to_string(entry.path()).expect("a template");
        let code = template.replace("{{secret}}", "whsec_…");
        assert!(
            blocks.iter().any(|block| block.text.trim() == code.trim() && block.page.starts_with("docs/receive")),
            "no page below docs/receive includes {}",
            entry.file_name().display()
        );
    }
}
