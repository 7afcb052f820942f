//! Where traces go.

use std::{fmt, str::FromStr};

use anyhow::ensure;
use clap::Args;
use signet_model::has_user_info;
use url::Url;

/// Where traces go.
#[derive(Debug, Clone, Args)]
pub struct TracesArgs {
    /// Send a span for each event and for each attempt to the collector at this address, by
    /// OpenTelemetry's protocol (OTLP over HTTP, without the path /v1/traces), such as
    /// `http://localhost:4318`. Needs a binary that was built with the feature `otlp`. Default: not
    /// at all.
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<CollectorUrl>,
    /// The part of the events that come without a trace of their producer (`traceparent`) of which
    /// spans are sent, from 0 to 1. Of the others they are sent if the producer records the trace.
    #[arg(long, value_name = "PART", env = "SIGNET_OTLP_SAMPLE_RATIO", default_value = "1", value_parser = part)]
    pub otlp_sample_ratio: f64,
}

impl TracesArgs {
    /// Checks that this binary can send traces, if it is to.
    ///
    /// # Errors
    /// It is to, and cannot.
    pub fn check(&self) -> anyhow::Result<()> {
        self.check_for(cfg!(feature = "otlp"))
    }

    fn check_for(&self, has_exporter: bool) -> anyhow::Result<()> {
        ensure!(
            has_exporter || self.otlp_endpoint.is_none(),
            "--otlp-endpoint (or OTEL_EXPORTER_OTLP_ENDPOINT) is set, and this binary cannot send traces: it was built \
             without the feature `otlp`. Take one that has it (`cargo xtask build --features otlp`), or leave the \
             option out"
        );
        Ok(())
    }
}

/// The address of a collector: `http://` or `https://`, perhaps with a path.
#[derive(Clone, PartialEq, Eq)]
pub struct CollectorUrl(Url);

/// The text is no such address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCollectorUrl {
    /// It is another URL, or none.
    #[error("must be the URL of a collector that takes OTLP over HTTP, such as http://localhost:4318")]
    Url,
    /// It has a name or a password.
    #[error("must not hold a name or a password: set OTEL_EXPORTER_OTLP_HEADERS to what the collector asks for")]
    Credentials,
    /// It has the path of one kind of signals.
    #[error("must not end with /v1/traces, which is added to it")]
    Path,
}

impl CollectorUrl {
    /// The address that takes traces.
    #[cfg(feature = "otlp")]
    pub fn of_traces(&self) -> String {
        format!("{}/v1/traces", self.0.as_str().trim_end_matches('/'))
    }
}

impl FromStr for CollectorUrl {
    type Err = InvalidCollectorUrl;

    fn from_str(text: &str) -> Result<Self, InvalidCollectorUrl> {
        let url = Url::parse(text).map_err(|_| InvalidCollectorUrl::Url)?;
        if has_user_info(&url) {
            return Err(InvalidCollectorUrl::Credentials);
        }
        let bare = url.has_host() && url.query().is_none() && url.fragment().is_none();
        if !bare || !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidCollectorUrl::Url);
        }
        if url.path().trim_end_matches('/').ends_with("/v1/traces") {
            return Err(InvalidCollectorUrl::Path);
        }
        Ok(Self(url))
    }
}

impl fmt::Debug for CollectorUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CollectorUrl({})", self.0)
    }
}

/// Parses a part of a whole.
fn part(text: &str) -> Result<f64, String> {
    let part = text.parse().ok().filter(|part| (0.0..=1.0).contains(part));
    part.ok_or_else(|| "must be a number from 0 to 1, such as 0.1".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_has_an_address_without_a_password() {
        for text in ["http://localhost:4318", "https://otlp.example/base/", "http://[::1]:4318/"] {
            assert!(text.parse::<CollectorUrl>().is_ok(), "{text}");
        }
        for (text, error) in [
            ("", InvalidCollectorUrl::Url),
            ("localhost:4318", InvalidCollectorUrl::Url),
            ("grpc://localhost:4317", InvalidCollectorUrl::Url),
            ("http://localhost?a=b", InvalidCollectorUrl::Url),
            ("http://me:hunter2@localhost:4318", InvalidCollectorUrl::Credentials),
            ("http://localhost:4318/v1/traces/", InvalidCollectorUrl::Path),
        ] {
            assert_eq!(text.parse::<CollectorUrl>(), Err(error), "{text}");
        }
    }

    #[cfg(feature = "otlp")]
    #[test]
    fn traces_have_a_path_below_the_address() {
        for (text, url) in [
            ("http://localhost:4318", "http://localhost:4318/v1/traces"),
            ("https://otlp.example/base/", "https://otlp.example/base/v1/traces"),
        ] {
            assert_eq!(text.parse::<CollectorUrl>().expect("a URL").of_traces(), url);
        }
    }

    #[test]
    fn a_part_is_no_more_than_the_whole() {
        assert_eq!(["0", "0.25", "1"].map(part), [Ok(0.0), Ok(0.25), Ok(1.0)]);
        for text in ["", "-0.1", "1.1", "NaN", "10%"] {
            assert!(part(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_binary_without_the_exporter_says_so() {
        let otlp_endpoint = Some("http://localhost:4318".parse().expect("a URL"));
        let args = TracesArgs { otlp_endpoint, otlp_sample_ratio: 1.0 };
        let error = args.check_for(false).expect_err("it cannot").to_string();
        assert!(error.contains("--otlp-endpoint (or OTEL_EXPORTER_OTLP_ENDPOINT)") && error.contains("feature `otlp`"));
        assert!(args.check_for(true).is_ok());
        assert!(TracesArgs { otlp_endpoint: None, ..args }.check_for(false).is_ok());
    }
}
