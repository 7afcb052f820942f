//! The list of keys, of an account and of the operator, and the question before one is revoked.

use leptos::prelude::*;
use signet_engine::service::api_keys::ApiKey;
use signet_model::{ApiKeyId, Timestamp};

use super::{expiry, text};
use crate::{
    components::{Confirm, Icon, StatusMark, When, when_or, with_element},
    html::IntoHtml,
    words::moment,
};

/// The keys in rows. `revoke_path` is the address of the form that revokes one.
pub(crate) fn list(keys: &[ApiKey], now: Timestamp, revoke_path: fn(ApiKeyId) -> String) -> impl IntoView + use<> {
    if keys.is_empty() {
        return view! {
            <section class="card empty">
                <Icon name="key" />
                <h2>{text::NO_KEYS}</h2>
                <p>{text::NO_KEYS_ADVICE}</p>
            </section>
        }
        .html();
    }
    view! {
        <section class="card flush">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">{text::NAME}</th>
                        <th scope="col">{text::KEY}</th>
                        <th scope="col">{text::SCOPES}</th>
                        <th scope="col">{text::STATUS}</th>
                        <th scope="col">{text::CREATED_AT}</th>
                        <th scope="col">{text::LAST_USED}</th>
                        <th scope="col">{expiry::text::EXPIRES}</th>
                        <th scope="col"><span class="visually-hidden">{text::ACTIONS}</span></th>
                    </tr>
                </thead>
                <tbody>{keys.iter().map(|key| row(key, now, revoke_path)).collect_view()}</tbody>
            </table>
        </section>
    }
    .html()
}

fn row(key: &ApiKey, now: Timestamp, revoke_path: fn(ApiKeyId) -> String) -> impl IntoView + use<> {
    let status = expiry::status(key, now);
    let name = key.name.0.clone();
    let revoke = expiry::works(key, now).then(|| {
        view! {
            <Confirm
                id=format!("revoke-{}", key.id)
                action=revoke_path(key.id)
                open=text::REVOKE
                question=text::REVOKE_QUESTION
                verb=text::REVOKE_KEY
            >
                {consequences(&name)}
            </Confirm>
        }
    });
    view! {
        <tr>
            <td class="main-cell">{key.name.0.clone()}</td>
            <td data-label=text::KEY><span class="mono">{text::key_hint(&key.hint.0)}</span></td>
            <td data-label=text::SCOPES><span class="mono">{key.scopes.to_string()}</span></td>
            <td data-label=text::STATUS><StatusMark status=status /></td>
            <td data-label=text::CREATED_AT><When at=moment(key.created_at, now) /></td>
            <td data-label=text::LAST_USED>
                {when_or(key.last_used_at.map(|at| moment(at, now)), text::NEVER)}
            </td>
            <td data-label=expiry::text::EXPIRES>{expiry::cell(key, now)}</td>
            <td class="row-actions">{revoke}</td>
        </tr>
    }
}

/// The question of the dialog as a page of its own. Its form is at `action`; `back` is the
/// address of the list.
pub(crate) fn question(key: &ApiKey, action: String, back: &'static str) -> impl IntoView + use<> {
    view! {
        <section class="card">
            <h1>{text::REVOKE_QUESTION}</h1>
            {consequences(&key.name.0)}
            <form method="post" action=action class="form-actions">
                <button class="button danger" type="submit">{text::REVOKE_KEY}</button>
                <a class="button quiet" href=back>{text::CANCEL}</a>
            </form>
        </section>
    }
}

fn consequences(name: &str) -> impl IntoView + use<> {
    view! { <p>{with_element(text::CONSEQUENCES, name.to_owned())}</p> }
}
