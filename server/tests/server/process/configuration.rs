//! The configuration file, and what `signet config` tells of it.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
};

use super::{Folder, ask, refusal};

impl Folder {
    fn configure(&self, text: &str) -> String {
        let path = self.path().join("signet.toml");
        fs::write(&path, text).expect("written");
        path.to_str().expect("a path").to_owned()
    }
}

#[tokio::test]
async fn a_server_and_its_commands_go_by_the_file_and_options_and_variables_come_first() {
    let folder = Folder::new();
    let file = folder.configure("database = 'sqlite:by-file.db'\nlisten = '127.0.0.1:1'\nsign-up = true\n");
    let mut command = folder.signet(&["serve", "--config", &file, "--listen", "127.0.0.1:0"]);
    command.env("SIGNET_LOG_LEVEL", "warn");
    let mut server = crate::server::Server::start(command).await;
    let sign_up = ask(&server, "GET", "/sign-up", "", "").await;
    assert!(sign_up.starts_with("HTTP/1.1 200"), "strangers may make accounts: {sign_up}");
    assert!(folder.path().join("by-file.db").exists() && !folder.path().join("signet.db").exists());
    server.stop().await;
    folder.printed(&["account", "add", "acme", "--config", &file]).await;
    assert!(folder.printed(&["check", "--config", &file]).await.contains("0 events"));
    let mut add = folder.signet(&["account", "add", "acme"]);
    add.env("SIGNET_CONFIG", &file).env("SIGNET_DATABASE", "sqlite:by-variable.db");
    assert!(add.output().await.expect("the binary").status.success(), "it is another database");
    assert!(folder.path().join("by-variable.db").exists());
    let mut again = folder.signet(&["account", "add", "acme"]);
    again.env("SIGNET_CONFIG", &file);
    assert!(refusal(again).await.contains("an account with the name"), "it is that of the file");
}

#[tokio::test]
async fn a_wrong_file_is_refused_with_its_line_and_the_remedy() {
    let folder = Folder::new();
    for (text, words) in [
        ("dev = true\nmax_connections = 7", "signet.toml:2: there is no setting `max_connections`: the nearest is"),
        ("listen = 'here'", "signet.toml:1: invalid value 'here' for '--listen <ADDRESS>'"),
        ("typo = 1\nanother = 2", "(1 more: `signet config check` lists all)"),
        ("listen = ", "signet.toml:1: this is no TOML"),
    ] {
        let file = folder.configure(text);
        let error = refusal(folder.signet(&["serve", "--config", &file])).await;
        assert!(error.contains(words), "{text}: {error}");
    }
    let error = refusal(folder.signet(&["serve", "--config", "missing.toml"])).await;
    assert!(error.contains("missing.toml cannot be read"), "{error}");
}

#[tokio::test]
async fn config_check_tells_all_faults_at_once_and_shows_no_password() {
    let folder = Folder::new();
    let file = folder.configure(
        "database = 'postgres://me:hunter2@db.example/signet'\nlease = '1s'\nbrand-logo = 'missing.svg'\n\
         event-types = 'missing.yaml'\n",
    );
    fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("permissions");
    let mut check = folder.signet(&["config", "check", "--config", &file, "--max-connections", "12"]);
    let output = check.env("SIGNET_LISTN", "x").env("SIGNET_BUDGET", "2s").output().await.expect("the binary");
    let (printed, faults) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{faults}");
    for fault in ["SIGNET_LISTN is not known", "--lease 1s is too short", "missing.svg", "missing.yaml"] {
        assert!(faults.contains(fault), "{fault}: {faults}");
    }
    for (setting, origin) in [
        ("database = \"postgres://(hidden)@db.example/signet\"", "signet.toml:1"),
        ("lease = \"1s\"", "signet.toml:2"),
        ("budget = \"2s\"", "# SIGNET_BUDGET"),
        ("max-connections = 12", "# --max-connections"),
        ("max-hanging = 4096", "# default"),
        ("# tls-cert", "# not set"),
    ] {
        let found = printed.lines().find(|line| line.starts_with(setting));
        assert!(found.is_some_and(|line| line.contains(origin)), "{setting}: {printed}");
    }
    assert!(!printed.contains("hunter2") && !faults.contains("hunter2"));

    fs::set_permissions(&file, Permissions::from_mode(0o644)).expect("permissions");
    let error = refusal(folder.signet(&["check", "--config", &file])).await;
    assert!(error.contains("chmod 640") && !error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn config_check_of_good_settings_makes_nothing_and_the_example_is_one() {
    let folder = Folder::new();
    folder.printed(&["config", "check"]).await;
    let example = folder.printed(&["config", "example"]).await;
    let file = folder.configure(&example);
    folder.printed(&["config", "check", "--config", &file]).await;
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "only the file is there");
}

#[tokio::test]
async fn links_lead_to_the_server_of_the_configuration_file() {
    let folder = Folder::new();
    for (settings, origin) in [
        ("listen = \"0.0.0.0:9123\"\n", "http://127.0.0.1:9123/"),
        ("listen = \"0.0.0.0:9123\"\npublic-url = \"https://signet.example\"\n", "https://signet.example/"),
    ] {
        let file = folder.configure(settings);
        let account = format!("customer-{}", settings.len());
        let link = folder.printed(&["account", "add", &account, "--config", &file]).await;
        assert!(link.starts_with(&format!("{origin}setup/")), "{link}");
        let link = folder.printed(&["operator", "add", "ada@example.com", "--config", &file]).await;
        assert!(link.starts_with(&format!("{origin}operator-setup/")), "{link}");
        let link = folder.printed(&["portal-link", &account, "--config", &file]).await;
        assert!(link.starts_with(&format!("{origin}portal/")), "{link}");
    }
}
