//! The commands of a developer, against a running server.

use tokio::process::Command;

use super::{Folder, refusal};
use crate::{patience::within, server::Server};

/// A server with the account `acme`, and a key of it.
struct Service {
    folder: Folder,
    server: Server,
    key: String,
}

impl Service {
    async fn start() -> Self {
        let folder = Folder::new();
        folder.printed(&["account", "add", "acme"]).await;
        let key = folder.printed(&["key", "add", "--account", "acme", "--name", "developer"]).await;
        let server = folder.serve(&["--dev"]).await;
        Self { folder, server, key }
    }

    /// A command of a developer who has set the address and the key.
    fn signet(&self, arguments: &[&str]) -> Command {
        let mut command = self.folder.signet(arguments);
        command.env("SIGNET_SERVER", format!("http://{}", self.server.address)).env("SIGNET_API_KEY", &self.key);
        command
    }

    async fn printed(&self, arguments: &[&str]) -> String {
        let output = within("the command ends", self.signet(arguments).output()).await.expect("the binary");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    }
}

const DATA: &str = r#"{"taskId":"task_1","solution":{"token":"0.mF7"}}"#;

#[tokio::test]
async fn an_event_is_sent_from_an_argument_or_a_file() {
    let service = Service::start().await;
    let sent = service.printed(&["send", "task.completed", "--data", DATA]).await;
    assert!(sent.starts_with("evt_") && sent.ends_with("  0 deliveries"), "{sent}");
    std::fs::write(service.folder.path().join("event.json"), DATA).expect("a file");
    let key = ["--idempotency-key", "order 1"];
    let first = service.printed(&[&["send", "task.completed", "--data", "@event.json"], &key[..]].concat()).await;
    let again = service.printed(&[&["send", "task.completed", "--data", DATA], &key[..]].concat()).await;
    assert!(first == again && first != sent, "{first} {again} {sent}");
}

#[tokio::test]
async fn a_refused_event_is_told_with_the_member_and_without_the_key() {
    let service = Service::start().await;
    let error = refusal(service.signet(&["send", "task.completed", "--data", "{\"taskId\":1}"])).await;
    assert!(error.contains("(422 Unprocessable Entity): /taskId"), "{error}");
    let mut unknown = service.signet(&["send", "task.completed", "--data", DATA]);
    unknown.env("SIGNET_API_KEY", "sk_unknown");
    let error = refusal(unknown).await;
    assert!(error.contains("give another with --key") && !error.contains("sk_unknown"), "{error}");
    let mut sealing = service.signet(&["send", "task.completed", "--data", DATA]);
    sealing.env("SIGNET_API_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let error = refusal(sealing).await;
    assert!(error.contains("those begin with sk_") && !error.contains("AAAA"), "{error}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_a_temporary_failure() {
    let mut service = Service::start().await;
    service.server.stop().await;
    let output = service.signet(&["send", "task.completed", "--data", DATA]).output().await.expect("the binary");
    let error = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(75), "{error}");
    assert!(error.contains("the server cannot be reached") && !error.contains(&service.key), "{error}");
}

#[tokio::test]
async fn a_key_is_not_sent_in_the_clear_to_another_machine() {
    let service = Service::start().await;
    let mut command = service.signet(&["send", "task.completed", "--server", "http://signet.example"]);
    let output = command.output().await.expect("the binary");
    let error = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("use https://") && !error.contains(&service.key), "{error}");
}

#[tokio::test]
async fn the_script_for_the_shell_and_the_manual_are_written() {
    let folder = Folder::new();
    assert!(folder.printed(&["completions", "bash"]).await.contains("signet__subcmd__serve"));
    assert!(folder.printed(&["man"]).await.contains(".TH signet 1"));
    folder.printed(&["man", "man1"]).await;
    assert!(folder.path().join("man1/signet-account-add.1").exists());
}
