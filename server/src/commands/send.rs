//! `signet send`: hands one event in, as a backend would.

use std::io::Read;

use anyhow::{Context, bail, ensure};
use clap::Args;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{api_client::ApiClient, config::ApiArgs};

/// `signet send`
#[derive(Debug, Args)]
pub struct SendArgs {
    /// The type of the event, such as `task.completed`.
    event_type: String,
    /// The members of the event: a JSON object, `@FILE` to read a file, or `-` for standard
    /// input. Default: the sample of the type.
    #[arg(long, value_name = "JSON", env = "SIGNET_DATA")]
    data: Option<String>,
    /// Recognises a repeated request: the event is sent once, however often you run
    /// this.
    #[arg(long, value_name = "KEY", env = "SIGNET_IDEMPOTENCY_KEY")]
    idempotency_key: Option<String>,
    /// The API.
    #[command(flatten)]
    api: ApiArgs,
}

/// An event that was accepted.
#[derive(Debug, Deserialize)]
struct Accepted {
    id: String,
    deliveries: u64,
}

/// An event type, of which only the sample matters here.
#[derive(Debug, Deserialize)]
struct EventType {
    #[serde(default)]
    sample: Option<Map<String, Value>>,
}

/// Sends the event, and prints its id and the number of its deliveries.
///
/// # Errors
/// The data is no JSON object, or the server cannot be reached or refuses.
pub async fn run(args: SendArgs) -> anyhow::Result<()> {
    let client = ApiClient::new(&args.api)?;
    let data = match &args.data {
        Some(data) => read(data)?,
        None => sample(&client, &args.event_type).await?,
    };
    let body = submission(&args.event_type, client.named_account(), &data)?;
    let Accepted { id, deliveries } =
        client.post(&["v1", "events"], headers(args.idempotency_key.as_deref())?, body).await?;
    println!("{id}  {deliveries} {}", if deliveries == 1 { "delivery" } else { "deliveries" });
    Ok(())
}

fn headers(idempotency_key: Option<&str>) -> anyhow::Result<HeaderMap> {
    let name = HeaderName::from_static("idempotency-key");
    let Some(key) = idempotency_key else { return Ok(HeaderMap::new()) };
    let value = HeaderValue::from_str(key).context("--idempotency-key must have visible ASCII characters alone")?;
    Ok(HeaderMap::from_iter([(name, value)]))
}

/// The text that `--data` stands for.
fn read(data: &str) -> anyhow::Result<String> {
    match data.strip_prefix('@') {
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("--data: {path} cannot be read")),
        None if data == "-" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("--data: standard input cannot be read")?;
            Ok(text)
        }
        None => Ok(data.to_owned()),
    }
}

/// The members of the type's sample.
async fn sample(client: &ApiClient, event_type: &str) -> anyhow::Result<String> {
    let found: EventType = client.get(&["v1", "event-types", event_type], &[]).await?;
    let Some(mut sample) = found.sample else { bail!("the type {event_type} has no sample: give --data") };
    // Now, and not when the sample was written.
    sample.remove("timestamp");
    Ok(Value::Object(sample).to_string())
}

/// The request's body. The members stay as they were written, so that the server alone judges
/// numbers and order.
fn submission(event_type: &str, account: Option<&str>, data: &str) -> anyhow::Result<String> {
    let members: Map<String, Value> =
        serde_json::from_str(data).context("--data must be a JSON object, such as '{\"taskId\":\"task_1\"}'")?;
    let mut added = Vec::new();
    for (name, value) in [("event", Some(event_type)), ("account", account)] {
        let Some(value) = value else { continue };
        match members.get(name) {
            None => added.push(format!("{}:{}", json!(name), json!(value))),
            Some(given) => ensure!(given == value, "--data has another {name:?} than the command: {given}"),
        }
    }
    let rest = data.trim_start().strip_prefix('{').context("--data must be a JSON object")?;
    let separator = if members.is_empty() || added.is_empty() { "" } else { "," };
    Ok(format!("{{{}{separator}{rest}", added.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stay_as_they_were_written() {
        let body = |data| submission("order.paid", Some("acme"), data).expect("an object");
        assert_eq!(
            body(" {\"b\": 1.50, \"a\":\"é\"}\n"),
            "{\"event\":\"order.paid\",\"account\":\"acme\",\"b\": 1.50, \"a\":\"é\"}\n"
        );
        assert_eq!(body("{}"), "{\"event\":\"order.paid\",\"account\":\"acme\"}");
        assert_eq!(
            body("{\"event\":\"order.paid\",\"account\":\"acme\"}"),
            "{\"event\":\"order.paid\",\"account\":\"acme\"}"
        );
    }

    #[test]
    fn data_that_is_no_object_or_contradicts_the_command_is_refused() {
        for (data, words) in [
            ("[]", "must be a JSON object"),
            ("{", "must be a JSON object"),
            ("{\"event\":\"a\"}", "another \"event\""),
        ] {
            let error = submission("order.paid", None, data).expect_err(data);
            assert!(format!("{error:#}").contains(words), "{error:#}");
        }
    }
}
