//! Operator > Accounts > one of them: its name, state, balance and life, and what the operator
//! does about it.

use axum::{Router, http::HeaderMap, response::Response};
use leptos::prelude::*;
use signet_engine::service::{
    accounts::{Account, Activity},
    members::Member,
};
use signet_model::{AccountId, Amount, Timestamp, UserId, text::AccountName};

use super::{
    ROOT,
    accounts::{self, NAME, status},
    erasure, shown_once,
};
use crate::{
    components::{
        Breadcrumbs, CopyButton, StatusMark, When, error_summary, hidden_input, link_panel, text_input, version_input,
        when_or,
    },
    error::{PageError, PageResult},
    form::{Field, Form, Part, VERSION},
    frame::{Frame, Ids},
    html::IntoHtml,
    methods::{get, post},
    operating::Operating,
    pages::{reset, setup},
    redirect::{done, see_other},
    state::AppState,
    words::{self, moment},
};

pub(super) const BALANCE: Field =
    Field { hint: text::BALANCE_HINT, inputmode: "decimal", ..Field::text("balance", text::BALANCE) };
pub(super) const THRESHOLD: Field = Field {
    hint: text::THRESHOLD_HINT,
    inputmode: "decimal",
    optional: true,
    ..Field::text("threshold", text::THRESHOLD)
};

const NAME_PART: [Part; 1] = [Part { label: NAME.label, fields: &[&NAME] }];
const BALANCE_PART: [Part; 1] = [Part { label: BALANCE.label, fields: &[&BALANCE] }];
const THRESHOLD_PART: [Part; 1] = [Part { label: THRESHOLD.label, fields: &[&THRESHOLD] }];

pub(crate) mod text {
    use signet_model::amount::InvalidAmount;

    pub(super) const FACTS: &str = "Account";
    pub(super) const ID: &str = "Account id";
    pub(super) const STATUS: &str = "Status";
    pub(super) const MADE: &str = "Created";
    pub(super) const LAST_EVENT: &str = "Last event";
    pub(super) const LAST_SEEN: &str = "Last signed in";
    pub(super) const WEBHOOKS: &str = "Webhooks";
    pub(super) const NEVER: &str = "Never";
    pub(super) const LINK: &str = "Link";
    pub(super) const LINK_ADVICE: &str = "Hand it over now: it is not shown again, and works once.";
    pub(super) const LINK_MADE: &str =
        "Link for the first owner made. It holds for 24 hours; the one of before works no more.";
    pub(super) const FIRST_OWNER: &str = "First owner";
    pub(super) const FIRST_OWNER_MEANING: &str = "Nobody belongs to this account yet. If the link for its owner has expired or was lost, make a new one; the one of before ends.";
    pub(super) const MAKE_LINK: &str = "Make a new link";
    pub(super) const HAS_OWNER: &str = "The account has an owner, who signs in with a password and can invite others.";
    pub(super) const PERSON: &str = "Person";
    pub(super) const ROLE: &str = "Role";
    pub(super) const RESET: &str = "Make a link for a new password";
    pub(super) const RESET_MADE: &str = "Link for a new password made. It works once, and for an hour.";
    pub(super) const RENAME: &str = "Rename";
    pub(super) const SAVE_NAME: &str = "Save name";
    pub(super) const RENAMED: &str = "Name saved. The former name goes on meaning this account.";
    pub(super) const BALANCE: &str = "Balance";
    pub(super) const BALANCE_HINT: &str = "Usually your backend reports it. When it falls below the threshold, webhooks that want balance.low are told once.";
    pub(super) const SAVE_BALANCE: &str = "Save balance";
    pub(super) const BALANCE_SAVED: &str = "Balance saved.";
    pub(super) const THRESHOLD: &str = "Balance threshold";
    pub(super) const THRESHOLD_HINT: &str = "Leave it empty to switch balance.low off.";
    pub(super) const SAVE_THRESHOLD: &str = "Save threshold";
    pub(super) const THRESHOLD_SAVED: &str = "Balance threshold saved.";
    pub(super) const THRESHOLD_REMOVED: &str = "Balance threshold removed.";
    pub(super) const SUSPENSION: &str = "Suspension";
    pub(super) const SUSPEND: &str = "Suspend account";
    pub(super) const SUSPEND_MEANING: &str = "While it is suspended, new events are refused, and nothing is sent. Deliveries that wait are kept. Its people can sign in, and see why.";
    pub(super) const SUSPENDED: &str = "Account suspended.";
    pub(super) const RESUME: &str = "Resume account";
    pub(super) const RESUME_MEANING: &str = "The account is suspended: new events are refused, and nothing is sent. Resume it, and what has waited goes out.";
    pub(super) const RESUMED: &str = "Account resumed. What has waited is being sent.";
    pub(super) const ERASE: &str = "Erase account";
    pub(super) const ERASE_MEANING: &str = "Removes the account with all that is stored about it: events, deliveries, webhooks, keys, its audit log, and the people who have no other account.";

