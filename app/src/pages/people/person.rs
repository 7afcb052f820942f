//! One person of the account: their role, a new password, their removal.

use axum::{Router, response::Response};
use leptos::prelude::*;
use signet_engine::{actor::Permission, service::members};
use signet_model::{Role, UserId};

use super::{PATH, ROLE, refusal, text};
use crate::{
    components::{Breadcrumbs, Confirm, error_summary, link_panel, role_input, version_input, with_element},
    error::{PageError, PageResult},
    form::{Form, Part},
    frame::{Ids, PersonMember},
    handover::Handover,
    html::IntoHtml,
    methods::{get, post},
    pages::{login, reset},
    redirect::done,
    state::AppState,
};

const PARTS: [Part; 1] = [Part { label: text::ROLE, fields: &[&ROLE] }];

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(show))
        .route("/role", post(set_role))
        .route("/remove", post(remove))
        .route("/reset-link", post(make_reset_link))
}

/// The address of a person's page.
pub(super) fn path(id: UserId) -> String {
    format!("{PATH}/{id}")
}

async fn find(member: &PersonMember, id: UserId) -> Result<members::Member, PageError> {
    member.check(Permission::ManagePeople)?;
    let members = member.account().members().list().await?;
    members.into_iter().find(|one| one.id == id).ok_or(PageError::NotFound)
}

async fn show(member: PersonMember, Ids(id): Ids<UserId>) -> PageResult {
    let one = find(&member, id).await?;
    Ok(page(&member, &one, &stored(&one)))
}

/// The form with the role that the person has, which is its version as well.
fn stored(one: &members::Member) -> Form {
    Form::blank().with(&ROLE, one.role).made_from(one.role)
}

async fn set_role(member: PersonMember, Ids(id): Ids<UserId>, mut form: Form) -> PageResult {
    form.settle(&PARTS);
    let Ok(role) = form.parse::<Role>(&ROLE, |_| text::NO_ROLE.to_owned()) else {
        return Ok(page(&member, &find(&member, id).await?, &form));
    };
    let one = find(&member, id).await?;
    if form.is_of_another(one.role) && one.role != role {
        return Ok(page(&member, &one, &form.meet(&stored(&one), &PARTS)));
    }
    let own = id == member.person();
    match member.account().members().set_role(id, role).await {
        Ok(()) => Ok(done(text::ROLE_SAVED, if own { login::PATH } else { PATH })),
        Err(error) => refuse(&member, id, form.refused(refusal(error)?)).await,
    }
}

async fn remove(member: PersonMember, Ids(id): Ids<UserId>) -> PageResult {
    match member.account().members().remove(id).await {
        Ok(()) => Ok(done(text::REMOVED, PATH)),
        Err(error) => refuse(&member, id, Form::blank().refused(refusal(error)?)).await,
    }
}

/// Makes a link, and shows it on the page, this once.
async fn make_reset_link(member: PersonMember, Ids(id): Ids<UserId>) -> PageResult {
    match member.account().members().make_reset_link(id).await {
        Ok(token) => Ok(Handover::show(&reset::path(&token), &path(id))),
        Err(error) => refuse(&member, id, Form::blank().refused(refusal(error)?)).await,
    }
}

async fn refuse(member: &PersonMember, id: UserId, form: Form) -> PageResult {
    let one = find(member, id).await?;
    Ok(page(member, &one, &form.with(&ROLE, one.role)))
}

fn page(member: &PersonMember, one: &members::Member, form: &Form) -> Response {
    let roles = member.roles_to_give();
    let out_of_reach = one.role == Role::Owner && !member.is_owner();
    let email = one.email.clone();
    member.frame.render_form(form, &one.email, || {
        view! {
            <Breadcrumbs above=vec![(PATH.to_owned(), text::TITLE.to_owned())] here=email.clone() />
            <header class="page-head"><h1 class="wrap">{email.clone()}</h1></header>
            {error_summary(form)}
            {member
                .frame
                .handover()
                .map(|link| link_panel(text::RESET_MADE, text::RESET_SHOWN, text::LINK, &link))}
            {if out_of_reach {
                view! { <p class="card">{text::OWNERS_ONLY}</p> }.html()
            } else {
                view! {
                    <section class="card">
                        <h2>{text::ROLE_HEADING}</h2>
                        <form method="post" action=format!("{}/role", path(one.id)) class="form">
                            {version_input(form)}
                            {role_input(&ROLE, form, &roles)}
                            <div class="form-actions">
                                <button class="button primary" type="submit">{text::SAVE_ROLE}</button>
                            </div>
                        </form>
                    </section>
                    <section class="card">
                        <h2>{text::RESET_HEADING}</h2>
                        {if one.only_here {
                            view! {
                                <p class="hint">{text::RESET_HINT}</p>
                                <form method="post" action=format!("{}/reset-link", path(one.id))>
                                    <button class="button" type="submit">{text::RESET}</button>
                                </form>
                            }
                            .html()
                        } else {
                            view! { <p class="hint">{text::ELSEWHERE}</p> }.html()
                        }}
                    </section>
                    <section class="card">
                        <h2>{text::REMOVE_HEADING}</h2>
                        <Confirm
                            id="remove".to_owned()
                            action=format!("{}/remove", path(one.id))
                            open=text::REMOVE
                            question=text::REMOVE_QUESTION
                            verb=text::REMOVE
                        >
                            <p>{with_element(text::REMOVE_CONSEQUENCES, email.clone())}</p>
                        </Confirm>
                    </section>
                }
                .html()
            }}
        }
    })
}
