//! `POST /v1/accounts/{account}/portal-links`: a link into the dashboard.

use axum::{
    Json,
    http::{StatusCode, header},
    response::IntoResponse,
};
use signet_engine::service::portal_links::PortalLinkDraft;

use super::{NewPortalLink, PortalLink};
use crate::{
    access::{InAccount, PortalWrite},
    front::Front,
    json::Given,
    problem::{Problem, problems},
};

problems!(IN_ACCOUNT, BODY, POST);

/// Create a portal link.
///
/// The link opens the dashboard of this account for one of its people, whom your service has
/// signed in already: no password, no e-mail. It works once and for a few minutes, so make it
/// when the person asks for the page, and redirect to it, or put it into an iframe.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/portal-links", operation_id = "createPortalLink", tag = "Portal links",
    security(("key" = ["portal:write"])),
    request_body(
        content = NewPortalLink,
        example = json!({"role": "developer", "returnUrl": "https://app.example.com/settings", "subject": "user 7"})
    ),
    responses((status = 201, body = PortalLink, description = "The link."), Problems)
)]
pub async fn create_portal_link(
    caller: InAccount<PortalWrite>,
    front: Front,
    Given(new): Given<NewPortalLink>,
) -> Result<impl IntoResponse, Problem> {
    if new.embedded && !front.is_embeddable {
        return Err(Problem::member(
            "/embedded",
            "needs the option --portal-ancestors of the server, which names no page",
        ));
    }
    let made = caller.account().create_portal_link(&PortalLinkDraft::from(new)).await?;
    let url = format!("{}/portal/{}", front.origin, made.token);
    Ok((
        StatusCode::CREATED,
        [(header::CACHE_CONTROL, "no-store")],
        Json(PortalLink { url, expires_at: made.expires_at.into() }),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use signet_engine::{
        service::sessions::Browser,
        testing::{TestDatabase, on_each_database},
    };
    use signet_model::{Role, Scope, Scopes};

    use super::*;
    use crate::testing::TestApi;

    const PATH: &str = "/v1/accounts/acme/portal-links";

    /// The token in an answer.
    fn token(answer: &crate::testing::Answer) -> &str {
        let url = answer.json["url"].as_str().expect("a URL");
        url.strip_prefix("http://signet.test/portal/").unwrap_or_else(|| panic!("{url}"))
    }

    on_each_database!(a_link_opens_the_dashboard_of_its_account_once);
    async fn a_link_opens_the_dashboard_of_its_account_once(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let api = api.with_scopes(Some(api.acme), Scopes::new([Scope::PortalWrite]).expect("a scope")).await;
        let body = json!({"role": "viewer", "sessionLasts": 300, "landing": "/settings/account", "theme": "dark"});
        let made = api.send("POST", PATH, body.to_string(), &[("host", "signet.test")]).await;
        assert_eq!(
            (made.status, &made.headers["cache-control"]),
            (StatusCode::CREATED, &"no-store".parse().expect("a value")),
            "{made:?}"
        );
        assert!(made.json["expiresAt"].is_string());
        let links = api.engine().portal_links();
        let opened = links.open(token(&made), &Browser::default()).await.expect("the store").expect("opened");
        assert_eq!((opened.landing.as_str(), opened.lasts.seconds()), ("/settings/account", 300));
        let session = api.engine().sessions().get(opened.token.reveal()).await.expect("the store").expect("a session");
        assert_eq!((session.account_id(), session.role()), (Some(api.acme), Some(Role::Viewer)));
        assert!(links.open(token(&made), &Browser::default()).await.expect("the store").is_none());
    }

    on_each_database!(a_repeated_request_gets_the_same_link_which_no_row_holds_in_clear);
    async fn a_repeated_request_gets_the_same_link_which_no_row_holds_in_clear(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let headers = [("idempotency-key", "one"), ("host", "signet.test")];
        let ask = async || api.send("POST", PATH, json!({"role": "admin"}).to_string(), &headers).await;
        let (first, again) = (ask().await, ask().await);
        assert_eq!((first.status, &first.json), (StatusCode::CREATED, &again.json));
        assert_eq!(again.headers["idempotency-replayed"], "true");
        let rows = api.rows().await.concat();
        // SQLite shows bytes as hexadecimal digits.
        let hex = token(&first).bytes().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        assert!(!rows.contains(token(&first)) && !rows.to_lowercase().contains(&hex), "{rows}");
    }

    on_each_database!(a_member_that_is_not_valid_is_named_and_no_link_is_made);
    async fn a_member_that_is_not_valid_is_named_and_no_link_is_made(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let before = api.rows().await;
        for (body, pointer) in [
            (json!({}), "/role"),
            (json!({"role": "owner"}), "/role"),
            (json!({"role": "viewer", "sessionLasts": 299}), "/sessionLasts"),
            (json!({"role": "viewer", "sessionLasts": 86401}), "/sessionLasts"),
            (json!({"role": "viewer", "sessionLasts": 600.5}), "/sessionLasts"),
            (json!({"role": "viewer", "landing": "https://evil.example/settings"}), "/landing"),
            (json!({"role": "viewer", "landing": "//evil.example"}), "/landing"),
            (json!({"role": "viewer", "landing": "/login"}), "/landing"),
            (json!({"role": "viewer", "returnUrl": "javascript:alert(1)"}), "/returnUrl"),
            (json!({"role": "viewer", "returnUrl": "http://app.example.com"}), "/returnUrl"),
            (json!({"role": "viewer", "returnUrl": "https://app.example.com/\r\nSet-Cookie: a=b"}), "/returnUrl"),
            (json!({"role": "viewer", "subject": ""}), "/subject"),
            (json!({"role": "viewer", "subject": "a\u{202e}b"}), "/subject"),
            (json!({"role": "viewer", "theme": "pink"}), "/theme"),
            (json!({"role": "viewer", "embedded": true}), "/embedded"),
            (json!({"role": "viewer", "account": "other"}), "/account"),
        ] {
            let answer = api.post(PATH, &body).await;
            assert_eq!(
                (answer.status, answer.pointer()),
                (StatusCode::UNPROCESSABLE_ENTITY, pointer),
                "{body}: {answer:?}"
            );
        }
        assert_eq!(api.rows().await, before);
    }

    on_each_database!(neither_another_account_nor_another_scope_makes_a_link);
    async fn neither_another_account_nor_another_scope_makes_a_link(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let other = api.with_key_of(api.other).await;
        let rest = Scopes::new(Scope::ALL.into_iter().filter(|scope| *scope != Scope::PortalWrite)).expect("scopes");
        let unscoped = api.with_scopes(Some(api.acme), rest).await;
        let before = api.rows().await;
        let body = json!({"role": "viewer"});
        assert_eq!(other.post(PATH, &body).await.json["code"], "no_such_account");
        assert_eq!(unscoped.post(PATH, &body).await.json["code"], "missing_scope");
        assert_eq!(api.rows().await, before);
    }

    on_each_database!(the_people_of_a_suspended_account_may_still_look);
    async fn the_people_of_a_suspended_account_may_still_look(database: TestDatabase) {
        let api = TestApi::on(database).await.with_operator_key().await;
        assert!(api.post("/v1/accounts/acme/suspend", &json!({})).await.status.is_success());
        let made = api.send("POST", PATH, json!({"role": "viewer"}).to_string(), &[("host", "signet.test")]).await;
        let links = api.engine().portal_links();
        let opened = links.open(token(&made), &Browser::default()).await.expect("the store").expect("opened");
        let session = api.engine().sessions().get(opened.token.reveal()).await.expect("the store").expect("a session");
        assert!(session.account.is_some_and(|account| account.suspended));
    }
}