    pub(super) fn invalid(error: InvalidAmount) -> String {
        match error {
            InvalidAmount::NotANumber => "Enter a number such as 50 or 45.5.",
            InvalidAmount::OutOfRange => "Enter a number that is not so large, or not so close to 0.",
            InvalidAmount::Inexact => "The number has more digits than can be kept. Round it to 15 digits.",
        }
        .to_owned()
    }
}

/// The address of an account's page.
pub(super) fn path(id: AccountId) -> String {
    format!("{}/{id}", accounts::PATH)
}

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(show))
        .route("/name", post(rename))
        .route("/balance", post(set_balance))
        .route("/threshold", post(set_threshold))
        .route("/setup-link", post(reissue_link))
        .route("/people/{person}/reset-link", post(make_reset_link))
        .route("/suspend", post(suspend))
        .route("/resume", post(resume))
        .merge(erasure::routes())
}

/// The page; after a link was made, with it, this once.
async fn show(operating: Operating, Ids(id): Ids<AccountId>, headers: HeaderMap) -> PageResult {
    let link = shown_once::carried(&operating, &headers, &path(id));
    let page = page_with(&operating, id, Form::blank(), Shown { link: link.as_deref(), sent: None }).await?;
    Ok(shown_once::forgotten(link.as_ref(), page))
}

/// Makes a link for the first owner of an account that has nobody yet. The one of before ends.
async fn reissue_link(operating: Operating, Ids(id): Ids<AccountId>) -> PageResult {
    if operating.engine().account(&operating.actor(id)).has_owner().await? {
        return page_with(&operating, id, Form::blank().refused(text::HAS_OWNER), Shown::default()).await;
    }
    make_link(&operating, id, text::LINK_MADE).await
}

/// Makes a link with which a person of the account sets another password.
async fn make_reset_link(operating: Operating, Ids((id, person)): Ids<(AccountId, UserId)>) -> PageResult {
    let actor = operating.actor(id);
    let members = operating.engine().account(&actor).members().list().await?;
    let member = members.iter().find(|member| member.id == person).ok_or(PageError::NotFound)?;
    let token = operating.engine().resets().make(&operating.operator, &member.email).await?;
    let link = format!("{}{}", operating.frame.origin(), reset::path(&token));
    Ok(shown_once::lead_to(&operating, &path(id), text::RESET_MADE, &link))
}

/// Makes a link for the first owner, and leads to the account's page, which shows it.
pub(super) async fn make_link(operating: &Operating, id: AccountId, message: &str) -> PageResult {
    let token = operating.engine().account(&operating.actor(id)).create_setup_link().await?;
    let link = format!("{}{}", operating.frame.origin(), setup::path(&token));
    Ok(shown_once::lead_to(operating, &path(id), message, &link))
}

/// The form with what is stored in one field, which is its version as well.
fn stored(field: &Field, value: &str) -> Form {
    Form::blank().with(field, value).made_from(version(value))
}

/// A stored value as a version: an empty one is not that of a form without a version.
const fn version(value: &str) -> &str {
    if value.is_empty() { "none" } else { value }
}

fn written(amount: Option<Amount>) -> String {
    amount.map(|it| it.to_string()).unwrap_or_default()
}

async fn rename(operating: Operating, Ids(id): Ids<AccountId>, mut form: Form) -> PageResult {
    let actor = operating.actor(id);
    form.settle(&NAME_PART);
    if let Ok(name) = form.parse::<AccountName>(&NAME, words::invalid_text) {
        let now = operating.engine().account(&actor).get().await?.name;
        if form.is_of_another(version(&now)) && name.as_str() != now {
            return page(&operating, id, form.meet(&stored(&NAME, &now), &NAME_PART), &NAME).await;
        }
        match operating.engine().account(&actor).rename(&name).await {
            Ok(()) => return Ok(done(text::RENAMED, &path(id))),
            Err(error) => form = accounts::taken(form, error)?,
        }
    }
    page(&operating, id, form, &NAME).await
}

