//! The style sheet: joins the files of `style`, without comments and indentation.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};

/// Returns a style sheet, minified, with its imports in place.
pub fn bundle(path: &Path) -> Result<String> {
    Ok(minify(&inline(path)?))
}

/// Replaces each `@import url("file.css") layer(name);` by the file in its layer.
fn inline(path: &Path) -> Result<String> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut out = String::new();
    for line in text.lines() {
        match line.trim().strip_prefix("@import ") {
            None => out.push_str(line),
            Some(rule) => {
                let (file, layer) = import(rule).with_context(|| format!("in {}: {line}", path.display()))?;
                let content = inline(&folder.join(file))?;
                match layer {
                    Some(layer) => out.extend(["@layer ", layer, " {\n", &content, "\n}"]),
                    None => out.push_str(&content),
                }
            }
        }
        out.push('\n');
    }
    Ok(out)
}

/// The file and the layer of an `@import` rule, which stands on one line.
fn import(rule: &str) -> Result<(&str, Option<&str>)> {
    let rule = rule.trim().strip_suffix(';').context("an import must end on its line")?;
    let mut parts = rule.split('"');
    let (before, file, after) = (parts.next(), parts.next(), parts.next());
    ensure!(matches!(before, Some("" | "url(")), "write @import url(\"file.css\")");
    let rest = after.unwrap_or_default().trim_start_matches(')').trim();
    let layer = rest.strip_prefix("layer(").and_then(|it| it.strip_suffix(')'));
    ensure!(rest.is_empty() || layer.is_some(), "only layer(…) may follow the file");
    Ok((file.context("an import must name a file")?, layer))
}

/// Removes comments and insignificant white space outside strings.
fn minify(css: &str) -> String {
    let mut out = String::with_capacity(css.len());
    let mut rest = css;
    while let Some(first) = rest.chars().next() {
        let len = match first {
            '"' | '\'' => string_len(rest, first),
            '/' if rest.starts_with("/*") => {
                rest = rest.split_once("*/").map_or("", |(_, after)| after);
                continue;
            }
            space if space.is_ascii_whitespace() => {
                rest = rest.trim_ascii_start();
                let removable = |side: Option<char>| side.is_none_or(|it| matches!(it, '{' | '}' | ';' | ','));
                // A comment may stand between two spaces.
                if !removable(out.chars().last()) && !removable(rest.chars().next()) && !out.ends_with(' ') {
                    out.push(' ');
                }
                continue;
            }
            other => other.len_utf8(),
        };
        if first == '}' && out.ends_with(';') {
            out.pop();
        }
        out.push_str(&rest[..len]);
        rest = &rest[len..];
    }
    out
}

/// The length of the quoted string that `text` begins with, in bytes, with its quotes.
fn string_len(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (index, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            letter if letter == quote => return index + quote.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_put_into_their_layers() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file");
        write("main.css", "@layer a, b;\n@import url(\"a.css\") layer(a);\n@import \"b.css\" layer(b);\n");
        write("a.css", "a { color: red; }\n");
        write("b.css", "@import url(\"c.css\");\n");
        write("c.css", "b { color: blue; }\n");
        let bundled = bundle(&folder.path().join("main.css")).expect("a style sheet");
        assert_eq!(bundled, "@layer a,b;@layer a{a{color: red}}@layer b{b{color: blue}}");
    }

    #[test]
    fn an_import_of_another_form_is_refused() {
        for rule in ["url(a.css);", "\"a.css\" screen;", "\"a.css\""] {
            assert!(import(rule).is_err(), "{rule}");
        }
    }

    #[test]
    fn significant_white_space_stays() {
        for (css, minified) in [
            ("a  :hover /* x */ b { }", "a :hover b{}"),
            ("a { width: calc(1px  +  2px) }", "a{width: calc(1px + 2px)}"),
            ("a::after { content: \" ; \\\" /* } \"; }", "a::after{content: \" ; \\\" /* } \"}"),
            ("a { & > b { color: red; } }", "a{& > b{color: red}}"),
        ] {
            assert_eq!(minify(css), minified);
        }
    }
}
