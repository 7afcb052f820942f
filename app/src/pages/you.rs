//! Settings > Your sign-in: e-mail address, password and sessions of the person.

pub(crate) mod text;
mod time_zone;

use axum::{Router, response::Response};
use leptos::prelude::*;
use signet_engine::service::myself::{ChangeError, ListedSession};
use signet_model::SessionId;

use crate::{
    components::{Breadcrumbs, When, error_summary, password_input, text_input, username},
    error::{PageError, PageResult},
    form::{Field, Form},
    frame::{Ids, Person},
    letters,
    methods::{get, post},
    pages::{accounts, login, reset},
    redirect::done,
    state::AppState,
    words::moment,
};

pub(crate) const PATH: &str = "/settings/you";
const TIME_ZONE_PATH: &str = "/settings/you/time-zone";
const EMAIL_PATH: &str = "/settings/you/email";
const PASSWORD_PATH: &str = "/settings/you/password";
const SESSIONS_PATH: &str = "/settings/you/sessions";

pub(crate) const EMAIL: Field = Field { kind: "email", autocomplete: "email", ..Field::text("email", text::EMAIL) };
pub(crate) const PROOF: Field = Field { autocomplete: "current-password", ..password("proof", text::PRESENT) };
pub(crate) const PRESENT: Field = Field { autocomplete: "current-password", ..password("present", text::PRESENT) };
pub(crate) const NEW: Field =
    Field { hint: reset::text::PASSWORD_HINT, autocomplete: "new-password", ..password("new", text::NEW) };

const fn password(name: &'static str, label: &'static str) -> Field {
    Field { kind: "password", ..Field::text(name, label) }
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(show))
        .route("/email", post(change_email))
        .route("/time-zone", post(time_zone::set))
        .route("/password", post(change_password))
        .route("/sessions/others/end", post(end_others))
        .route("/sessions/{id}/end", post(end))
}

async fn show(person: Person) -> PageResult {
    page(&person, Form::blank()).await
}

async fn change_email(person: Person, form: Form) -> PageResult {
    let email = form.get(&EMAIL).trim();
    let error = match person.myself()?.change_email(email, form.get(&PROOF)).await {
        Ok(()) => {
            let is_other = !email.eq_ignore_ascii_case(person.email());
            if let Some(id) = person.session.person().filter(|_| is_other) {
                letters::email_changed(&person.frame.state, id, person.email());
            }
            return Ok(done(text::EMAIL_CHANGED, PATH));
        }
        Err(error) => error,
    };
    let field = if matches!(error, ChangeError::WrongPassword) { &PROOF } else { &EMAIL };
    let words = sentence(error)?;
    page(&person, form.invalid(field, words)).await
}

async fn change_password(person: Person, form: Form) -> PageResult {
    let error = match person.myself()?.change_password(form.get(&PRESENT), form.get(&NEW)).await {
        Ok(token) => {
            return Ok(person.frame.keep(&token, done(text::PASSWORD_CHANGED, PATH)));
        }
        Err(error) => error,
    };
    let field = if matches!(error, ChangeError::WrongPassword) { &PRESENT } else { &NEW };
    let words = sentence(error)?;
    page(&person, form.invalid(field, words)).await
}

fn sentence(error: ChangeError) -> Result<String, PageError> {
    match error {
        ChangeError::Store(error) => Err(error.into()),
        error => Ok(error.to_string()),
    }
}

async fn end(person: Person, Ids(id): Ids<SessionId>) -> PageResult {
    person.myself()?.end_session(id).await?;
    Ok(done(text::ENDED, if id == person.session.id { login::PATH } else { PATH }))
}

async fn end_others(person: Person) -> PageResult {
    person.myself()?.end_other_sessions().await?;
    Ok(done(text::OTHERS_ENDED, PATH))
}

async fn page(person: &Person, form: Form) -> PageResult {
    let sessions = person.myself()?.sessions().await?;
    let form = if form.get(&EMAIL).is_empty() { form.with(&EMAIL, person.email()) } else { form };
    Ok(render(person, &sessions, &form))
}

fn render(person: &Person, sessions: &[ListedSession], form: &Form) -> Response {
    person.frame.render_form(form, text::TITLE, || {
        view! {
            <Breadcrumbs here=text::TITLE />
            <header class="page-head">
                <div>
                    <h1>{text::TITLE}</h1>
                    <p class="lead">{text::LEAD}</p>
                </div>
                <a class="button" href=accounts::PATH>{text::ACCOUNTS}</a>
            </header>
            {error_summary(form)}
            <section class="card">
                <h2>{text::EMAIL}</h2>
                <form method="post" action=EMAIL_PATH class="form" novalidate>
                    {text_input(&EMAIL, form)}
                    {password_input(&PROOF, form)}
                    <div class="form-actions">
                        <button class="button primary" type="submit">{text::CHANGE_EMAIL}</button>
                    </div>
                </form>
            </section>
            <section class="card">
                <h2>{text::PASSWORD}</h2>
                <p class="hint">{text::PASSWORD_LEAD}</p>
                <form method="post" action=PASSWORD_PATH class="form" novalidate>
                    {username(person.email())}
                    {password_input(&PRESENT, form)}
                    {password_input(&NEW, form)}
                    <div class="form-actions">
                        <button class="button primary" type="submit">{text::CHANGE_PASSWORD}</button>
                    </div>
                </form>
            </section>
            {time_zone::card(person, form)}
            {table(person, sessions)}
        }
    })
}

fn table(person: &Person, sessions: &[ListedSession]) -> impl IntoView + use<> {
    let (now, this) = (person.frame.now, person.session.id);
    let rows = sessions.iter().map(|one| {
        let known = |words: &str, unknown: &str| if words.is_empty() { unknown.to_owned() } else { words.to_owned() };
        let device = known(&one.device.0, text::UNKNOWN_DEVICE);
        let label = format!("{}: {device}", text::END);
        view! {
            <tr>
                <td class="main-cell">
                    {device}
                    {(one.id == this).then(|| view! { " " <span class="muted">{text::THIS}</span> })}
                </td>
                <td data-label=text::ADDRESS>{known(&one.address.0, text::UNKNOWN_ADDRESS)}</td>
                <td data-label=text::SIGNED_IN><When at=moment(one.created_at, now) /></td>
                <td data-label=text::USED><When at=moment(one.used_at, now) /></td>
                <td class="row-actions">
                    <form method="post" action=format!("{SESSIONS_PATH}/{}/end", one.id)>
                        <button class="button danger-quiet" type="submit" aria-label=label>{text::END}</button>
                    </form>
                </td>
            </tr>
        }
    });
    let has_others = sessions.iter().any(|one| one.id != this);
    view! {
        <section class="card flush">
            <h2 class="table-title">{text::SESSIONS}</h2>
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">{text::DEVICE}</th>
                        <th scope="col">{text::ADDRESS}</th>
                        <th scope="col">{text::SIGNED_IN}</th>
                        <th scope="col">{text::USED}</th>
                        <th scope="col"><span class="visually-hidden">{text::ACTIONS}</span></th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </section>
        {has_others
            .then(|| {
                view! {
                    <form method="post" action=format!("{SESSIONS_PATH}/others/end") class="form-actions">
                        <button class="button" type="submit">{text::END_OTHERS}</button>
                    </form>
                }
            })}
    }
}

#[cfg(test)]
mod tests;
