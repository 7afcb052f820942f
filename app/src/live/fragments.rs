//! The live parts of a page, found in its HTML.
//!
//! The HTML is our own: attributes are in double quotes, and `<` and `>` are escaped in texts
//! and values, so that elements can be found by their tags alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
};

/// A live part of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fragment<'h> {
    /// The element, whole.
    pub(crate) html: &'h str,
    /// The id of the list that it is a row of.
    pub(crate) list: Option<&'h str>,
    /// The content, without what differs each time.
    pub(crate) hash: u64,
}

/// The live parts of a page, by their ids.
#[derive(Debug, Default)]
pub(crate) struct Fragments<'h> {
    parts: BTreeMap<&'h str, Fragment<'h>>,
    /// The marked elements, without their rows.
    marked: BTreeSet<&'h str>,
}

impl<'h> Fragments<'h> {
    /// The parts that are marked, and those that were before.
    pub(crate) fn of(html: &'h str, before: &BTreeSet<String>) -> Self {
        let mut found = Self::default();
        let mut place = 0;
        while let Some(tag) = Tag::next(html, place) {
            place = tag.end;
            let Some(id) = tag.attribute("id") else { continue };
            if tag.attribute("data-live-rows").is_some() {
                found.marked.insert(id);
                let end = element_end(html, &tag);
                found.add_rows(html, tag.end, end, id);
                place = end;
            } else if tag.attribute("data-live").is_some() || before.contains(id) {
                if tag.attribute("data-live").is_some() {
                    found.marked.insert(id);
                }
                let end = element_end(html, &tag);
                found.add(id, &html[tag.start..end], None);
                place = end;
            }
        }
        found
    }

    fn add_rows(&mut self, html: &'h str, start: usize, end: usize, list: &'h str) {
        let mut place = start;
        while let Some(tag) = Tag::next(html, place).filter(|tag| tag.start < end) {
            let row_end = element_end(html, &tag);
            if let Some(id) = tag.attribute("id") {
                self.add(id, &html[tag.start..row_end], Some(list));
            }
            place = row_end;
        }
    }

    fn add(&mut self, id: &'h str, html: &'h str, list: Option<&'h str>) {
        self.parts.insert(id, Fragment { html, list, hash: hash(html) });
    }

    /// The parts with their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'h str, Fragment<'h>)> + '_ {
        self.parts.iter().map(|(id, part)| (*id, *part))
    }

    /// True if a part with this id is on the page.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.parts.contains_key(id)
    }

    /// True if a part of the page is live still.
    pub(crate) fn is_live(&self) -> bool {
        !self.marked.is_empty()
    }

    /// The ids of the marked elements that are no rows.
    pub(crate) fn marked(&self) -> impl Iterator<Item = &'h str> + '_ {
        self.marked.iter().copied()
    }

    /// All parts in one number, by which a page and its stream know whether they show the same.
    pub(crate) fn version(&self) -> u64 {
        let mut all = DefaultHasher::new();
        for (id, part) in &self.parts {
            (id, part.hash).hash(&mut all);
        }
        all.finish()
    }
}

/// A tag that opens an element.
#[derive(Debug)]
struct Tag<'h> {
    start: usize,
    end: usize,
    name: &'h str,
    text: &'h str,
}

impl<'h> Tag<'h> {
    /// The next tag that opens an element, from a place on.
    fn next(html: &'h str, from: usize) -> Option<Self> {
        let mut place = from;
        loop {
            let start = place + html.get(place..)?.find('<')?;
            let rest = &html[start + 1..];
            if rest.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
                let end = start + tag_len(&html[start..]);
                let name = rest.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').next()?;
                return Some(Self { start, end, name, text: &html[start..end] });
            }
            place = start + 1;
        }
    }

    /// The value of an attribute; one without a value has the empty one.
    fn attribute(&self, name: &str) -> Option<&'h str> {
        let mut rest = self.text.get(1 + self.name.len()..)?;
        loop {
            rest = rest.trim_start_matches([' ', '\n', '/']);
            let end = rest.find(['=', ' ', '>', '/', '\n'])?;
            let (found, after) = rest.split_at(end);
            if found.is_empty() {
                return None;
            }
            let (value, after) = match after.strip_prefix("=\"") {
                Some(quoted) => quoted.split_once('"')?,
                None => ("", after),
            };
            if found == name {
                return Some(value);
            }
            rest = after;
        }
    }

    /// True for an element without content.
    fn is_void(&self) -> bool {
        matches!(self.name, "input" | "br" | "hr" | "img" | "meta" | "link" | "wbr" | "source")
            || self.text.ends_with("/>")
    }
}

