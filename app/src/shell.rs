//! The document around every page.

mod foot;
mod operator;

use std::sync::Arc;

use leptos::{nonce::Nonce, prelude::*};
use signet_engine::service::sessions::{Holder, Portal, Session};
use signet_model::portal::Theme;

use crate::{
    components::{Icon, sprite},
    frame::Frame,
    html::IntoHtml,
    icons, live,
    pages::{SECTIONS, Section, accounts, login},
    place::Place,
    redirect::HOME,
    zone::Zone,
};

const LIGHT_BAR: &str = "#fafafb";
const DARK_BAR: &str = "#0f0f12";

pub use foot::DOCUMENTATION;

/// The name of the product.
pub(crate) const PRODUCT: &str = "Signet";

mod text {
    pub(super) const SKIP: &str = "Skip to content";
    pub(super) const DEV_LABEL: &str = "Development mode";
    pub(super) const DEV: &str = "Development mode.";
    pub(super) const DEV_WARNING: &str =
        " Receivers on this machine can be reached. Do not run it like this on the internet.";
    pub(super) const SUSPENDED_LABEL: &str = "Suspended account";
    pub(super) const SUSPENDED: &str = "This account is suspended.";
    pub(super) const SUSPENDED_MEANING: &str = " The operator of this service has stopped it: new events are refused, and nothing is sent. Deliveries that wait are kept, and go out when the account is resumed.";
    pub(super) const SWITCH: &str = "Account: choose another";
    pub(super) const SIGN_OUT: &str = "Sign out";
    pub(super) const SETTINGS: &str = "Settings";
    pub(super) const DESCRIPTION: &str =
        "Webhook settings: where events are sent, how each delivery went, and what to do about one that failed.";

    pub(super) fn title(page: &str, name: &str) -> String {
        format!("{page} · {name}")
    }

    pub(super) fn back_to(name: &str) -> String {
        format!("Back to {name}")
    }
}

/// The whole document. `content` is the page as HTML.
pub(crate) fn document(
    frame: &Frame,
    title: &str,
    nonce: &Nonce,
    script: Option<&'static str>,
    content: String,
) -> impl IntoView + use<> {
    let assets = frame.state.assets.clone();
    // Every page has the small script; WebAssembly is loaded where there is an island.
    let islands =
        content.contains("<leptos-island").then(|| islands_loader(frame.place, &assets.js, &assets.wasm, nonce));
    let page_script = view! { <script type="module" nonce=nonce.to_string() src=assets.page.clone() /> };
    let live = live::src(frame.place, &frame.address, &content);
    let preferences = frame.preferences;
    let zone = if frame.knows_zone { Zone::here().name().to_owned() } else { String::new() };
    let now = frame.now.rfc3339_seconds();
    let script = script.map(|script| view! { <script type="module" nonce=nonce.to_string() inner_html=script /> });
    let brand = Arc::clone(&frame.state.brand);
    let title = product(frame).map_or_else(|| title.to_owned(), |name| text::title(title, name));
    let chosen = frame.theme();
    let body = match &frame.session {
        Some(session) if session.operator && operator::is_place(&frame.path) => {
            operator::layout(frame, session, content).html()
        }
        Some(Session { account: Some(account), holder, .. }) => view! {
            {account.suspended.then(suspended_banner)}
            {signed_in(frame, &account.name, holder, content)}
        }
        .html(),
        _ => signed_out(frame, content).html(),
    };
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=chosen.as_str() data-times=preferences.exact_times.then_some("exact")>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content=color_scheme(chosen) />
                <meta name="description" content=text::DESCRIPTION />
                {bar_colors(chosen)}
                <title>{title}</title>
                <link rel="icon" href=icon(frame) />
                {is_own(frame).then(|| view! { <link rel="apple-touch-icon" href=icons::TOUCH /> })}
                <link rel="stylesheet" href=assets.css.clone() />
                {brand.style_path().map(|path| view! { <link rel="stylesheet" href=path /> })}
                {page_script}
                {islands}
                {script}
            </head>
            <body
                data-now=now
                data-zone=zone
                data-shortcuts=if preferences.no_shortcuts { "off" } else { "on" }
                data-live-src=live
            >
                <svg class="sprite" aria-hidden="true" inner_html=sprite() />
                <a class="skip-link" href="#main">{text::SKIP}</a>
                {frame.state.dev.then(dev_banner)}
                {body}
            </body>
        </html>
    }
}

