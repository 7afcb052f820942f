//! Commands that end by themselves.

use sqlx::{Connection, Executor, SqliteConnection};

use super::{Folder, ask, refusal};

/// Ends the validity of all one-time links.
async fn expire_links(folder: &Folder) {
    let url = format!("sqlite:{}", folder.path().join("signet.db").display());
    let mut database = SqliteConnection::connect(&url).await.expect("the database");
    database.execute("UPDATE invitations SET expires_at = 0").await.expect("links");
    database.close().await.expect("closed");
}

#[tokio::test]
async fn a_link_that_has_expired_is_made_anew_and_opens_the_page() {
    let folder = Folder::new();
    let path = |link: &str| link.strip_prefix("http://127.0.0.1:8080").expect("the default address").to_owned();
    let expired = path(&folder.printed(&["account", "add", "acme"]).await);
    expire_links(&folder).await;
    let renewed = path(&folder.printed(&["account", "link", "acme"]).await);
    // A second one replaces the first, as often as it takes.
    expire_links(&folder).await;
    let expired = [expired, renewed];
    let renewed = path(&folder.printed(&["account", "link", "acme"]).await);

    let server = folder.serve(&[]).await;
    let offers_a_password = async |path| ask(&server, "GET", path, "", "").await.contains("type=\"password\"");
    for expired in &expired {
        assert!(!offers_a_password(expired).await, "the expired link opens the page");
    }
    assert!(offers_a_password(&renewed).await, "the new link does not open the page");
    let headers = format!("Origin: http://{}\r\nContent-Type: application/x-www-form-urlencoded\r\n", server.address);
    let answer =
        ask(&server, "POST", &renewed, &headers, "email=me%40example.com&password=correct+horse+battery").await;
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    let error = refusal(folder.signet(&["account", "link", "acme"])).await;
    assert!(error.contains("has an owner already") && error.contains("signet person reset-link"), "{error}");
}

#[tokio::test]
async fn no_variable_consents_to_erase() {
    let folder = Folder::new();
    folder.printed(&["account", "add", "acme"]).await;
    let mut erase = folder.signet(&["erase"]);
    erase.env("SIGNET_ACCOUNT", "acme").env("SIGNET_YES", "true");
    let error = refusal(erase).await;
    assert!(error.contains("SIGNET_YES is not known"), "{error}");
    let counted = folder.printed(&["erase", "--account", "acme"]).await;
    assert!(counted.ends_with("Nothing was erased. Add --yes to do it."), "{counted}");
    let erased = folder.printed(&["erase", "--account", "acme", "--yes"]).await;
    assert!(erased.starts_with("Erased account acme"), "{erased}");
    assert!(refusal(folder.signet(&["erase", "--account", "acme"])).await.contains("no account \"acme\""));
}

#[tokio::test]
async fn a_key_from_the_command_line_sends_events_of_its_account() {
    let folder = Folder::new();
    let link = folder.printed(&["account", "add", "acme", "--public-url", "https://signet.example"]).await;
    assert!(link.starts_with("https://signet.example/setup/"), "{link}");
    let key = folder.printed(&["key", "add", "--account", "acme", "--name", "backend"]).await;
    let server = folder.serve(&[]).await;
    let headers = format!("Authorization: Bearer {key}\r\nContent-Type: application/json\r\n");
    let event = r#"{"event":"task.failed","taskId":"t","errorId":1,"errorCode":"E"}"#;
    let answer = ask(&server, "POST", "/v1/events", &headers, event).await;
    assert!(answer.starts_with("HTTP/1.1 202") && answer.contains("\"deliveries\":0"), "{answer}");
}

#[tokio::test]
async fn a_refused_command_says_why() {
    let folder = Folder::new();
    folder.printed(&["account", "add", "acme"]).await;
    for (arguments, words) in [
        (&["account", "add", "acme"][..], "an account with the name"),
        (&["key", "add", "--account", "nobody", "--name", "k"], "no account \"nobody\""),
        (&["serve", "--lease", "10s"], "--lease 10s is too short"),
        (&["serve", "--trust-ca", "missing.pem"], "missing.pem cannot be read"),
    ] {
        let error = refusal(folder.signet(arguments)).await;
        assert!(error.contains(words), "{arguments:?}: {error}");
    }
}

#[tokio::test]
async fn a_command_that_opens_no_secret_needs_no_key() {
    let folder = Folder::new();
    folder.printed(&["account", "add", "acme"]).await;
    folder.printed(&["key", "add", "--account", "acme", "--name", "backend"]).await;
    assert!(!folder.path().join("signet.key").exists());
    assert!(folder.printed(&["check"]).await.contains("--key-file"), "it says which check was left out");
    folder.serve(&[]).await.stop().await;
}

#[tokio::test]
async fn an_operator_begins_with_a_link_sees_the_accounts_and_is_removed() {
    let folder = Folder::new();
    folder.printed(&["account", "add", "acme"]).await;
    let link = folder.printed(&["operator", "add", "ops@example.com"]).await;
    let path = link.strip_prefix("http://127.0.0.1:8080").expect("the default address");
    let server = folder.serve(&["--operators-without-second-factor"]).await;
    let headers = format!("Origin: http://{}\r\nContent-Type: application/x-www-form-urlencoded\r\n", server.address);
    let begun = ask(&server, "POST", path, &headers, "password=correct+horse+battery").await;
    assert!(begun.starts_with("HTTP/1.1 303") && begun.contains("/operator"), "{begun}");
    let cookie =
        begun.lines().filter_map(|line| line.strip_prefix("set-cookie: ")).find(|line| line.contains("signet="));
    let cookie = cookie.and_then(|line| line.split(';').next()).unwrap_or_else(|| panic!("a session: {begun}"));
    let accounts = async || ask(&server, "GET", "/operator/accounts", &format!("Cookie: {cookie}\r\n"), "").await;
    assert!(accounts().await.contains(">acme<"), "the accounts are not listed");
    assert!(folder.printed(&["operator", "list"]).await.starts_with("ops@example.com\t"));
    folder.printed(&["operator", "remove", "ops@example.com"]).await;
    assert!(accounts().await.starts_with("HTTP/1.1 303"), "the session of the operator goes on");
    let error = refusal(folder.signet(&["operator", "remove", "ops@example.com"])).await;
    assert!(error.contains("does not operate the server"), "{error}");
}