/// The length of the tag with which a text begins.
fn tag_len(text: &str) -> usize {
    let mut quoted = false;
    for (place, letter) in text.bytes().enumerate() {
        match letter {
            b'"' => quoted = !quoted,
            b'>' if !quoted => return place + 1,
            _ => {}
        }
    }
    text.len()
}

/// The place behind an element.
fn element_end(html: &str, tag: &Tag<'_>) -> usize {
    if tag.is_void() {
        return tag.end;
    }
    let (mut depth, mut place) = (1_u32, tag.end);
    let closing = format!("</{}>", tag.name);
    while let Some(found) = html.get(place..).and_then(|rest| rest.find('<')) {
        place += found;
        if html[place..].starts_with(&closing) {
            place += closing.len();
            depth -= 1;
            if depth == 0 {
                return place;
            }
        } else if let Some(inner) = Tag::next(html, place).filter(|inner| inner.start == place) {
            depth += u32::from(inner.name == tag.name && !inner.is_void());
            place = inner.end;
        } else {
            place += 1;
        }
    }
    html.len()
}

/// The content in a number, without what differs each time: distances in time, and hidden fields.
fn hash(html: &str) -> u64 {
    let mut hash = DefaultHasher::new();
    let mut place = 0;
    while let Some(tag) = Tag::next(html, place) {
        hash.write(&html.as_bytes()[place..tag.start]);
        place = tag.end;
        if tag.name == "time" {
            hash.write(tag.text.as_bytes());
            place = element_end(html, &tag);
        } else if !(tag.name == "input" && tag.attribute("type") == Some("hidden")) {
            hash.write(tag.text.as_bytes());
        }
    }
    hash.write(&html.as_bytes()[place..]);
    hash.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(html: &str) -> Vec<(String, String, Option<String>)> {
        let found = Fragments::of(html, &BTreeSet::new());
        found.iter().map(|(id, it)| (id.to_owned(), it.html.to_owned(), it.list.map(str::to_owned))).collect()
    }

    #[test]
    fn marked_elements_are_found_with_all_they_have_inside() {
        let html = "<main><div class=\"a\" data-live id=\"state\"><div>x</div><br><p>y</p></div><div id=\"other\"></div></main>";
        let [(id, part, None)] = &parts(html)[..] else { panic!("{html}") };
        assert_eq!(id, "state");
        assert_eq!(part, "<div class=\"a\" data-live id=\"state\"><div>x</div><br><p>y</p></div>");
    }

    #[test]
    fn each_row_of_a_list_is_a_part() {
        let html = "<table><tbody id=\"rows\" data-live-rows=\"\"><tr id=\"a\"><td>1</td></tr><!><tr id=\"b\"></tr></tbody></table>";
        let found = parts(html);
        assert_eq!(found.iter().map(|(id, ..)| id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert!(found.iter().all(|(_, _, list)| list.as_deref() == Some("rows")));
        assert!(Fragments::of(html, &BTreeSet::new()).is_live());
    }

    #[test]
    fn an_element_without_the_mark_is_found_if_it_had_one_before() {
        let html = "<p id=\"state\">Delivered</p>";
        assert!(parts(html).is_empty());
        let before = BTreeSet::from(["state".to_owned()]);
        let found = Fragments::of(html, &before);
        assert_eq!((found.iter().count(), found.is_live()), (1, false));
    }

    #[test]
    fn times_and_hidden_fields_make_no_difference() {
        let part = |ago: &str, once: &str, word: &str| {
            format!("<p><time datetime=\"1\">{ago}</time><input type=\"hidden\" value=\"{once}\">{word}</p>")
        };
        assert_eq!(hash(&part("1 s", "a", "x")), hash(&part("2 s", "b", "x")));
        assert_ne!(hash(&part("1 s", "a", "x")), hash(&part("1 s", "a", "y")));
        assert_ne!(hash("<p class=\"a\"></p>"), hash("<p class=\"b\"></p>"));
    }

    #[test]
    fn a_sign_inside_a_value_ends_no_tag() {
        let html = "<p title=\"a > b\" id=\"x\" data-live=\"\">y</p>";
        assert_eq!(parts(html)[0].1, html);
    }
}