fn islands_loader(place: Place, js: &str, wasm: &str, nonce: &Nonce) -> impl IntoView + use<> {
    // The script asks for the WebAssembly itself: a preload would be wasted, and
    // reported on the console, where scripts do not run.
    let in_frame = if place == Place::Frame { "module.in_frame();" } else { "" };
    let script = format!(
        "const islands = document.querySelectorAll('leptos-island');\
         const wasm = fetch({wasm:?});\
         const module = await import({js:?});\
         await module.default({{ module_or_path: wasm }});\
         {in_frame}module.hydrate();\
         for (const island of islands) module[island.dataset.component](island);"
    );
    view! {
        <link rel="modulepreload" href=js.to_owned() nonce=nonce.to_string() />
        <script type="module" nonce=nonce.to_string() inner_html=script />
    }
}

fn dev_banner() -> impl IntoView {
    view! {
        <aside class="dev-banner" aria-label=text::DEV_LABEL>
            <Icon name="warning" />
            <p>
                <strong>{text::DEV}</strong>
                {text::DEV_WARNING}
            </p>
        </aside>
    }
}

fn suspended_banner() -> impl IntoView {
    view! {
        <aside class="dev-banner" aria-label=text::SUSPENDED_LABEL>
            <Icon name="warning" />
            <p>
                <strong>{text::SUSPENDED}</strong>
                {text::SUSPENDED_MEANING}
            </p>
        </aside>
    }
}

fn signed_in(frame: &Frame, account: &str, holder: &Holder, content: String) -> impl IntoView + use<> {
    view! {
        {match holder {
            Holder::Person { email, .. } => Some(bar_of_person(frame, account, email).html()),
            Holder::Portal(portal) if portal.embedded => None,
            Holder::Portal(portal) => Some(bar_of_portal(frame, portal).html()),
        }}
        <div class="layout" class:in-frame=frame.place == Place::Frame>
            <nav class="side-nav" aria-label=text::SETTINGS>
                <p class="side-nav-title" aria-hidden="true">{text::SETTINGS}</p>
                <ul>
                    {shown_sections(frame).map(|section| nav_item(frame, section.path, section.label, section.icon)).collect_view()}
                </ul>
            </nav>
            <main id="main" class="content" tabindex="-1">
                {flash(frame)}
                <div class="page" inner_html=content />
            </main>
        </div>
        {foot::foot(frame)}
    }
}

/// The foot of a page: what belongs to the browser and to no account.
fn bar_of_person(frame: &Frame, account: &str, email: &str) -> impl IntoView + use<> {
    view! {
        <header class="top-bar">
            {brand(frame, HOME)}
            <a class="top-bar-account" href=accounts::PATH title=text::SWITCH>{account.to_owned()}</a>
            <div class="top-bar-user">
                {frame.session.as_ref().is_some_and(|session| session.operator).then(operator::link)}
                <span class="top-bar-email">{email.to_owned()}</span>
                {sign_out()}
            </div>
        </header>
    }
}

/// Somebody who came from the service leads back to it; without a way back they sign out.
fn bar_of_portal(frame: &Frame, portal: &Portal) -> impl IntoView + use<> {
    let back = portal.return_url.as_ref().map(|url| {
        let name = frame.state.brand.name().unwrap_or(url.host());
        view! { <a class="button quiet" href=url.to_string() rel="noreferrer">{text::back_to(name)}</a> }.html()
    });
    view! {
        <header class="top-bar">
            {brand(frame, HOME)}
            <div class="top-bar-user">{back.unwrap_or_else(|| sign_out().html())}</div>
        </header>
    }
}

fn sign_out() -> impl IntoView {
    view! {
        <form method="post" action=login::SIGN_OUT_PATH>
            <button class="button quiet" type="submit">{text::SIGN_OUT}</button>
        </form>
    }
}

/// The sections that the session allows.
fn shown_sections(frame: &Frame) -> impl Iterator<Item = &'static Section> {
    let is_person = !frame.is_of_portal();
    SECTIONS.iter().filter(move |section| frame.may(section.permission) && (is_person || !section.of_person))
}

