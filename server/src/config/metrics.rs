//! Where a monitoring system asks.

use std::net::SocketAddr;

use anyhow::ensure;
use clap::Args;

/// Where a monitoring system asks.
#[derive(Debug, Clone, Copy, Args)]
pub struct MetricsArgs {
    /// Answer a monitoring system (Prometheus) at this address: GET /metrics, for everybody who
    /// can reach it, so choose an address of this machine or of a private network. Default: not
    /// at all.
    #[arg(long, value_name = "ADDRESS", env = "SIGNET_METRICS_LISTEN")]
    pub metrics_listen: Option<SocketAddr>,
}

impl MetricsArgs {
    /// Checks that the address is not one of those for other clients.
    ///
    /// # Errors
    /// It is, or one of them takes it in.
    pub fn check(self, others: &[(&str, SocketAddr)]) -> anyhow::Result<()> {
        let Some(own) = self.metrics_listen else { return Ok(()) };
        for (option, other) in others {
            let is_same = own.port() != 0
                && own.port() == other.port()
                && (own.ip() == other.ip() || own.ip().is_unspecified() || other.ip().is_unspecified());
            ensure!(
                !is_same,
                "--metrics-listen {own} and {option} {other} are one address: what is measured is told without a \
                 password, so choose another port for --metrics-listen (or SIGNET_METRICS_LISTEN)"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_an_address_of_their_own() {
        let check = |own: &str, other: &str| {
            let args = MetricsArgs { metrics_listen: Some(own.parse().expect("an address")) };
            args.check(&[("--listen", other.parse().expect("an address"))])
        };
        for (own, other) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("127.0.0.1:8080", "0.0.0.0:8080"),
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "127.0.0.1:8080"),
        ] {
            let error = check(own, other).expect_err("one address").to_string();
            assert!(error.contains(&format!("--metrics-listen {own} and --listen {other}")), "{error}");
        }
        for (own, other) in
            [("127.0.0.1:9090", "127.0.0.1:8080"), ("10.0.0.1:8080", "127.0.0.1:8080"), ("127.0.0.1:0", "127.0.0.1:0")]
        {
            assert!(check(own, other).is_ok(), "{own} {other}");
        }
        assert!(MetricsArgs { metrics_listen: None }.check(&[]).is_ok());
    }
}
