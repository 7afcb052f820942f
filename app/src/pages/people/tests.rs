use axum::http::StatusCode;
use signet_engine::testing::account;
use signet_model::UserId;

use super::*;
use crate::testing::{Answer, Visitor, encode};

fn invitation(email: &str, role: &str) -> String {
    encode(&[(&EMAIL, email), (&ROLE, role)])
}

/// The page that a redirect leads to, with the cookie that it set.
async fn follow(visitor: &Visitor, answer: &Answer) -> Answer {
    visitor.get_with_cookie(answer.location(), answer.cookie()).await
}

async fn id_of(visitor: &Visitor, email: &str) -> UserId {
    let list = visitor.account().members().list().await.expect("a list");
    list.into_iter().find(|one| one.email == email).expect("a person").id
}

#[tokio::test]
async fn an_invitation_shows_its_link_once_after_the_redirect() {
    let owner = Visitor::owner().await;
    insta::assert_snapshot!("alone", owner.get(PATH).await.content());
    let answer = owner.post(INVITATIONS_PATH, &invitation("bob@example.com", "developer")).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, PATH));
    assert!(!answer.location().contains("setup"), "no address holds the link");
    let page = follow(&owner, &answer).await;
    let link =
        page.html.split("/setup/").nth(1).and_then(|rest| rest.split(['<', '"']).next()).expect("a link").to_owned();
    assert!(owner.engine.invitations().find(&link).await.expect("an answer").is_some());
    assert!(
        page.cookie().starts_with("__Host-signet-link=")
            && page.header(axum::http::header::SET_COOKIE).contains("Max-Age=0")
    );
    insta::assert_snapshot!(
        "invited",
        page.content().replace(&link, "TOKEN").replace(&id_text(&owner).await, "INVITATION")
    );
    assert!(!owner.get(PATH).await.html.contains("/setup/"));
}

async fn id_text(visitor: &Visitor) -> String {
    visitor.account().members().invitations().await.expect("a list")[0].id.to_string()
}

#[tokio::test]
async fn a_wrong_invitation_comes_back_with_the_error_beside_the_field() {
    let owner = Visitor::owner().await;
    for (email, role, error) in [
        ("bob", "viewer", "email-error"),
        ("owner@example.com", "viewer", "email-error"),
        ("bob@example.com", "king", "role-error"),
        ("bob@example.com", "", "role-error"),
    ] {
        let answer = owner.post(INVITATIONS_PATH, &invitation(email, role)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{email} {role}");
        assert!(answer.html.contains(error) && answer.html.contains(&format!("value=\"{email}\"")), "{email} {role}");
    }
    assert_eq!(owner.account().members().invitations().await.expect("a list"), []);
}

#[tokio::test]
async fn an_owner_changes_and_removes_a_person_and_makes_them_a_link() {
    let mut visitor = Visitor::owner().await;
    visitor.with_role(Role::Viewer).await;
    visitor.sign_in("owner@example.com").await;
    let viewer = id_of(&visitor, "viewer@example.com").await;
    let page = visitor.get(&person::path(viewer)).await;
    insta::assert_snapshot!("person", page.content().replace(&viewer.to_string(), "PERSON"));
    let link = visitor.post(&format!("{}/reset-link", person::path(viewer)), "").await;
    assert_eq!(link.location(), person::path(viewer));
    assert!(follow(&visitor, &link).await.html.contains("/reset/"));
    let saved = visitor.post(&format!("{}/role", person::path(viewer)), &encode(&[(&ROLE, "admin")])).await;
    assert_eq!((saved.location(), saved.flash()), (PATH, text::ROLE_SAVED.to_owned()));
    let removed = visitor.post(&format!("{}/remove", person::path(viewer)), "").await;
    assert_eq!((removed.location(), removed.flash()), (PATH, text::REMOVED.to_owned()));
    assert_eq!(visitor.get(&person::path(viewer)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_last_owner_is_told_to_make_another_one_first() {
    let owner = Visitor::owner().await;
    let id = id_of(&owner, "owner@example.com").await;
    for (path, form) in [
        (LEAVE_PATH.to_owned(), String::new()),
        (format!("{}/remove", person::path(id)), String::new()),
        (format!("{}/role", person::path(id)), encode(&[(&ROLE, "viewer")])),
    ] {
        let answer = owner.post(&path, &form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        assert!(answer.html.contains(text::LAST_OWNER), "{path}");
    }
}

#[tokio::test]
async fn developers_and_viewers_see_who_is_there_and_change_nobody() {
    let mut visitor = Visitor::owner().await;
    let owner = id_of(&visitor, "owner@example.com").await;
    for role in [Role::Developer, Role::Viewer] {
        visitor.with_role(role).await;
        let page = visitor.get(PATH).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.html.contains("owner@example.com"));
        assert!(!page.html.contains(INVITATIONS_PATH) && !page.html.contains(&person::path(owner)), "{role}");
        let before = visitor.database.rows("memberships").await;
        for (path, form) in [
            (INVITATIONS_PATH.to_owned(), invitation("bob@example.com", "viewer")),
            (format!("{}/remove", person::path(owner)), String::new()),
            (format!("{}/role", person::path(owner)), encode(&[(&ROLE, "viewer")])),
            (format!("{}/reset-link", person::path(owner)), String::new()),
        ] {
            assert_eq!(visitor.post(&path, &form).await.status, StatusCode::FORBIDDEN, "{role} {path}");
        }
        assert_eq!(visitor.get(&person::path(owner)).await.status, StatusCode::FORBIDDEN);
        assert_eq!(visitor.database.rows("memberships").await, before);
        assert_eq!(visitor.database.count("SELECT count(*) FROM invitations").await, 0);
        let left = visitor.post(LEAVE_PATH, "").await;
        assert_eq!((left.location(), left.flash()), (login::PATH, text::LEFT.to_owned()));
    }
}

#[tokio::test]
async fn an_owner_of_another_account_finds_nobody_here() {
    let mut visitor = Visitor::owner().await;
    let (owner, link) = (id_of(&visitor, "owner@example.com").await, visitor.account().members());
    link.invite("bob@example.com", Role::Viewer).await.expect("invited");
    let invitation = link.invitations().await.expect("a list")[0].id;
    let other = account(&visitor.engine, "other").await;
    visitor.sign_up(other, "eve@example.com").await;
    let before = (visitor.database.rows("memberships").await, visitor.database.rows("invitations").await);
    assert!(!visitor.get(PATH).await.html.contains("owner@example.com"));
    assert_eq!(visitor.get(&person::path(owner)).await.status, StatusCode::NOT_FOUND);
    for path in [
        format!("{}/remove", person::path(owner)),
        format!("{}/reset-link", person::path(owner)),
        withdraw_path(invitation),
    ] {
        assert_eq!(visitor.post(&path, "").await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let role = visitor.post(&format!("{}/role", person::path(owner)), &encode(&[(&ROLE, "viewer")])).await;
    assert_eq!(role.status, StatusCode::NOT_FOUND);
    assert_eq!((visitor.database.rows("memberships").await, visitor.database.rows("invitations").await), before);
}

#[tokio::test]
async fn an_invitation_is_taken_back() {
    let owner = Visitor::owner().await;
    let link = owner.account().members().invite("bob@example.com", Role::Viewer).await.expect("invited");
    let id = owner.account().members().invitations().await.expect("a list")[0].id;
    let answer = owner.post(&withdraw_path(id), "").await;
    assert_eq!((answer.location(), answer.flash()), (PATH, text::WITHDRAWN.to_owned()));
    assert_eq!(owner.get(&setup::path(&link)).await.status, StatusCode::GONE);
}
