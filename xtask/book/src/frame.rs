//! The document around each chapter: contents, headings, and the ways on and back.

use crate::{
    ADDRESS, Chapter,
    markdown::{Content, Heading},
};

/// The page of one chapter.
pub fn page(chapters: &[Chapter], place: usize, content: &Content, stylesheet: &str) -> String {
    let chapter = &chapters[place];
    let base = up(&chapter.path);
    let before = place.checked_sub(1).map(|before| &chapters[before]);
    let after = chapters.get(place + 1);
    let body = format!(
        "<main id=\"main\" class=\"book-main\" tabindex=\"-1\">{}{}</main>{}",
        content.html,
        turns(&base, before, after),
        headings(&content.headings)
    );
    document(&chapter.name, &base, stylesheet, &body, &contents(chapters, Some(place), &base))
}

/// The page for an address without one. It can be shown at any depth.
pub fn missing(chapters: &[Chapter], stylesheet: &str) -> String {
    let body = "<main id=\"main\" class=\"book-main\" tabindex=\"-1\"><h1>There is no such page</h1>\
                <p>The documentation of this version has no page at this address. The chapters are in the contents.</p></main>";
    document("No such page", ADDRESS, stylesheet, body, &contents(chapters, None, ADDRESS))
}

fn document(title: &str, base: &str, stylesheet: &str, body: &str, contents: &str) -> String {
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{} · Signet</title>\
         <link rel=\"icon\" type=\"image/svg+xml\" href=\"/favicon.svg\">\
         <link rel=\"stylesheet\" href=\"{base}{}\"></head><body>\
         <a class=\"skip-link\" href=\"#main\">Skip to content</a>\
         <header class=\"top-bar\"><a class=\"brand\" href=\"{base}index.html\">Signet</a>\
         <a class=\"book-to-contents\" href=\"#contents\">Contents</a>\
         <nav class=\"book-ways\" aria-label=\"Signet\"><a href=\"/docs/api\">API reference</a>\
         <a href=\"/\">Dashboard</a></nav></header>\
         <div class=\"book\">{body}{contents}</div></body></html>\n",
        escaped(title),
        escaped(stylesheet),
    )
}

/// The contents. It stands behind the page, so that a narrow screen begins with the page.
fn contents(chapters: &[Chapter], place: Option<usize>, base: &str) -> String {
    let mut html = String::from("<nav id=\"contents\" class=\"book-contents\" aria-label=\"Contents\"><ul>");
    let mut depth = 0;
    for (number, chapter) in chapters.iter().enumerate().filter(|(_, chapter)| chapter.is_listed) {
        while depth < chapter.depth {
            html.push_str("<li><ul>");
            depth += 1;
        }
        while depth > chapter.depth {
            html.push_str("</ul></li>");
            depth -= 1;
        }
        if let Some(part) = &chapter.part {
            html.extend(["</ul><p>", &escaped(part), "</p><ul>"]);
        }
        let current = if Some(number) == place { " aria-current=\"page\"" } else { "" };
        let (path, name) = (escaped(&chapter.path), escaped(&chapter.name));
        html.extend(["<li><a href=\"", base, &path, "\"", current, ">", &name, "</a></li>"]);
    }
    html.push_str(&"</ul></li>".repeat(depth));
    html.push_str("</ul></nav>");
    html.replace("<ul></ul>", "")
}

/// The headings of a page with several.
fn headings(headings: &[Heading]) -> String {
    if headings.len() < 2 {
        return String::new();
    }
    let link =
        |heading: &Heading| format!("<li><a href=\"#{}\">{}</a></li>", escaped(&heading.id), escaped(&heading.text));
    let links: String = headings.iter().map(link).collect();
    format!("<nav class=\"book-headings\" aria-label=\"On this page\"><p>On this page</p><ul>{links}</ul></nav>")
}

/// The ways to the chapters before and after.
fn turns(base: &str, before: Option<&Chapter>, after: Option<&Chapter>) -> String {
    let way = |relation: &str, label: &str, chapter: Option<&Chapter>| {
        chapter.map_or_else(String::new, |chapter| {
            let (path, name) = (escaped(&chapter.path), escaped(&chapter.name));
            format!("<a rel=\"{relation}\" href=\"{base}{path}\"><span>{label}</span> {name}</a>")
        })
    };
    let (back, on) = (way("prev", "Before", before), way("next", "Next", after));
    format!("<nav class=\"book-turns\" aria-label=\"Before and next\">{back}{on}</nav>")
}

/// The way from a page up to the folder of the book.
pub fn up(path: &str) -> String {
    "../".repeat(path.matches('/').count())
}

/// A text in HTML, also between quotes.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}
