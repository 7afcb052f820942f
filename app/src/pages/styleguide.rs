//! The style guide: each shared part in each of its states, for those who develop pages. It is
//! found in development only.

mod charts;
mod controls;
mod words;

use axum::{Router, extract::State};
use leptos::prelude::*;

use crate::{
    error::{PageError, PageResult},
    frame::Frame,
    methods::get,
    state::AppState,
};

pub(crate) const PATH: &str = "/styleguide";

const TITLE: &str = "Style guide";
const LEAD: &str = "Each shared part in each of its states, with what it is for.";

/// The routes.
pub(crate) fn routes() -> Router<AppState> {
    Router::new().route(PATH, get(show))
}

async fn show(State(state): State<AppState>, frame: Frame) -> PageResult {
    if !state.dev {
        return Err(PageError::NotFound);
    }
    Ok(frame.render(TITLE, || {
        view! {
            <header class="page-head">
                <div>
                    <h1>{TITLE}</h1>
                    <p class="lead">{LEAD}</p>
                </div>
            </header>
            {charts::figures()}
            {charts::bars()}
            {charts::small()}
            {words::tabs()}
            {words::statuses()}
            {words::messages()}
            {words::type_scale()}
            {controls::buttons()}
            {controls::fields()}
            {controls::dialogs()}
            {controls::table()}
            {words::empty()}
        }
    }))
}

/// One part, under its name.
fn part<V: IntoView>(name: &'static str, advice: &'static str, content: V) -> impl IntoView + use<V> {
    view! {
        <section class="card">
            <div>
                <h2>{name}</h2>
                <p class="hint">{advice}</p>
            </div>
            {content}
        </section>
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;
    use crate::testing::Visitor;

    #[tokio::test]
    async fn the_guide_is_found_in_development_only_and_shows_each_part() {
        let owner = Visitor::owner().await;
        assert_eq!(owner.get(PATH).await.status, StatusCode::NOT_FOUND);
        let page = owner.in_development().get(PATH).await;
        assert_eq!(page.status, StatusCode::OK);
        let parts = ["figures", "chart", "sparkline", "dots", "duration", "tabs", "badge", "status", "empty", "pages"];
        for part in
            parts.into_iter().chain(["menu-list", "dialog", "error-summary", "notice", "button", "field", "table"])
        {
            assert!(
                page.html.contains(&format!("class=\"{part}")) || page.html.contains(&format!(" {part}\"")),
                "{part}"
            );
        }
        assert!(!page.html.contains(" style="));
    }
}
