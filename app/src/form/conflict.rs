//! Two people at one thing: a form carries the version that it was made from. If the thing has
//! another one by then, nothing is applied: the form comes back with both values of each part
//! that differs, and its person chooses.

use super::{Field, Form};

/// The version that a form was made from.
pub(crate) const VERSION: Field = Field::named("version");
/// The version of the values that a conflict has shown beside those of the form.
const SEEN: Field = Field::named("seen");

/// Stands before the name of a field in the value that is stored.
const THEIRS: &str = "theirs.";
/// Stands before the name of a part in the choice between both values.
const TAKE: &str = "take.";
/// Shown in place of a secret.
const MASK: &str = "••••••";

/// The fields of a form that are chosen together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    pub(crate) label: &'static str,
    /// One field, or the columns of lines.
    pub(crate) fields: &'static [&'static Field],
}

/// A part that has one value in the form, and another one in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) label: &'static str,
    /// The name of the choice.
    pub(crate) choice: String,
    /// What was chosen before: `mine`, `theirs`, or nothing.
    pub(crate) chosen: String,
    /// Each value in lines.
    pub(crate) mine: Vec<String>,
    pub(crate) theirs: Vec<String>,
    /// The stored values as hidden fields.
    pub(crate) carried: Vec<(String, String)>,
}

/// What a form and the store do not have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conflict {
    pub(crate) differences: Vec<Difference>,
    /// The version of the stored values.
    pub(crate) seen: String,
}

impl Conflict {
    /// The name of the field with the version that was seen.
    pub(crate) const SEEN: &'static str = SEEN.name;
    /// The values of a choice.
    pub(crate) const MINE: &'static str = "mine";
    pub(crate) const THEIRS: &'static str = "theirs";

    /// Returns true if there is nothing to choose: what was typed is what is stored.
    pub(crate) const fn is_settled(&self) -> bool {
        self.differences.is_empty()
    }
}

impl Part {
    /// The lines of the part that are filled in.
    fn lines(&self, form: &Form) -> Vec<Vec<String>> {
        // Browsers send the lines of a text with both marks at their ends.
        let column = |field: &&Field| form.all(field).map(|it| it.trim().replace("\r\n", "\n")).collect();
        let columns: Vec<Vec<String>> = self.fields.iter().map(column).collect();
        let Some(first) = columns.first() else { return Vec::new() };
        let filled = (0..first.len()).filter(|&line| !first[line].is_empty());
        let cells = |line| columns.iter().map(move |column| column.get(line).cloned().unwrap_or_default());
        let mut lines: Vec<Vec<String>> = filled.map(|line| cells(line).collect()).collect();
        lines.sort();
        lines
    }

    /// The lines as they are shown, without secrets.
    fn shown(&self, lines: &[Vec<String>]) -> Vec<String> {
        let cell = |(field, cell): (&&Field, &String)| match (field.secret, cell.is_empty()) {
            (true, false) => MASK.to_owned(),
            _ => cell.clone(),
        };
        let line = |line: &Vec<String>| self.fields.iter().zip(line).map(cell).collect::<Vec<_>>().join(" ");
        lines.iter().map(|one| line(one).trim().to_owned()).collect()
    }

    fn choice(&self) -> String {
        format!("{TAKE}{}", self.fields.first().map_or("", |field| field.name))
    }

    /// The difference between a form and the stored values.
    fn difference(&self, mine: &Form, stored: &Form) -> Option<Difference> {
        let (typed, theirs) = (self.lines(mine), self.lines(stored));
        if typed == theirs {
            return None;
        }
        let carried = self.fields.iter().flat_map(|field| {
            let name = format!("{THEIRS}{}", field.name);
            let values: Vec<_> = stored.all(field).map(|value| (name.clone(), value.to_owned())).collect();
            if values.is_empty() { vec![(name, String::new())] } else { values }
        });
        Some(Difference {
            label: self.label,
            chosen: mine.named(&self.choice()).to_owned(),
            choice: self.choice(),
            carried: carried.collect(),
            mine: self.shown(&typed),
            theirs: self.shown(&theirs),
        })
    }
}

impl Form {
    /// The form with the version of what it was made from.
    pub(crate) fn made_from(self, version: impl ToString) -> Self {
        self.with(&VERSION, version)
    }

    /// The version that the form was made from.
    pub(crate) fn version(&self) -> Option<i64> {
        self.get(&VERSION).parse().ok()
    }

    /// Returns `true` if the form was made from another version than this.
    pub(crate) fn is_of_another(&self, version: impl ToString) -> bool {
        !self.get(&VERSION).is_empty() && self.get(&VERSION) != version.to_string()
    }

