//! The document around every page.

mod operator;

use leptos::{nonce::Nonce, prelude::*};
use signet_engine::service::sessions::{Holder, Session};

use crate::{
    components::{Icon, sprite},
    frame::Frame,
    pages::{SECTIONS, login},
    redirect::HOME,
};

/// The name of the product.
pub(crate) const PRODUCT: &str = "Signet";

mod text {
    use super::PRODUCT;

    pub(super) const SKIP: &str = "Skip to content";
    pub(super) const DEV_LABEL: &str = "Development mode";
    pub(super) const DEV: &str = "Development mode.";
    pub(super) const DEV_WARNING: &str =
        " Receivers on this machine can be reached. Do not run it like this on the internet.";
    pub(super) const SUSPENDED_LABEL: &str = "Suspended account";
    pub(super) const SUSPENDED: &str = "This account is suspended.";
    pub(super) const SUSPENDED_MEANING: &str = " The operator of this service has stopped it: new events are refused, and nothing is sent. Deliveries that wait are kept, and go out when the account is resumed.";
    pub(super) const ACCOUNT: &str = "Account";
    pub(super) const SIGN_OUT: &str = "Sign out";
    pub(super) const SETTINGS: &str = "Settings";

    pub(super) fn title(page: &str) -> String {
        format!("{page} · {PRODUCT}")
    }
}

/// The whole document. `content` is the page as HTML.
pub(crate) fn document(frame: &Frame, title: &str, nonce: &Nonce, content: String) -> impl IntoView + use<> {
    let assets = frame.state.assets.clone();
    // Pages without an island load no script at all.
    let islands = content.contains("<leptos-island").then(|| islands_loader(&assets.js, &assets.wasm, nonce));
    let title = text::title(title);
    let body = match &frame.session {
        Some(session) if session.operator && operator::is_place(&frame.path) => {
            operator::layout(frame, session, content).into_any()
        }
        Some(Session { account: Some(account), holder, .. }) => view! {
            {account.suspended.then(suspended_banner)}
            {signed_in(frame, &account.name, holder, content)}
        }
        .into_any(),
        _ => signed_out(frame, content).into_any(),
    };
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <title>{title}</title>
                <link rel="icon" type="image/svg+xml" href="/favicon.svg" />
                <link rel="stylesheet" href=assets.css.clone() />
                {islands}
            </head>
            <body>
                <svg class="sprite" aria-hidden="true" inner_html=sprite() />
                <a class="skip-link" href="#main">{text::SKIP}</a>
                {frame.state.dev.then(dev_banner)}
                {body}
            </body>
        </html>
    }
}

fn islands_loader(js: &str, wasm: &str, nonce: &Nonce) -> impl IntoView + use<> {
    // The script asks for the WebAssembly itself: a preload would be wasted, and
    // reported on the console, where scripts do not run.
    let script = format!(
        "const islands = document.querySelectorAll('leptos-island');\
         const wasm = fetch({wasm:?});\
         const module = await import({js:?});\
         await module.default({{ module_or_path: wasm }});\
         module.hydrate();\
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
        <header class="top-bar">
            <Brand href=HOME />
            <span class="top-bar-account" title=text::ACCOUNT>{account.to_owned()}</span>
            <div class="top-bar-user">
                {frame.session.as_ref().is_some_and(|session| session.operator).then(operator::link)}
                {match holder {
                    Holder::Person { email, .. } => {
                        Some(view! { <span class="top-bar-email">{email.to_owned()}</span> })
                    }
                    Holder::Portal => None,
                }}
                <form method="post" action=login::SIGN_OUT_PATH>
                    <button class="button quiet" type="submit">{text::SIGN_OUT}</button>
                </form>
            </div>
        </header>
        <div class="layout">
            <nav class="side-nav" aria-label=text::SETTINGS>
                <p class="side-nav-title" aria-hidden="true">{text::SETTINGS}</p>
                <ul>
                    {SECTIONS
                        .iter()
                        .filter(|section| frame.may(section.permission))
                        .map(|section| nav_item(frame, section.path, section.label, section.icon))
                        .collect_view()}
                </ul>
            </nav>
            <main id="main" class="content" tabindex="-1">
                {flash(frame)}
                <div class="page" inner_html=content />
            </main>
        </div>
    }
}

fn signed_out(frame: &Frame, content: String) -> impl IntoView + use<> {
    view! {
        <main id="main" class="entry" tabindex="-1">
            <div class="entry-brand">
                <Brand href="/" />
            </div>
            {flash(frame)}
            <div class="entry-card" inner_html=content />
        </main>
    }
}

fn nav_item(frame: &Frame, path: &'static str, label: &'static str, icon: &'static str) -> impl IntoView + use<> {
    let here = frame.path == path || frame.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
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
            <p class="notice" role="status">
                <Icon name="check" />
                {flash.text().to_owned()}
            </p>
        }
    })
}

#[component]
fn Brand(href: &'static str) -> impl IntoView {
    view! {
        <a class="brand" href=href>
            <Icon name="mark" class="brand-mark" />
            {PRODUCT}
        </a>
    }
}
