//! The blocks of code in the pages. Each says in its info string how it is tested:
//!
//! | info string | |
//! |---|---|
//! | `json`, `yaml`, `toml` | data: it must be well formed |
//! | `text`, `mermaid` | output, or a drawing: nothing to test |
//! | `sh run` | run in the order of its page (`end2end/receivers/docs.test.js`), and its answers compared |
//! | `sh start` | started by the same test, until the page ends |
//! | `js by FILE` | run by another test, which is named |
//! | `sh not run: REASON` | only its syntax is checked |
//!
//! The language can be any other one too; what is not data must say who runs it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use mdbook_markdown::{
    new_cmark_parser,
    pulldown_cmark::{CodeBlockKind, Event, Tag, TagEnd},
};

use crate::markdown::{options, with_includes};

/// Languages of data, which a reader of theirs checks.
const DATA: [&str; 3] = ["json", "toml", "yaml"];
/// Languages in which nothing can be wrong.
const PICTURES: [&str; 2] = ["mermaid", "text"];

/// How a block is tested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// It must be well formed.
    Data,
    /// Nothing is to be tested.
    Picture,
    /// Run with the other blocks of its page.
    Run,
    /// Started, and ended with its page.
    Start,
    /// Run by the test in this file.
    By(PathBuf),
    /// Not run, for this reason.
    NotRun(String),
}

impl Check {
    /// Reads an info string.
    ///
    /// # Errors
    /// It does not say how the block is tested. The error tells what can stand there.
    pub fn parse(info: &str) -> Result<Self> {
        let (language, how) = info.split_once(' ').unwrap_or((info, ""));
        ensure!(!language.is_empty(), "name a language, or “text”");
        Ok(match how.trim() {
            "" if DATA.contains(&language) => Self::Data,
            "" if PICTURES.contains(&language) => Self::Picture,
            "run" if language == "sh" => Self::Run,
            "start" if language == "sh" => Self::Start,
            how => match (how.strip_prefix("by "), how.strip_prefix("not run: ")) {
                (Some(file), _) => Self::By(file.into()),
                (_, Some(reason)) if !reason.trim().is_empty() => Self::NotRun(reason.trim().to_owned()),
                _ => bail!(
                    "say behind “{language}” how it is tested: “run” or “start” (of sh), “by FILE”, or “not run: REASON”"
                ),
            },
        })
    }
}

/// A block of code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The page, below the folder of the repository.
    pub page: PathBuf,
    /// The line on which it begins.
    pub line: usize,
    /// The first word of the info string.
    pub language: String,
    /// How it is tested.
    pub check: Check,
    /// What stands in it, with included files in their places.
    pub text: String,
}

/// The pages of a repository whose blocks are tested: those of the book, and the README.
///
/// # Errors
/// The folder `docs` cannot be read.
pub fn tested_pages(root: &Path) -> Result<Vec<PathBuf>> {
    let mut pages = vec![PathBuf::from("README.md")];
    let mut folders = vec![PathBuf::from("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let path = folder.join(entry?.file_name());
            if root.join(&path).is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    Ok(pages)
}

/// The blocks of a page.
///
/// # Errors
/// A block does not say how it is tested, or includes a file that is not there.
pub fn blocks(root: &Path, page: &Path) -> Result<Vec<Block>> {
    let file = root.join(page);
    let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", page.display()))?;
    let mut found = Vec::new();
    let mut open: Option<(usize, String, String)> = None;
    for (event, place) in new_cmark_parser(&text, &options()).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let info = if let CodeBlockKind::Fenced(info) = kind { info.to_string() } else { String::new() };
                open = Some((text[..place.start].matches('\n').count() + 1, info, String::new()));
            }
            Event::Text(piece) => {
                if let Some((_, _, text)) = &mut open {
                    text.push_str(&piece);
                }
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some((line, info, text)) = open.take() {
                    let place = || format!("{}:{line}", page.display());
                    let language = info.split_whitespace().next().unwrap_or_default().to_owned();
                    let check = Check::parse(&info).with_context(place)?;
                    let text = with_includes(&file, &text).with_context(place)?;
                    found.push(Block { page: page.to_owned(), line, language, check, text });
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_info_string_says_how_a_block_is_tested() {
        let not_run = Check::NotRun("it never ends".to_owned());
        for (info, check) in [
            ("json", Check::Data),
            ("text", Check::Picture),
            ("sh run", Check::Run),
            ("sh start", Check::Start),
            ("js by end2end/a.test.js", Check::By("end2end/a.test.js".into())),
            ("sh not run: it never ends", not_run),
        ] {
            assert_eq!(Check::parse(info).expect(info), check);
        }
        for info in ["", "sh", "sql run", "js", "python maybe", "sh not run: ", "rust ignore", "ini"] {
            assert!(Check::parse(info).is_err(), "{info}");
        }
    }

    #[test]
    fn a_block_is_found_with_its_line_and_what_it_includes() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file");
        write("a.md", "# A\n\n```sh run\nls\n```\n\n- in a list\n\n  ```js by b.js\n  {{#include b.js}}\n  ```\n");
        write("b.js", "b('{{secret}}');\n");
        let found = blocks(folder.path(), Path::new("a.md")).expect("blocks");
        let told: Vec<_> = found.iter().map(|it| (it.line, &*it.language, &*it.text)).collect();
        assert_eq!(told, [(3, "sh", "ls\n"), (9, "js", "b('whsec_…');\n")]);
        write("a.md", "text\n\n```sh\nls\n```\n");
        let error = blocks(folder.path(), Path::new("a.md")).expect_err("no kind");
        assert!(format!("{error:#}").starts_with("a.md:3: say behind “sh”"), "{error:#}");
    }
}
