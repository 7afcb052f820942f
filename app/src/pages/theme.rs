//! The choice between light and dark, which a browser keeps; its form stands on all pages.

use axum::{Router, http::HeaderMap, response::Response};
use leptos::prelude::*;
use signet_model::portal::Theme;

use crate::{
    components::Icon,
    cookie,
    form::{Field, Form},
    frame::Frame,
    methods::post,
    redirect::{HOME, local_path, see_other, with_cookie},
    state::AppState,
};

pub(crate) const PATH: &str = "/theme";

/// Says nothing of the person, and stays when they sign out.
const COOKIE: &str = "__Host-signet-theme";
const LIFETIME_SECONDS: u64 = 400 * 24 * 60 * 60;

const THEME: Field = Field::named("theme");
const BACK: Field = Field::named("back");

mod text {
    use super::Theme;

    pub(super) const THEME: &str = "Theme";

    pub(super) const fn name(theme: Theme) -> &'static str {
        match theme {
            Theme::Auto => "Auto",
            Theme::Light => "Light",
            Theme::Dark => "Dark",
        }
    }
}

/// The routes.
pub(crate) fn routes() -> Router<AppState> {
    Router::new().route(PATH, post(choose))
}

/// The theme that the browser was told to keep.
pub(crate) fn chosen(headers: &HeaderMap) -> Option<Theme> {
    cookie::value(headers, COOKIE)?.parse().ok()
}

async fn choose(form: Form) -> Response {
    let back = see_other(local_path(form.get(&BACK)).unwrap_or(HOME));
    match form.get(&THEME).parse::<Theme>() {
        Ok(theme) => with_cookie(cookie::set(COOKIE, theme.as_str(), LIFETIME_SECONDS), back),
        Err(_) => back,
    }
}

/// The three choices, and a way back to this page.
pub(crate) fn switch(frame: &Frame) -> impl IntoView + use<> {
    let now = frame.theme();
    // What a form has answered cannot be opened, but its path can.
    let back = if frame.address.is_empty() { frame.path.clone() } else { frame.address.clone() };
    let choices = [(Theme::Auto, "contrast"), (Theme::Light, "sun"), (Theme::Dark, "moon")];
    view! {
        <form class="theme" method="post" action=PATH>
            <input type="hidden" name=BACK.name value=back />
            <span id="theme-label">{text::THEME}</span>
            <span class="segments" role="group" aria-labelledby="theme-label">
                {choices
                    .map(|(theme, icon)| {
                        let pressed = if theme == now { "true" } else { "false" };
                        view! {
                            <button type="submit" name=THEME.name value=theme.as_str() aria-pressed=pressed>
                                <Icon name=icon />
                                {text::name(theme)}
                            </button>
                        }
                    })
                    .collect_view()}
            </span>
        </form>
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{StatusCode, header};

    use super::*;
    use crate::{
        pages::webhooks,
        testing::{Visitor, encode},
    };

    #[tokio::test]
    async fn a_theme_is_kept_and_leads_back_to_its_page() {
        let owner = Visitor::owner().await;
        let form = encode(&[(&THEME, "dark"), (&BACK, "/settings/account?a=b")]);
        let answer = owner.post(PATH, &form).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/settings/account?a=b"));
        let cookie = answer.header(header::SET_COOKIE).to_owned();
        assert!(cookie.starts_with("__Host-signet-theme=dark; Max-Age=34560000; Path=/; Secure; HttpOnly"), "{cookie}");
        let kept = cookie.split(';').next().unwrap_or_default();
        let page = owner.get_with(webhooks::PATH, &[(header::COOKIE, kept)]).await;
        assert!(page.html.contains(r#"data-theme="dark""#), "{}", page.html);
        assert!(page.html.contains(r#"value="dark" aria-pressed="true""#), "{}", page.html);
        assert!(owner.get(webhooks::PATH).await.html.contains(r#"data-theme="auto""#));
    }

    #[tokio::test]
    async fn no_other_site_is_led_back_to_and_no_other_theme_kept() {
        let owner = Visitor::owner().await;
        let answer = owner.post(PATH, &encode(&[(&THEME, "pink"), (&BACK, "//evil.example")])).await;
        assert_eq!((answer.location(), answer.header(header::SET_COOKIE)), (HOME, ""));
    }
}
