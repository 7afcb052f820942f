//! Settings > People: who belongs to the account, and who is invited.

mod person;
pub(crate) mod text;

use axum::{Router, response::Response};
use leptos::prelude::*;
use signet_engine::{
    actor::Permission,
    service::{
        invitations::{Invitation, InviteError},
        members::{self, MemberError},
    },
};
use signet_model::{InvitationId, Role};

use crate::{
    components::{
        Breadcrumbs, Confirm, When, alert, error_summary, form_id_input, link_panel, role_input, text_input, when_or,
    },
    error::{PageError, PageResult},
    form::{Field, Form},
    frame::{Frame, Ids, PersonMember},
    handover::Handover,
    html::IntoHtml,
    letters,
    methods::{get, post},
    pages::{login, setup},
    redirect::done,
    state::AppState,
    words::{self, moment},
};

pub(crate) const PATH: &str = "/settings/people";
pub(crate) const INVITATIONS_PATH: &str = "/settings/people/invitations";
const LEAVE_PATH: &str = "/settings/people/leave";

pub(crate) const EMAIL: Field = Field {
    kind: "email",
    hint: text::EMAIL_HINT,
    placeholder: "you@example.com",
    ..Field::text("email", text::EMAIL)
};
pub(crate) const ROLE: Field = Field::text("role", text::ROLE);

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(show))
        .route("/invitations", post(invite))
        .route("/invitations/{id}/withdraw", post(withdraw))
        .route("/leave", post(leave))
        .nest("/{id}", person::routes())
}

fn withdraw_path(id: InvitationId) -> String {
    format!("{INVITATIONS_PATH}/{id}/withdraw")
}

/// Everything that the page shows.
struct Content {
    members: Vec<members::Member>,
    /// `None` for those who may not invite.
    invitations: Option<Vec<Invitation>>,
}

impl Content {
    async fn of(member: &PersonMember) -> Result<Self, PageError> {
        let members = member.account().members();
        let invitations = if member.may(Permission::ManagePeople) { Some(members.invitations().await?) } else { None };
        Ok(Self { members: members.list().await?, invitations })
    }
}

async fn show(member: PersonMember) -> PageResult {
    let form = Form::blank().with(&ROLE, Role::Developer);
    Ok(page(&member, &Content::of(&member).await?, &form))
}

/// Invites somebody, and shows the link on the page, this once.
async fn invite(member: PersonMember, mut form: Form) -> PageResult {
    member.check(Permission::ManagePeople)?;
    let Ok(role) = form.parse::<Role>(&ROLE, |_| text::NO_ROLE.to_owned()) else {
        return Ok(page(&member, &Content::of(&member).await?, &form));
    };
    let email = form.get(&EMAIL).trim().to_owned();
    let error = match member.account().members().invite(&email, role).await {
        Ok(token) => {
            let (path, account) = (setup::path(&token), member.account().get().await?);
            letters::invite(&member.frame.state, account.id, &account.name, &email, role, &path);
            return Ok(Handover::show(&path, PATH));
        }
        Err(InviteError::Store(error)) => return Err(error.into()),
        Err(error) => error,
    };
    let form = match error {
        InviteError::OwnersOnly => form.invalid(&ROLE, error.to_string()),
        InviteError::TooMany(_) => form.refused(error.to_string()),
        _ => form.invalid(&EMAIL, error.to_string()),
    };
    Ok(page(&member, &Content::of(&member).await?, &form))
}

async fn withdraw(member: PersonMember, Ids(id): Ids<InvitationId>) -> PageResult {
    member.account().members().withdraw(id).await?;
    Ok(done(text::WITHDRAWN, PATH))
}

async fn leave(member: PersonMember) -> PageResult {
    match member.account().members().leave().await {
        Ok(()) => Ok(done(text::LEFT, login::PATH)),
        Err(error) => {
            let form = Form::blank().with(&ROLE, Role::Developer).refused(refusal(error)?);
            Ok(page(&member, &Content::of(&member).await?, &form))
        }
    }
}

/// The sentence for a change that the rules of the account forbid.
fn refusal(error: MemberError) -> Result<&'static str, PageError> {
    match error {
        MemberError::LastOwner => Ok(text::LAST_OWNER),
        MemberError::OwnersOnly => Ok(text::OWNERS_ONLY),
        MemberError::Elsewhere => Ok(text::ELSEWHERE),
        MemberError::NotFound => Err(PageError::NotFound),
        MemberError::Store(error) => Err(error.into()),
    }
}