async fn set_balance(operating: Operating, Ids(id): Ids<AccountId>, mut form: Form) -> PageResult {
    form.settle(&BALANCE_PART);
    let Ok(balance) = form.parse::<Amount>(&BALANCE, text::invalid) else {
        return page(&operating, id, form, &BALANCE).await;
    };
    let now = operating.engine().account(&operating.actor(id)).get().await?.balance;
    if form.is_of_another(version(&written(now))) && Some(balance) != now {
        let form = form.meet(&stored(&BALANCE, &written(now)), &BALANCE_PART);
        return page(&operating, id, form, &BALANCE).await;
    }
    operating.engine().account(&operating.actor(id)).set_balance(balance).await?;
    Ok(done(text::BALANCE_SAVED, &path(id)))
}

/// Saves the threshold; an empty field clears it.
async fn set_threshold(operating: Operating, Ids(id): Ids<AccountId>, mut form: Form) -> PageResult {
    form.settle(&THRESHOLD_PART);
    let Ok(threshold) = form.parse_optional::<Amount>(&THRESHOLD, text::invalid) else {
        return page(&operating, id, form, &THRESHOLD).await;
    };
    let now = operating.engine().account(&operating.actor(id)).get().await?.balance_threshold;
    if form.is_of_another(version(&written(now))) && threshold != now {
        let form = form.meet(&stored(&THRESHOLD, &written(now)), &THRESHOLD_PART);
        return page(&operating, id, form, &THRESHOLD).await;
    }
    operating.engine().account(&operating.actor(id)).set_balance_threshold(threshold).await?;
    Ok(done(if threshold.is_some() { text::THRESHOLD_SAVED } else { text::THRESHOLD_REMOVED }, &path(id)))
}

async fn suspend(operating: Operating, Ids(id): Ids<AccountId>) -> PageResult {
    operating.engine().account(&operating.actor(id)).suspend().await?;
    Ok(done(text::SUSPENDED, &path(id)))
}

async fn resume(operating: Operating, Ids(id): Ids<AccountId>) -> PageResult {
    operating.engine().account(&operating.actor(id)).resume().await?;
    Ok(done(text::RESUMED, &path(id)))
}

/// The page, with the form that was refused. The other forms show what is stored.
async fn page(operating: &Operating, id: AccountId, form: Form, sent: &'static Field) -> PageResult {
    page_with(operating, id, form, Shown { sent: Some(sent), link: None }).await
}

/// What the page shows besides what is stored.
#[derive(Default)]
struct Shown<'s> {
    /// The field of the form that was sent.
    sent: Option<&'static Field>,
    /// The link that was just made.
    link: Option<&'s str>,
}

async fn page_with(operating: &Operating, id: AccountId, form: Form, shown: Shown<'_>) -> PageResult {
    let actor = operating.actor(id);
    let handle = operating.engine().account(&actor);
    let account = handle.get().await?;
    if account.erased_at.is_some() {
        return Ok(see_other(&erasure::path(id)));
    }
    let activity = handle.activity().await?;
    let view = View { account, activity, members: handle.members().list().await?, shown };
    Ok(content(&operating.frame, &view, &filled(form, &view.account)))
}

/// The form with what is stored, in the fields that were not sent.
fn filled(form: Form, account: &Account) -> Form {
    form.with(&NAME, &account.name)
        .with(&BALANCE, written(account.balance))
        .with(&THRESHOLD, written(account.balance_threshold))
}

/// All that the page shows.
struct View<'v> {
    account: Account,
    activity: Activity,
    members: Vec<Member>,
    shown: Shown<'v>,
}

fn content(frame: &Frame, view: &View<'_>, form: &Form) -> Response {
    let View { account, activity, members, shown } = view;
    let card =
        |title, action, field, verb, stored: &str| card(title, action, (field, verb), form, (shown.sent, stored));
    let above = vec![(accounts::PATH.to_owned(), accounts::text::TITLE.to_owned())];
    frame.render_form(form, &account.name, || {
        view! {
            <Breadcrumbs root=ROOT above=above here=account.name.clone() />
            <header class="page-head"><h1>{account.name.clone()}</h1></header>
            {error_summary(form)}
            {shown.link.map(|link| link_panel(text::LINK, text::LINK_ADVICE, text::LINK, link))}
            {facts(frame, account, activity)}
            {if members.is_empty() {
                first_owner(account.id).html()
            } else {
                people(account.id, members, frame.now).html()
            }}
            {card(text::RENAME, format!("{}/name", path(account.id)), &NAME, text::SAVE_NAME, &account.name)}
            {card(text::BALANCE, format!("{}/balance", path(account.id)), &BALANCE, text::SAVE_BALANCE, &written(account.balance))}
            {card(text::THRESHOLD, format!("{}/threshold", path(account.id)), &THRESHOLD, text::SAVE_THRESHOLD, &written(account.balance_threshold))}
            {suspension(account)}
            <section class="card">
                <h2>{text::ERASE}</h2>
                <p>{text::ERASE_MEANING}</p>
                <p><a class="button danger-quiet" href=erasure::path(account.id)>{text::ERASE}</a></p>
            </section>
        }
    })
}