    /// Applies the choices of a conflict. The form is made from the version that was seen once
    /// each part has been chosen, and from its former one until then.
    pub(crate) fn settle(&mut self, parts: &[Part]) {
        let seen = self.get(&SEEN).to_owned();
        if seen.is_empty() || self.reviewing {
            return;
        }
        let mut settled = true;
        for part in parts {
            let asked = part.fields.iter().any(|field| self.prefixed(THEIRS).any(|(name, _)| name == field.name));
            match (asked, self.named(&part.choice())) {
                (false, _) | (true, Conflict::MINE) => {}
                (true, Conflict::THEIRS) => self.take(part),
                (true, _) => settled = false,
            }
        }
        if settled {
            self.values.retain(|(name, _)| name != VERSION.name && !name.starts_with(TAKE));
            self.values.push((VERSION.name.to_owned(), seen));
        }
        self.values.retain(|(name, _)| name != SEEN.name && !name.starts_with(THEIRS));
    }

    /// Puts the stored values in the place of those that were typed.
    fn take(&mut self, part: &Part) {
        for field in part.fields {
            let theirs: Vec<_> = self
                .prefixed(THEIRS)
                .filter(|(name, _)| *name == field.name)
                .map(|(_, value)| value.to_owned())
                .collect();
            self.values.retain(|(name, _)| name != field.name);
            self.values.extend(theirs.into_iter().map(|value| (field.name.to_owned(), value)));
        }
    }

    /// The form, refused because the thing has changed meanwhile: `stored` is the thing as it is.
    pub(crate) fn meet(mut self, stored: &Form, parts: &[Part]) -> Self {
        let differences: Vec<_> = parts.iter().filter_map(|part| part.difference(&self, stored)).collect();
        self.conflict = Some(Conflict { differences, seen: stored.get(&VERSION).to_owned() });
        self
    }

    /// What the form and the store do not have in common.
    pub(crate) const fn conflict(&self) -> Option<&Conflict> {
        self.conflict.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    const URL: Field = Field::text("url", "URL");
    const TYPES: Field = Field::named("event");
    const NAME: Field = Field::named("header-name");
    const VALUE: Field = Field::named("header-value").secret();
    const PARTS: [Part; 3] = [
        Part { label: "URL", fields: &[&URL] },
        Part { label: "Events", fields: &[&TYPES] },
        Part { label: "Headers", fields: &[&NAME, &VALUE] },
    ];

    fn typed() -> Form {
        Form::blank()
            .made_from(1)
            .with(&URL, "https://mine.example")
            .with(&TYPES, "b")
            .with(&TYPES, "a")
            .with(&NAME, "X-Key")
            .with(&VALUE, "hunter2")
            .with(&NAME, "")
            .with(&VALUE, "")
    }

    fn stored() -> Form {
        Form::blank().made_from(2).with(&URL, "https://theirs.example").with(&TYPES, "a").with(&TYPES, "b")
    }

    /// The form as its page sends it, with these choices.
    fn sent(form: &Form, choices: &[(&str, &str)]) -> Form {
        let conflict = form.conflict().expect("a conflict");
        let mut again = typed();
        again.values.push((SEEN.name.to_owned(), conflict.seen.clone()));
        again.values.extend(conflict.differences.iter().flat_map(|one| one.carried.clone()));
        again.values.extend(choices.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
        again
    }

    #[test]
    fn both_values_are_shown_of_each_part_that_differs_and_no_secret() {
        let form = typed().meet(&stored(), &PARTS);
        assert_eq!(form.status(), StatusCode::CONFLICT);
        let differences = &form.conflict().expect("a conflict").differences;
        assert_eq!(differences.iter().map(|one| one.label).collect::<Vec<_>>(), ["URL", "Headers"]);
        assert_eq!(
            (&*differences[0].mine[0], &*differences[0].theirs[0]),
            ("https://mine.example", "https://theirs.example")
        );
        assert_eq!((&*differences[1].mine[0], differences[1].theirs.len()), ("X-Key ••••••", 0));
    }

    #[test]
    fn a_form_is_made_from_the_version_that_was_seen_once_each_part_is_chosen() {
        let form = typed().meet(&stored(), &PARTS);
        let mut undecided = sent(&form, &[("take.url", "theirs")]);
        undecided.settle(&PARTS);
        assert_eq!(undecided.version(), Some(1), "headers are not chosen yet");

        let mut chosen = sent(&form, &[("take.url", "theirs"), ("take.header-name", "mine")]);
        chosen.settle(&PARTS);
        assert_eq!((chosen.version(), chosen.get(&URL)), (Some(2), "https://theirs.example"));
        assert_eq!((chosen.get(&NAME), chosen.get(&VALUE)), ("X-Key", "hunter2"));

        let mut theirs = sent(&form, &[("take.url", "mine"), ("take.header-name", "theirs")]);
        theirs.settle(&PARTS);
        assert_eq!((theirs.get(&URL), theirs.get(&NAME)), ("https://mine.example", ""));
    }
}
