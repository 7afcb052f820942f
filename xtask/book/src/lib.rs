//! The documentation as a book: the chapters that `docs/SUMMARY.md` lists, each as a page of
//! HTML that needs no script.
//!
//! The format is that of [mdBook](https://rust-lang.github.io/mdBook/), read by mdBook's own
//! parts; the pages are our own.

pub mod blocks;
mod chapters;
mod frame;
mod markdown;

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};

pub use chapters::{Chapter, chapters};

/// The file that lists the chapters.
pub const SUMMARY: &str = "SUMMARY.md";

/// The page that is shown where there is none.
pub const MISSING: &str = "404.html";

/// The address of the book on a server.
pub const ADDRESS: &str = "/docs/";

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The path below the book, such as `decisions/index.html`.
    pub path: String,
    /// The whole document.
    pub html: String,
}

/// All pages of the chapters below `folder`, which use the style sheet with this name.
///
/// # Errors
/// A chapter cannot be read, or it links to a page that is not there. The error names both.
pub fn pages(folder: &Path, stylesheet: &str) -> Result<Vec<Page>> {
    let chapters = chapters(folder)?;
    let paths: BTreeMap<_, _> = chapters.iter().map(|it| (it.source.clone(), it.path.clone())).collect();
    let mut pages = Vec::new();
    for (place, chapter) in chapters.iter().enumerate() {
        let file = folder.join(&chapter.source);
        let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        let content = markdown::render(folder, chapter, &text, &paths).with_context(|| file.display().to_string())?;
        let html = frame::page(&chapters, place, &content, stylesheet);
        pages.push(Page { path: chapter.path.clone(), html });
    }
    pages.push(Page { path: MISSING.to_owned(), html: frame::missing(&chapters, stylesheet) });
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pages of a book with these files, by their paths.
    fn book(files: &[(&str, &str)]) -> Result<BTreeMap<String, String>> {
        let folder = tempfile::tempdir()?;
        for (name, text) in files {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().context("a folder")?)?;
            fs::write(file, text)?;
        }
        let pages = pages(&folder.path().join("docs"), "book.css")?;
        Ok(pages.into_iter().map(|page| (page.path, page.html)).collect())
    }

    #[test]
    fn chapters_lead_to_each_other_and_to_nothing_outside() {
        let pages = book(&[
            (
                "docs/SUMMARY.md",
                "# Signet\n\n[Signet](README.md)\n\n# Use it\n\n- [Send](SEND.md)\n  - [More](send/MORE.md)\n",
            ),
            (
                "docs/README.md",
                "# Signet\n\nSee [send](SEND.md#in-parts), [us](../LICENSE), [them](https://example.com).\n",
            ),
            ("docs/SEND.md", "# Send\n\n## In parts\n\nText.\n\n## In parts\n"),
            ("docs/send/MORE.md", "# More\n\nBack to [send](../SEND.md).\n"),
        ]);
        let pages = pages.expect("a book");
        let home = &pages["index.html"];
        assert!(home.contains("<a href=\"send.html#in-parts\">send</a>"), "{home}");
        assert!(home.contains(" us,") && !home.contains("LICENSE"), "{home}");
        assert!(home.contains("href=\"https://example.com\"") && home.contains("href=\"book.css\""));
        let more = &pages["send/more.html"];
        assert!(more.contains("<a href=\"../send.html\">send</a>") && more.contains("href=\"../book.css\""), "{more}");
        assert!(more.contains("<title>More · Signet</title>") && more.contains("aria-current=\"page\""));
        let send = &pages["send.html"];
        assert!(send.contains("id=\"in-parts\"") && send.contains("id=\"in-parts-1\""), "{send}");
        assert!(send.contains("rel=\"prev\"") && send.contains("rel=\"next\""));
        assert!(!home.contains("rel=\"prev\"") && !more.contains("rel=\"next\""));
        assert!(
            pages[MISSING].contains("href=\"/docs/send.html\"") && pages[MISSING].contains("href=\"/docs/book.css\"")
        );
    }

    #[test]
    fn a_file_can_stand_in_a_block_and_its_text_is_escaped() {
        let pages = book(&[
            ("docs/SUMMARY.md", "- [Code](CODE.md)\n"),
            (
                "docs/CODE.md",
                "# Code\n\n```js by a.test.js\n{{#include ../a.mjs}}\n```\n\n| | a |\n|---|--:|\n| b | c |\n\n| | |\n|---|---|\n| d | e |\n",
            ),
            ("a.mjs", "const SECRET = '{{secret}}'; a < b\n"),
        ]);
        let pages = pages.expect("a book");
        let page = &pages["code.html"];
        assert!(page.contains("<code class=\"language-js\">const SECRET = 'whsec_…'; a &lt; b\n</code>"), "{page}");
        assert!(page.contains("<div class=\"book-table\" tabindex=\"0\"><table>"), "{page}");
        assert!(page.contains("<thead><tr><td></td><th class=\"number\">a</th></tr></thead>"), "{page}");
        assert!(page.contains("<table><tr><td>d</td><td>e</td></tr>") || page.contains("<table><tbody>"), "{page}");
        assert!(!page.contains("<script") && !page.contains("style="), "{page}");
    }

    #[test]
    fn decisions_are_pages_without_a_line_in_the_summary() {
        let pages = book(&[
            ("docs/SUMMARY.md", "- [Decisions](decisions/README.md)\n- [Last](LAST.md)\n"),
            ("docs/decisions/README.md", "# Decisions\n\n[0001](0001-a.md)\n"),
            ("docs/decisions/0001-a.md", "# 0001. A\n"),
            ("docs/LAST.md", "# Last\n"),
        ]);
        let pages = pages.expect("a book");
        assert!(pages["decisions/index.html"].contains("href=\"../decisions/0001-a.html\""));
        let one = &pages["decisions/0001-a.html"];
        assert!(one.contains("<title>0001. A · Signet</title>") && !one.contains(">0001. A</a></li>"), "{one}");
    }

    #[test]
    fn what_is_not_there_is_named() {
        let cases = [
            ("- [A](A.md)\n", "# A\n\n[b](B.md)\n", "B.md"),
            ("- [A](A.md)\n", "# A\n\n![b](b.png)\n", "b.png"),
            ("- [A](A.md)\n", "# A\n\n```js\n{{#include b.js}}\n```\n", "b.js"),
            ("- [A](A.md)\n- [C](C.md)\n", "# A\n", "C.md"),
            ("- [A]()\n", "# A\n", "SUMMARY.md"),
        ];
        for (summary, chapter, named) in cases {
            let error = book(&[("docs/SUMMARY.md", summary), ("docs/A.md", chapter)]).expect_err(named);
            assert!(format!("{error:#}").contains(named), "{named}: {error:#}");
        }
    }
}