fn facts(frame: &Frame, account: &Account, activity: &Activity) -> impl IntoView + use<> {
    let now = frame.now;
    let when = move |at: Option<Timestamp>| when_or(at.map(|at| moment(at, now)), text::NEVER);
    view! {
        <section class="card">
            <h2>{text::FACTS}</h2>
            <dl class="facts">
                <div>
                    <dt>{text::ID}</dt>
                    <dd class="with-copy">
                        <span class="mono wrap">{account.id.to_string()}</span>
                        <CopyButton text=account.id.to_string() />
                    </dd>
                </div>
                <div><dt>{text::STATUS}</dt><dd><StatusMark status=status(account) /></dd></div>
                <div><dt>{text::MADE}</dt><dd><When at=moment(account.created_at, now) /></dd></div>
                <div><dt>{text::LAST_EVENT}</dt><dd>{when(activity.last_event_at)}</dd></div>
                <div><dt>{text::LAST_SEEN}</dt><dd>{when(activity.last_seen_at)}</dd></div>
                <div><dt>{text::WEBHOOKS}</dt><dd>{activity.webhooks.to_string()}</dd></div>
            </dl>
        </section>
    }
}

/// The way to a link for an account that has nobody yet.
fn first_owner(id: AccountId) -> impl IntoView {
    view! {
        <section class="card">
            <h2>{text::FIRST_OWNER}</h2>
            <p>{text::FIRST_OWNER_MEANING}</p>
            <form method="post" action=format!("{}/setup-link", path(id)) class="form-actions">
                <button class="button" type="submit">{text::MAKE_LINK}</button>
            </form>
        </section>
    }
}

fn people(id: AccountId, members: &[Member], now: Timestamp) -> impl IntoView + use<> {
    view! {
        <section class="card flush">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">{text::PERSON}</th>
                        <th scope="col">{text::ROLE}</th>
                        <th scope="col">{text::LAST_SEEN}</th>
                        <th scope="col"><span class="visually-hidden">{text::RESET}</span></th>
                    </tr>
                </thead>
                <tbody>{members.iter().map(|member| person(id, member, now)).collect_view()}</tbody>
            </table>
        </section>
    }
}

fn person(id: AccountId, member: &Member, now: Timestamp) -> impl IntoView + use<> {
    view! {
        <tr>
            <td class="main-cell">{member.email.clone()}</td>
            <td data-label=text::ROLE>{words::role(member.role)}</td>
            <td data-label=text::LAST_SEEN>
                {when_or(member.seen_at.map(|at| moment(at, now)), text::NEVER)}
            </td>
            <td class="row-actions">
                <form method="post" action=format!("{}/people/{}/reset-link", path(id), member.id)>
                    <button class="button quiet" type="submit">{text::RESET}</button>
                </form>
            </td>
        </tr>
    }
}

/// A card with a form of one field. The one that was sent has its own version, and the others
/// have that of what is stored.
fn card(
    title: &'static str,
    action: String,
    (field, verb): (&'static Field, &'static str),
    form: &Form,
    (sent, stored): (Option<&'static Field>, &str),
) -> impl IntoView + use<> {
    let version = match sent {
        Some(sent) if sent == field => version_input(form).html(),
        _ => hidden_input(&VERSION, version(stored)).html(),
    };
    view! {
        <section class="card">
            <h2>{title}</h2>
            <form method="post" action=action class="form" novalidate>
                {version}
                {text_input(field, form)}
                <div class="form-actions">
                    <button class="button" type="submit">{verb}</button>
                </div>
            </form>
        </section>
    }
}

fn suspension(account: &Account) -> impl IntoView + use<> {
    let (meaning, verb, action) = match account.suspended_at {
        Some(_) => (text::RESUME_MEANING, text::RESUME, "resume"),
        None => (text::SUSPEND_MEANING, text::SUSPEND, "suspend"),
    };
    view! {
        <section class="card">
            <h2>{text::SUSPENSION}</h2>
            <p>{meaning}</p>
            <form method="post" action=format!("{}/{action}", path(account.id)) class="form-actions">
                <button class="button" type="submit">{verb}</button>
            </form>
        </section>
    }
}
