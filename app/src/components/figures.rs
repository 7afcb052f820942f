//! The few numbers that say how a page's subject is doing.

use leptos::prelude::*;

use crate::html::IntoHtml;

use super::Tone;

/// One number, large, with the words that say what it counts.
pub(crate) struct Figure {
    label: String,
    value: String,
    hint: Option<String>,
    tone: Option<Tone>,
    href: Option<String>,
}

impl Figure {
    /// A number with its words.
    pub(crate) fn new(label: impl Into<String>, value: impl std::fmt::Display) -> Self {
        Self { label: label.into(), value: value.to_string(), hint: None, tone: None, href: None }
    }

    /// The number with a smaller line below it.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The number in the colour of a meaning. Its words must say the same.
    pub(crate) fn tone(self, tone: Tone) -> Self {
        Self { tone: Some(tone), ..self }
    }

    /// The number with the address that lists what it counts.
    pub(crate) fn linked(self, href: impl Into<String>) -> Self {
        Self { href: Some(href.into()), ..self }
    }
}

/// Numbers side by side, the first thing that a page shows.
#[component]
pub(crate) fn Figures(
    /// The numbers; four fit beside each other.
    figures: Vec<Figure>,
) -> impl IntoView {
    view! { <dl class="figures">{figures.into_iter().map(shown).collect_view()}</dl> }
}

fn shown(figure: Figure) -> impl IntoView {
    let Figure { label, value, hint, tone, href } = figure;
    let class = format!("figure-value {}", tone.map_or("", Tone::name));
    let value = match href {
        Some(href) => view! { <a href=href>{value}</a> }.html(),
        None => value.html(),
    };
    view! {
        <div>
            <dt>{label}</dt>
            <dd class=class.trim_end().to_owned()>{value}</dd>
            {hint.map(|hint| view! { <dd class="hint">{hint}</dd> })}
        </div>
    }
}