fn signed_out(frame: &Frame, content: String) -> impl IntoView + use<> {
    view! {
        <main id="main" class="entry" tabindex="-1">
            <div class="entry-brand">
                {brand(frame, "/")}
            </div>
            {flash(frame)}
            <div class="entry-card" inner_html=content />
        </main>
        {foot::foot(frame)}
    }
}

/// The section of a page: one can stand below another.
fn section_of(path: &str) -> Option<&'static str> {
    let below = |section: &str| path.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    SECTIONS.iter().map(|section| section.path).filter(|section| below(section)).max_by_key(|section| section.len())
}

fn nav_item(frame: &Frame, path: &'static str, label: &'static str, icon: &'static str) -> impl IntoView + use<> {
    let below = frame.path == path || frame.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
    let here = below && section_of(&frame.path).is_none_or(|section| section == path);
    view! {
        <li>
            <a href=path aria-current=here.then_some("page")>
                <Icon name=icon />
                {label}
            </a>
        </li>
    }
}

/// The message of the form that led here. It is text from a cookie, and the view escapes it.
fn flash(frame: &Frame) -> Option<impl IntoView + use<>> {
    frame.flash.as_ref().map(|flash| {
        view! {
            <p class="notice" role="status" tabindex="-1" autofocus>
                <Icon name="check" />
                {flash.text().to_owned()}
            </p>
        }
    })
}

/// The name of the service, or else Signet's for those who deal with it: whoever comes by a
/// portal link deals with the service alone.
fn product(frame: &Frame) -> Option<&str> {
    let own = (!frame.is_of_portal()).then_some(PRODUCT);
    frame.state.brand.name().or(own)
}

/// Returns true if the page is Signet's, and not that of a service.
fn is_own(frame: &Frame) -> bool {
    product(frame) == Some(PRODUCT)
}

/// The logo and the name.
fn brand(frame: &Frame, href: &'static str) -> Option<impl IntoView + use<>> {
    let brand = &frame.state.brand;
    let logo = brand.logo().map(|logo| view! { <img class="brand-logo" src=logo.address() alt="" /> }.html());
    let mark = || is_own(frame).then(|| view! { <Icon name="mark" class="brand-mark" /> }.html());
    let name = product(frame).map(ToOwned::to_owned);
    let is_there = logo.is_some() || name.is_some();
    is_there.then(|| view! { <a class="brand" href=href>{logo.or_else(mark)} {name}</a> })
}

/// The icon of the tab. A service without a logo has none, rather than Signet's.
fn icon(frame: &Frame) -> String {
    match frame.state.brand.logo() {
        Some(logo) => logo.address(),
        None if is_own(frame) => icons::SVG.to_owned(),
        None => "data:,".to_owned(),
    }
}

/// The colour of the browser's own bars: that of the page's, `--canvas` in `style/tokens.css`.
fn bar_colors(theme: Theme) -> impl IntoView {
    let light = theme != Theme::Dark;
    let dark = theme != Theme::Light;
    let bar = |color: &'static str, system: &'static str| {
        let only = (theme == Theme::Auto).then_some(system);
        leptos::html::meta().name("theme-color").content(color).attr("media", only)
    };
    (
        light.then(|| bar(LIGHT_BAR, "(prefers-color-scheme: light)")),
        dark.then(|| bar(DARK_BAR, "(prefers-color-scheme: dark)")),
    )
}

const fn color_scheme(theme: Theme) -> &'static str {
    match theme {
        Theme::Auto => "light dark",
        Theme::Light => "light",
        Theme::Dark => "dark",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Visitor;

    #[test]
    fn the_bars_of_the_browser_have_the_colour_of_the_page() {
        let tokens = include_str!("../../style/tokens.css");
        assert!(tokens.contains(&format!("--canvas: light-dark({LIGHT_BAR}, {DARK_BAR});")));
    }

    #[tokio::test]
    async fn each_page_says_what_it_is_and_has_its_icons() {
        let owner = Visitor::owner().await;
        for path in [HOME, "/nothing"] {
            let page = owner.get(path).await;
            for tag in [
                "<meta name=\"description\"",
                "rel=\"apple-touch-icon\"",
                "name=\"theme-color\"",
                "page-foot",
                "href=\"/docs/\"",
            ] {
                assert!(page.html.contains(tag), "{path}: {tag}");
            }
        }
    }
}
