//! The chapters in their order, as the summary lists them.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use mdbook_summary::{Link, SummaryItem, parse_summary};

use crate::SUMMARY;

/// The folder whose files are chapters without a line in the summary: their index lists them.
const DECISIONS: &str = "decisions";

/// One chapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chapter {
    /// Its name in the contents, and in the title.
    pub name: String,
    /// Its file, below the folder of the book.
    pub source: PathBuf,
    /// Its page, below the book.
    pub path: String,
    /// The part of the book that begins with it, if it has a title.
    pub part: Option<String>,
    /// The number of chapters above it.
    pub depth: usize,
    /// False if only its index leads to it.
    pub is_listed: bool,
}

impl Chapter {
    fn new(name: &str, source: &Path) -> Self {
        let (source, path) = (source.to_owned(), page_of(source));
        Self { name: name.to_owned(), source, path, part: None, depth: 0, is_listed: true }
    }
}

/// All chapters of the book in `folder`.
///
/// # Errors
/// The summary cannot be read, or has a chapter without a file.
pub fn chapters(folder: &Path) -> Result<Vec<Chapter>> {
    let file = folder.join(SUMMARY);
    let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    let summary = parse_summary(&text).with_context(|| file.display().to_string())?;
    let (mut chapters, mut part) = (Vec::new(), None);
    for item in summary.prefix_chapters.iter().chain(&summary.numbered_chapters).chain(&summary.suffix_chapters) {
        match item {
            SummaryItem::Link(link) => add(folder, link, part.take(), 0, &mut chapters)?,
            SummaryItem::PartTitle(title) => part = Some(title.clone()),
            _ => {}
        }
    }
    Ok(chapters)
}

/// Adds a chapter and those below it.
fn add(folder: &Path, link: &Link, part: Option<String>, depth: usize, to: &mut Vec<Chapter>) -> Result<()> {
    let source = link.location.as_deref().filter(|it| !it.as_os_str().is_empty());
    let source =
        source.with_context(|| format!("{SUMMARY}: “{}” has no file: name one, or remove the line", link.name))?;
    ensure!(folder.join(source).is_file(), "{SUMMARY} lists {}, which is not there", source.display());
    to.push(Chapter { part, depth, ..Chapter::new(&link.name, source) });
    if source.parent() == Some(Path::new(DECISIONS)) {
        decisions(folder, source, depth + 1, to)?;
    }
    for item in &link.nested_items {
        if let SummaryItem::Link(link) = item {
            add(folder, link, None, depth + 1, to)?;
        }
    }
    Ok(())
}

/// Adds the files beside the index of the decisions, named by their first lines.
fn decisions(folder: &Path, index: &Path, depth: usize, to: &mut Vec<Chapter>) -> Result<()> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder.join(DECISIONS))? {
        names.push(Path::new(DECISIONS).join(entry?.file_name()));
    }
    names.sort();
    for source in names.iter().filter(|it| *it != index && it.extension().is_some_and(|it| it == "md")) {
        let text = fs::read_to_string(folder.join(source))?;
        let title = text.lines().next().unwrap_or_default().trim_start_matches("# ");
        to.push(Chapter { depth, is_listed: false, ..Chapter::new(title, source) });
    }
    Ok(())
}

/// The page that is made of a file: `SEND.md` becomes `send.html`, and `README.md` the index of
/// its folder.
fn page_of(source: &Path) -> String {
    let page = if source.ends_with("README.md") { source.with_file_name("index") } else { source.with_extension("") };
    format!("{}.html", page.to_string_lossy().to_lowercase())
}

/// A path as it is meant: without `.` and `..`, except for those that lead out of the book.
pub fn resolved(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if clean.file_name().is_some() => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}
