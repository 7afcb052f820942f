//! One chapter: Markdown into HTML, with links to pages in place of links to files.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use mdbook_markdown::{
    MarkdownOptions, new_cmark_parser,
    pulldown_cmark::{CodeBlockKind, CowStr, Event, HeadingLevel, Tag, TagEnd, html::push_html},
};

use crate::{
    Chapter,
    chapters::resolved,
    frame::{escaped, up},
};

/// The place of the secret in the templates of code for receivers (`app/src/receiver_code`),
/// and what stands there for readers.
const SECRET: (&str, &str) = ("{{secret}}", "whsec_…");

/// A heading of the second level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    pub id: String,
    pub text: String,
}

/// What a chapter becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    pub html: String,
    pub headings: Vec<Heading>,
}

/// Renders a chapter of the book in `folder`; `paths` has the page of each file.
pub fn render(folder: &Path, chapter: &Chapter, text: &str, paths: &BTreeMap<PathBuf, String>) -> Result<Content> {
    let text = with_includes(&folder.join(&chapter.source), text)?;
    let events: Vec<_> = new_cmark_parser(&text, &options()).collect();
    let mut headings = Vec::new();
    let mut changed = Vec::with_capacity(events.len());
    let mut ids = BTreeMap::new();
    let mut without_link = 0;
    for (place, event) in events.iter().enumerate() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                let text = text_of_heading(&events[place..]);
                let id = fresh(anchor(&text), &mut ids);
                changed.push(raw(format!("<{level} id=\"{}\">", escaped(&id))));
                if *level == HeadingLevel::H2 {
                    headings.push(Heading { id, text });
                }
            }
            // What scrolls must be reached by keyboard.
            Event::Start(Tag::CodeBlock(kind)) => {
                changed.push(raw(format!("<pre class=\"code\" tabindex=\"0\">{}", code(kind))));
            }
            Event::End(TagEnd::CodeBlock) => changed.push(raw("</code></pre>\n".to_owned())),
            Event::Start(Tag::Table(_)) => {
                changed.extend([raw("<div class=\"book-table\" tabindex=\"0\">".to_owned()), event.clone()]);
            }
            Event::End(TagEnd::Table) => changed.extend([event.clone(), raw("</div>\n".to_owned())]),
            Event::Start(Tag::Link { dest_url, .. }) => match target(chapter, dest_url, paths)? {
                Target::At(url) => changed.push(raw(format!("<a href=\"{}\">", escaped(&url)))),
                Target::Outside => without_link += 1,
            },
            Event::End(TagEnd::Link) if without_link > 0 => without_link -= 1,
            Event::Start(Tag::Image { dest_url, .. }) => bail!("the book has no place for pictures: {dest_url}"),
            other => changed.push(other.clone()),
        }
    }
    let mut html = String::with_capacity(text.len() * 2);
    push_html(&mut html, changed.into_iter());
    Ok(Content { html: without_inline_styles(&without_empty_heads(&html)), headings })
}

/// Removes the heads of tables whose columns have no titles, and makes a cell of the title that
/// one column lacks.
fn without_empty_heads(html: &str) -> String {
    let mut pieces = html.split("<thead>");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match piece.split_once("</thead>") {
            Some((head, rest)) if head.replace("<tr>", "").replace("</tr>", "").replace("<th></th>", "").is_empty() => {
                out.push_str(rest);
            }
            _ => out.extend(["<thead>", piece]),
        }
    }
    out.replace("<th></th>", "<td></td>")
}

/// Aligns columns by a class: the policy of the pages takes no inline style.
fn without_inline_styles(html: &str) -> String {
    html.replace(" style=\"text-align: right\"", " class=\"number\"")
        .replace(" style=\"text-align: left\"", "")
        .replace(" style=\"text-align: center\"", "")
}

/// As on hosted pages, which leave quotes as they are.
pub fn options() -> MarkdownOptions {
    let mut options = MarkdownOptions::default();
    options.smart_punctuation = false;
    options.definition_lists = false;
    options
}

fn raw(html: String) -> Event<'static> {
    Event::Html(html.into())
}

/// The text with each `{{#include FILE}}` replaced by the file, which is named from the chapter.
pub fn with_includes(file: &Path, text: &str) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        if let Some(name) = line.trim().strip_prefix("{{#include ").and_then(|rest| rest.strip_suffix("}}")) {
            let included = fs::read_to_string(file.with_file_name(name));
            let included = included.with_context(|| format!("{name} cannot be included"))?;
            out.push_str(included.replace(SECRET.0, SECRET.1).trim_end());
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
    Ok(out)
}

/// The text of the heading that these events begin with.
fn text_of_heading(events: &[Event<'_>]) -> String {
    let inside = events.iter().take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))));
    inside
        .filter_map(|event| if let Event::Text(text) | Event::Code(text) = event { Some(&**text) } else { None })
        .collect()
}

/// The anchor of a heading, as hosted pages make it.
fn anchor(text: &str) -> String {
    let text = text.trim().to_lowercase().replace(' ', "-");
    text.chars().filter(|it| it.is_alphanumeric() || *it == '-' || *it == '_').collect()
}

/// An id that the page does not have yet.
fn fresh(id: String, known: &mut BTreeMap<String, usize>) -> String {
    let count = known.entry(id.clone()).or_default();
    *count += 1;
    if *count == 1 { id } else { format!("{id}-{}", *count - 1) }
}

/// The tag of a block of code, with its language: the first word of the info string.
fn code(kind: &CodeBlockKind<'_>) -> String {
    let language = match kind {
        CodeBlockKind::Fenced(info) => info.split_whitespace().next().unwrap_or_default(),
        CodeBlockKind::Indented => "",
    };
    if language.is_empty() { "<code>".to_owned() } else { format!("<code class=\"language-{}\">", escaped(language)) }
}

/// Where a link leads.
enum Target {
    At(String),
    /// To a file that is not in the book.
    Outside,
}

fn target(chapter: &Chapter, url: &CowStr<'_>, paths: &BTreeMap<PathBuf, String>) -> Result<Target> {
    if url.contains("://") || url.starts_with(['#', '/']) || url.starts_with("mailto:") {
        return Ok(Target::At(url.to_string()));
    }
    let (file, fragment) = url.split_once('#').unwrap_or((url, ""));
    let source = resolved(&chapter.source.with_file_name("").join(file));
    if source.starts_with("..") {
        return Ok(Target::Outside);
    }
    let page = paths.get(&source).with_context(|| format!("{url} leads to no chapter"))?;
    let fragment = if fragment.is_empty() { String::new() } else { format!("#{fragment}") };
    Ok(Target::At(format!("{}{page}{fragment}", up(&chapter.path))))
}
