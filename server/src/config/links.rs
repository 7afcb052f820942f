//! The origin with which the links begin that commands print.

use std::net::SocketAddr;

use clap::Args;

use super::{PublicUrl, local_url};

/// The addresses of the server whose links a command prints.
#[derive(Debug, Args)]
pub struct LinkArgs {
    /// The address of the dashboard in browsers, for the link. Without it the link is for a
    /// browser on the server's machine.
    #[arg(long, value_name = "URL", env = "SIGNET_PUBLIC_URL")]
    public_url: Option<PublicUrl>,
    /// The address on which the server listens, for a link without `--public-url`.
    #[arg(long, value_name = "ADDRESS", env = "SIGNET_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
}

impl LinkArgs {
    /// The origin of the dashboard, without a slash at the end.
    pub fn origin(&self) -> String {
        self.public_url.as_ref().map_or_else(|| local_url(self.listen, false), ToString::to_string)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        link: LinkArgs,
    }

    #[test]
    fn links_begin_with_the_public_url_or_with_the_address_that_is_listened_on() {
        for (given, origin) in [
            (vec![], "http://127.0.0.1:8080"),
            (vec!["--listen", "0.0.0.0:9000"], "http://127.0.0.1:9000"),
            (vec!["--listen", "0.0.0.0:9000", "--public-url", "https://signet.example"], "https://signet.example"),
        ] {
            let command = Command::try_parse_from([vec!["signet"], given.clone()].concat()).expect("options");
            assert_eq!(command.link.origin(), origin, "{given:?}");
        }
    }
}
