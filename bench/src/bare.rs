//! The lower limit of CPU time a delivery: a loop that only POSTs with the engine's
//! own client, and a receiver in another process.

use std::{process::Stdio, sync::Arc, time::Duration};

use anyhow::Context;
use bytes::Bytes;
use clap::Args;
use signet_engine::{
    Settings,
    clock::SystemClock,
    deliver::{
        attempt::{AttemptRequest, attempt},
        extra_headers::ExtraHeaders,
    },
    outbound::{Client, Config, Policy},
};
use signet_model::{
    DeliveryId, Timestamp,
    delivery::Outcome,
    endpoint::EndpointUrl,
    event::EventType,
    signature::{SECRET_BYTES, Secret, SigningKey, SigningKeys},
};
use tokio::process::Command;

use crate::{
    cpu, producer,
    receiver::{Journal, Receiver},
};

/// A loop that only POSTs.
#[derive(Debug, Args)]
pub struct Bare {
    url: EndpointUrl,
    authority: std::path::PathBuf,
    count: usize,
}

impl Bare {
    /// POSTs and prints the CPU time of this process, in microseconds.
    pub async fn run(&self) -> anyhow::Result<()> {
        let client = Client::new(&Config {
            policy: Policy::public_and_loopback(),
            egress_proxy: None,
            extra_authorities: vec![std::fs::read(&self.authority)?],
            budget: Settings::default().budget,
            max_response_body: Settings::default().max_response_body,
        })?;
        let key = SigningKey::new(&Secret::new([7; SECRET_BYTES]));
        let request = AttemptRequest {
            id: DeliveryId::new(Timestamp::from_unix_seconds(1), [1; 10]),
            url: Arc::new(self.url.clone()),
            keys: Arc::new(SigningKeys { current: key, next: None }),
            event_type: EventType::TASK_COMPLETED,
            is_test: false,
            may_repeat: false,
            number: 1,
            body: Bytes::from(producer::event(1, "bare", "task.completed")),
            extra: ExtraHeaders::default(),
            trace: None,
        };
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let (client, request, count) = (client.clone(), request.clone(), self.count / 16);
            workers.spawn(async move {
                for _ in 0..count {
                    let outcome = attempt(&client, &SystemClock, request.clone()).await.map(|it| it.outcome());
                    assert!(outcome.is_ok_and(Outcome::is_success), "{outcome:?}");
                }
            });
        }
        workers.join_all().await;
        println!("{}", cpu::time(std::process::id()).as_micros());
        Ok(())
    }
}

/// Runs the loop in a process of its own and returns a line with its CPU time a request.
pub async fn measure(count: usize) -> anyhow::Result<String> {
    let receiver = Receiver::start(Journal::new(2)).await?;
    let folder = tempfile::tempdir()?;
    let authority = folder.path().join("authority.pem");
    std::fs::write(&authority, &receiver.authority)?;
    let output = Command::new(std::env::current_exe()?)
        .arg("bare")
        .arg(format!("https://localhost:{}/bare", receiver.port))
        .arg(authority)
        .arg(count.to_string())
        .stdout(Stdio::piped())
        .spawn()?
        .wait_with_output()
        .await?;
    let micros: u64 = String::from_utf8(output.stdout)?.trim().parse().context("the loop's CPU time")?;
    let each = Duration::from_micros(micros) / u32::try_from(count)?;
    Ok(format!("a bare loop of attempts, without a database: {:.1} us of CPU each", each.as_secs_f64() * 1e6))
}
