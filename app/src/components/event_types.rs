//! The choice of event types in a form: all, groups, or single types.

use std::{collections::BTreeMap, sync::Arc};

use leptos::prelude::*;
use signet_engine::service::event_types::{Catalogue, Entry};
use signet_model::{
    Timestamp,
    event::EventType,
    subscriptions::{Selector, Subscriptions},
};

use super::fields::choices;
use crate::{
    form::{Field, Form},
    html::IntoHtml,
    present::indented,
};

mod text {
    pub(super) const SAMPLE_BODY: &str = "Sample body";
    pub(super) const SCHEMA: &str = "JSON Schema";
    pub(super) const FIND: &str = "Find an event type";
    pub(super) const ALL: &str = "All events";
    pub(super) const ALL_ABOUT: &str = "Also types that are added later.";
    pub(super) const GROUP_ABOUT: &str = "Every event of this group, also types that are added later.";
    pub(super) fn more(count: usize) -> String {
        format!("and {count} more")
    }

    pub(super) fn unreadable(count: usize) -> String {
        format!("and {count} that this version cannot read")
    }

    pub(super) const NOT_LISTED: &str = "No new events of this type are sent.";
}

/// The number of types up to which each shows a sample body: a page has a size.
const SAMPLES_MAX: usize = 40;
/// The number of types beyond which there is a field that finds them.
const SEARCHED_FROM: usize = 8;
/// The id of the list that it searches.
const LIST: &str = "event-types";
/// The most tags of one webhook.
const TAGS_MAX: usize = 8;

/// A checkbox for all types, for each group and for each type of the catalogue, with sample
/// bodies if there is an instant for them. Ticked selectors that the catalogue does not have
/// are listed as well, so that saving the form does not lose them.
pub(crate) fn event_types_input(
    field: &Field,
    form: &Form,
    catalogue: &Catalogue,
    samples_at: Option<Timestamp>,
) -> impl IntoView + use<> {
    let input =
        Input { name: field.name, ticked: form.selectors(field).into_iter().collect(), focus: form.has_focus(field) };
    let few = catalogue.active().count() <= SAMPLES_MAX;
    let sample = |entry: &Entry| {
        let at = samples_at.filter(|_| few)?;
        Some(Body {
            sample: indented(&catalogue.sample(&entry.name, at).json),
            schema: entry.schema.as_deref().map(indented),
        })
    };
    let mut listed = Vec::new();
    for group in groups(catalogue) {
        listed.push(input.group(&group, &sample));
    }
    let others = input.not_listed(catalogue);
    let all = input.choice(&Selector::All, Some(text::ALL), text::ALL_ABOUT, None);
    // The style sheet shows it where scripts run.
    let find = (catalogue.active().count() > SEARCHED_FROM).then(|| {
        view! {
            <input
                class="input"
                type="search"
                data-filter-list=LIST
                aria-label=text::FIND
                placeholder=text::FIND
                autocomplete="off"
            />
            <p class="hint" role="status" data-filter-count=LIST></p>
        }
    });
    choices(field, form, view! { {find} {all} <div class="choice-list" id=LIST>{listed} {others}</div> })
}

/// What an event of a type looks like.
struct Body {
    sample: String,
    schema: Option<String>,
}

/// The active types of one group, or of none.
struct Group<'c> {
    name: Option<EventType>,
    types: Vec<&'c Arc<Entry>>,
}

/// The groups, those with types that are built in first, then by name.
fn groups(catalogue: &Catalogue) -> Vec<Group<'_>> {
    let mut places: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for entry in catalogue.active() {
        let place = *places.entry(entry.name.group()).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Group { name: entry.name.group().and_then(|it| it.parse().ok()), types: Vec::new() });
        }
        groups[place].types.push(entry);
    }
    groups
}

/// The field, with the selectors that are ticked.
struct Input {
    name: &'static str,
    ticked: Subscriptions,
    focus: bool,
}

impl Input {
    fn group(&self, group: &Group<'_>, body: &dyn Fn(&Entry) -> Option<Body>) -> impl IntoView + use<> {
        let types = group.types.iter().map(|entry| {
            let selector = Selector::Type(entry.name.clone());
            self.choice(&selector, None, &entry.description, body(entry))
        });
        let types: Vec<_> = types.collect();
        let whole = group.name.clone().map(|name| self.choice(&Selector::Group(name), None, text::GROUP_ABOUT, None));
        view! {
            <div class="choice-group" data-filter-group="">
                {whole}
                {types}
            </div>
        }
    }

    fn not_listed(&self, catalogue: &Catalogue) -> impl IntoView + use<> {
        let is_listed = |selector: &Selector| match selector {
            Selector::All => true,
            Selector::Group(group) => catalogue.active().any(|entry| entry.name.group() == Some(group.as_str())),
            Selector::Type(kind) => catalogue.get(kind.as_str()).is_some_and(|entry| entry.archived_at.is_none()),
        };
        let others = self.ticked.iter().filter(|selector| !is_listed(selector));
        let others = others.map(|selector| self.choice(&selector, None, text::NOT_LISTED, None));
        others.collect::<Vec<_>>()
    }

    fn choice(
        &self,
        selector: &Selector,
        label: Option<&'static str>,
        about: &str,
        body: Option<Body>,
    ) -> impl IntoView + use<> {
        let value = selector.to_string();
        let id = format!("{}-{}", self.name, value.replace('*', "all"));
        let is_first = *selector == Selector::All;
        let filtered = (!is_first).then(|| format!("{value} {about}"));
        let class = if label.is_some() { "" } else { "mono" };
        view! {
            <div class="choice" data-filter-item=filtered>
                <input
                    type="checkbox"
                    id=id.clone()
                    name=self.name
                    value=value.clone()
                    checked=self.ticked.has(selector)
                    autofocus=self.focus && is_first
                    aria-describedby=format!("{id}-about")
                />
                <div>
                    <label class=class for=id.clone()>{label.map_or(value, ToOwned::to_owned)}</label>
                    <p class="muted" id=format!("{id}-about")>{about.to_owned()}</p>
                    {body.map(folds)}
                </div>
            </div>
        }
    }
}

/// The selectors of a webhook, as far as they fit.
pub(crate) fn event_type_tags(wanted: &Subscriptions) -> impl IntoView + use<> {
    let tag = |selector: Selector| match selector {
        Selector::All => view! { <li class="tag">{text::ALL.to_owned()}</li> }.html(),
        other => view! { <li class="tag mono">{other.to_string()}</li> }.html(),
    };
    let tags: Vec<_> = wanted.iter().take(TAGS_MAX).map(tag).collect();
    let more = wanted.iter().count() - tags.len();
    let more = (more > 0).then(|| view! { <li class="muted">{text::more(more)}</li> });
    let unreadable = wanted.unreadable();
    let unreadable = (unreadable > 0).then(|| view! { <li class="muted">{text::unreadable(unreadable)}</li> });
    view! { <ul class="tags">{tags}{more}{unreadable}</ul> }
}

/// The sample and the schema of a type, each in a fold.
fn folds(Body { sample, schema }: Body) -> impl IntoView {
    let fold = |title: &'static str, json: String| {
        view! {
            <details class="fold">
                <summary>{title}</summary>
                <pre class="code" tabindex="0">{json}</pre>
            </details>
        }
    };
    view! { {fold(text::SAMPLE_BODY, sample)} {schema.map(|schema| fold(text::SCHEMA, schema))} }
}
