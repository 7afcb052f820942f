//! Tabs, statuses, messages, type.

use leptos::prelude::*;

use super::part;
use crate::components::{
    Badge, EmptyState, ErrorSummary, Icon, PageLink, Status, StatusMark, TabLink, Tabs, Tone, alert, page_links,
};

const TONES: [(Tone, &str); 6] = [
    (Tone::Good, "Delivered"),
    (Tone::Warning, "Failing"),
    (Tone::Bad, "Disabled"),
    (Tone::Waiting, "Waiting"),
    (Tone::Paused, "Paused"),
    (Tone::Idle, "Skipped"),
];

pub(super) fn tabs() -> impl IntoView {
    let tabs = vec![
        TabLink::new("All", "#all", true).counted("1,204"),
        TabLink::new("Failing", "#failing", false).counted(3),
        TabLink::new("Disabled", "#disabled", false).counted(0),
        TabLink::new("Settings", "#settings", false),
    ];
    let content = view! {
        <Tabs label="States" tabs=tabs />
        {page_links(Some(PageLink::newest("#newest")), Some(PageLink::older("#older")))}
    };
    part("Tabs and pages", "Links, so that each state has an address.", content)
}

pub(super) fn statuses() -> impl IntoView {
    let content = view! {
        <p class="tags">{TONES.map(|(tone, word)| view! { <Badge status=Status::new(tone, word) /> }).collect_view()}</p>
        <p class="links">{TONES.map(|(tone, word)| view! { <StatusMark status=Status::new(tone, word) /> }).collect_view()}</p>
        <p class="tags"><span class="tag mono">"order.paid"</span> <span class="tag">"test"</span> <span class="count">"12"</span></p>
    };
    part("Statuses", "A badge beside a title, a mark in a table. Icon and word say the same as the colour.", content)
}

pub(super) fn messages() -> impl IntoView {
    let errors = vec![
        ("style-url".to_owned(), "Enter a URL that begins with https://.".to_owned()),
        (String::new(), "Choose at least one event.".to_owned()),
    ];
    let content = view! {
        <p class="notice" role="status">
            <Icon name="check" />
            "Webhook saved."
        </p>
        <p class="alert warning">
            <Icon name="warning" />
            "3 of 6 attempts failed. It will be disabled at 14:02 unless one succeeds."
        </p>
        {alert("The database does not answer.")}
        <ErrorSummary title="2 fields need your attention" errors=errors />
        <section class="card panel bad">
            <h3>"This webhook is disabled"</h3>
            <p>"All 6 attempts of a delivery failed."</p>
        </section>
        <section class="card panel good">
            <h3>"The test arrived"</h3>
            <p>"Your receiver answered 200 in 84 ms."</p>
        </section>
    };
    part("Messages", "What happened, why, and what to do.", content)
}

pub(super) fn type_scale() -> impl IntoView {
    let content = view! {
        <p class="figure">"28: figures and titles"</p>
        <p class="mono-title"><bdi>"https://orders.example.com/hooks"</bdi></p>
        <h2>"16: sections"</h2>
        <p>"14: text, and most of a page. " <code>"code"</code> ", " <a href="#link">"a link"</a> "."</p>
        <p class="hint">"14, muted: what can be left out."</p>
        <p class="mono wrap">"msg_2x8Zy7averyveryveryveryveryveryveryveryveryveryveryveryveryveryverylongid"</p>
        <pre class="code" tabindex="0">"{\n  \"type\": \"order.paid\"\n}"</pre>
    };
    part("Type", "28, 20, 16, 14 and 12 pixels.", content)
}

pub(super) fn empty() -> impl IntoView {
    let content = view! {
        <EmptyState icon="webhook" title="No webhooks yet" advice="Add the URL of your receiver and choose the events it wants.">
            <a class="button primary" href="#add">
                <Icon name="plus" />
                "Add webhook"
            </a>
        </EmptyState>
        <EmptyState icon="search" title="Nothing matches" advice="Take a filter away, or choose a longer time." />
    };
    part("Nothing yet", "Why there is nothing, and what to do.", content)
}
