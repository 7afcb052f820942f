//! HTML, written element by element; every text is escaped.

use serde_json::Value;

/// A page that is being written.
pub struct Page(String);

impl Page {
    /// A page with this title and style sheet.
    pub fn new(title: &str, stylesheet: &str) -> Self {
        Self(format!(
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"color-scheme\" content=\"light dark\"><title>{} · Signet</title>\
             <link rel=\"icon\" type=\"image/svg+xml\" href=\"/favicon.svg\">\
             <link rel=\"stylesheet\" href=\"{}\"></head><body>\
             <a class=\"skip-link\" href=\"#main\">Skip to content</a>",
            escaped(title),
            escaped(stylesheet)
        ))
    }

    /// The whole page.
    pub fn finish(mut self) -> String {
        self.0.push_str("</body></html>");
        self.0
    }

    /// Adds HTML as it is.
    pub fn raw(&mut self, html: &str) {
        self.0.push_str(html);
    }

    /// Adds a text.
    pub fn text(&mut self, text: &str) {
        self.0.push_str(&escaped(text));
    }

    /// Begins an element; `tag` has its attributes.
    pub fn open(&mut self, tag: &str) {
        self.raw(&format!("<{tag}>"));
    }

    /// Ends an element.
    pub fn close(&mut self, name: &str) {
        self.raw(&format!("</{name}>"));
    }

    /// Adds an element with a text.
    pub fn element(&mut self, name: &str, text: &str) {
        self.raw(&format!("<{name}>{}</{name}>", escaped(text)));
    }

    /// Adds a paragraph, in which backticks make code, unless it is empty.
    pub fn prose(&mut self, text: &str) {
        if !text.is_empty() {
            self.raw(&format!("<p>{}</p>", with_code(text)));
        }
    }

    /// Adds a link to a place on the page, as an item of a list.
    pub fn link_item(&mut self, id: &str, text: &str) {
        self.raw(&format!("<li><a href=\"#{}\">{}</a></li>", escaped(id), escaped(text)));
    }

    /// Adds a member to a description list: a name, its kind, and its meaning, so many levels in.
    pub fn member(&mut self, name: &str, kind: &str, meaning: &str, depth: usize) {
        self.open(&format!("div class=\"level-{}\"", depth.min(3)));
        self.definition(name, kind, meaning);
        self.close("div");
    }

    /// Adds a name, its kind and, if there is one, its meaning.
    pub fn definition(&mut self, name: &str, kind: &str, meaning: &str) {
        self.raw(&format!("<dt><code>{}</code></dt><dd>{}</dd>", escaped(name), escaped(kind)));
        if !meaning.is_empty() {
            self.raw(&format!("<dd class=\"meaning\">{}</dd>", with_code(meaning)));
        }
    }

    /// Adds an example.
    pub fn example(&mut self, text: &str) {
        self.raw(&format!("<pre class=\"code\" tabindex=\"0\">{}</pre>", escaped(text)));
    }
}

/// The text of a value that is one, or none.
pub fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A text without the letters that mean something in HTML.
pub fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

/// An escaped text, in which backticks make code.
fn with_code(text: &str) -> String {
    let piece = |(place, piece): (usize, &str)| {
        let piece = escaped(piece);
        if place % 2 == 1 { format!("<code>{piece}</code>") } else { piece }
    };
    text.split('`').enumerate().map(piece).collect()
}
