//! The document around every page.

use leptos::{nonce::Nonce, prelude::*};

use crate::{
    components::{Icon, sprite},
    frame::Frame,
    redirect::HOME,
};

/// The whole document. `content` is the page as HTML.
pub(crate) fn document(frame: &Frame, title: &str, nonce: &Nonce, content: String) -> impl IntoView + use<> {
    let assets = frame.state.assets.clone();
    // Pages without an island load no script at all.
    let islands = content.contains("<leptos-island").then(|| islands_loader(&assets.js, &assets.wasm, nonce));
    let title = format!("{title} · Signet");
    let body = match &frame.session {
        Some(session) => signed_in(frame, &session.account_name, &session.email, content).into_any(),
        None => signed_out(frame, content).into_any(),
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
                <a class="skip-link" href="#main">"Skip to content"</a>
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
        <aside class="dev-banner" aria-label="Development mode">
            <Icon name="warning" />
            <p>
                <strong>"Development mode."</strong>
                " Receivers on this machine can be reached. Do not run it like this on the internet."
            </p>
        </aside>
    }
}

fn signed_in(frame: &Frame, account: &str, email: &str, content: String) -> impl IntoView + use<> {
    view! {
        <header class="top-bar">
            <Brand href=HOME />
            <span class="top-bar-account" title="Account">{account.to_owned()}</span>
            <div class="top-bar-user">
                <span class="top-bar-email">{email.to_owned()}</span>
                <form method="post" action="/logout">
                    <button class="button quiet" type="submit">"Sign out"</button>
                </form>
            </div>
        </header>
        <div class="layout">
            <nav class="side-nav" aria-label="Settings">
                <p class="side-nav-title" aria-hidden="true">"Settings"</p>
                <ul>
                    {nav_item(frame, "/settings/webhooks", "webhook", "Webhooks")}
                    {nav_item(frame, "/settings/api-keys", "key", "API keys")}
                    {nav_item(frame, "/settings/account", "account", "Account")}
                </ul>
            </nav>
            <main id="main" class="content" tabindex="-1">
                {notice(frame)}
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
            {notice(frame)}
            <div class="entry-card" inner_html=content />
        </main>
    }
}

fn nav_item(frame: &Frame, href: &'static str, icon: &'static str, label: &'static str) -> impl IntoView + use<> {
    let here = frame.path == href || frame.path.strip_prefix(href).is_some_and(|rest| rest.starts_with('/'));
    view! {
        <li>
            <a href=href aria-current=here.then_some("page")>
                <Icon name=icon />
                {label}
            </a>
        </li>
    }
}

fn notice(frame: &Frame) -> Option<impl IntoView + use<>> {
    frame.notice.map(|notice| {
        view! {
            <p class="notice" role="status">
                <Icon name="check" />
                {notice.text()}
            </p>
        }
    })
}

#[component]
fn Brand(href: &'static str) -> impl IntoView {
    view! {
        <a class="brand" href=href>
            <Icon name="mark" class="brand-mark" />
            "Signet"
        </a>
    }
}