fn page(member: &PersonMember, content: &Content, form: &Form) -> Response {
    let frame = &member.frame;
    let mails = frame.state.mailer.is_some();
    frame.render_form(form, text::TITLE, || {
        view! {
            <Breadcrumbs here=text::TITLE />
            <header class="page-head">
                <div>
                    <h1>{text::TITLE}</h1>
                    <p class="lead">{text::LEAD}</p>
                </div>
            </header>
            {frame.handover().map(|link| {
                let sent = if mails { text::LINK_MAILED } else { text::LINK_SHOWN };
                link_panel(text::INVITED, sent, text::LINK, &link)
            })}
            {match &content.invitations {
                Some(_) => invite_form(member, form).html(),
                None => form.refusal().map(|refusal| alert(refusal.to_owned())).html(),
            }}
            {members_table(member, &content.members)}
            {content
                .invitations
                .as_ref()
                .filter(|list| !list.is_empty())
                .map(|list| invitations_table(frame, list))}
            <section class="card">
                <h2>{text::LEAVE}</h2>
                <p class="hint">{text::LEAVE_HINT}</p>
                <Confirm
                    id="leave".to_owned()
                    action=LEAVE_PATH.to_owned()
                    open=text::LEAVE
                    question=text::LEAVE_QUESTION
                    verb=text::LEAVE
                >
                    <p>{text::LEAVE_CONSEQUENCES}</p>
                </Confirm>
            </section>
        }
    })
}

fn invite_form(member: &PersonMember, form: &Form) -> impl IntoView + use<> {
    let roles = member.roles_to_give();
    view! {
        <section class="card">
            <h2>{text::INVITE_HEADING}</h2>
            {error_summary(form)}
            <form method="post" action=INVITATIONS_PATH class="form" novalidate>
                {form_id_input(form, &member.frame)}
                {text_input(&EMAIL, form)}
                {role_input(&ROLE, form, &roles)}
                <div class="form-actions">
                    <button class="button primary" type="submit">{text::INVITE}</button>
                </div>
            </form>
        </section>
    }
}

fn members_table(member: &PersonMember, members: &[members::Member]) -> impl IntoView + use<> {
    let now = member.frame.now;
    let manages = member.may(Permission::ManagePeople);
    let rows = members.iter().map(|one| {
        let is_me = one.id == member.person();
        view! {
            <tr>
                <td class="main-cell">
                    {one.email.clone()}
                    {is_me.then(|| view! { " " <span class="muted">{text::YOU}</span> })}
                </td>
                <td data-label=text::ROLE>{words::role(one.role)}</td>
                <td data-label=text::JOINED><When at=moment(one.joined_at, now) /></td>
                <td data-label=text::SEEN>
                    {when_or(one.seen_at.map(|at| moment(at, now)), text::NEVER)}
                </td>
                <td class="row-actions">
                    {manages
                        .then(|| {
                            let label = format!("{} {}", text::CHANGE, one.email);
                            view! { <a class="button quiet" href=person::path(one.id) aria-label=label>{text::CHANGE}</a> }
                        })}
                </td>
            </tr>
        }
    });
    view! {
        <section class="card flush">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">{text::EMAIL}</th>
                        <th scope="col">{text::ROLE}</th>
                        <th scope="col">{text::JOINED}</th>
                        <th scope="col">{text::SEEN}</th>
                        <th scope="col"><span class="visually-hidden">{text::ACTIONS}</span></th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </section>
    }
}

fn invitations_table(frame: &Frame, invitations: &[Invitation]) -> impl IntoView + use<> {
    let now = frame.now;
    let rows = invitations.iter().map(|one| {
        let email = one.email.clone().unwrap_or_else(|| text::OPERATORS_LINK.to_owned());
        let label = format!("{}: {email}", text::WITHDRAW);
        view! {
            <tr>
                <td class="main-cell">{email}</td>
                <td data-label=text::ROLE>{words::role(one.role)}</td>
                <td data-label=text::EXPIRES><When at=moment(one.expires_at, now) /></td>
                <td class="row-actions">
                    <form method="post" action=withdraw_path(one.id)>
                        <button class="button danger-quiet" type="submit" aria-label=label>{text::WITHDRAW}</button>
                    </form>
                </td>
            </tr>
        }
    });
    view! {
        <section class="card flush">
            <h2 class="table-title">{text::INVITATIONS}</h2>
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">{text::EMAIL}</th>
                        <th scope="col">{text::ROLE}</th>
                        <th scope="col">{text::EXPIRES}</th>
                        <th scope="col"><span class="visually-hidden">{text::ACTIONS}</span></th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </section>
    }
}

#[cfg(test)]
mod tests;
