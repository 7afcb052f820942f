//! Gives a failed exchange its name.

use std::{error::Error, io, sync::Arc};

use rustls::{AlertDescription, CertificateError};
use signet_model::delivery::Failure;

use super::{local_fault::LocalFault, policy::AddressRefused, resolver::LookupFailed};

type Cause<'a> = &'a (dyn Error + 'static);
type Named = (Failure, String);

/// Why an exchange ended without an answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// Something is wrong on this side.
    Here(LocalFault),
    /// Something is wrong at the receiver or on the way, and a short sentence about it.
    There(Failure, String),
}

/// Names what broke an exchange.
pub(super) fn name(error: &reqwest::Error) -> Broken {
    if let Some(fault) = causes(error).find_map(LocalFault::within) {
        return Broken::Here(fault);
    }
    let (failure, detail) = name_failure(error);
    Broken::There(failure, detail)
}

fn name_failure(error: &reqwest::Error) -> Named {
    // An error of the operating system says something else before a connection
    // stands than afterwards.
    let system = if error.is_connect() { while_connecting } else { while_connected };
    // What is most telling comes first, however deep it is wrapped.
    [refused, lookup, tls, http2, http1, system]
        .into_iter()
        .find_map(|judge| causes(error).find_map(judge))
        .unwrap_or_else(|| unknown(error))
}

/// The error and what caused it, outermost first.
fn causes(error: Cause<'_>) -> impl Iterator<Item = Cause<'_>> {
    std::iter::successors(Some(error), |&error| next_cause(error))
}

/// What an `io::Error` wraps is not its source but its content, and is a cause all the
/// same; and what an `Arc` of one shares is the error itself.
fn next_cause(error: Cause<'_>) -> Option<Cause<'_>> {
    if let Some(shared) = error.downcast_ref::<Arc<io::Error>>() {
        return Some(shared.as_ref());
    }
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped as Cause<'_>),
        None => error.source(),
    }
}

fn refused(cause: Cause<'_>) -> Option<Named> {
    cause.downcast_ref::<AddressRefused>().map(|refused| (Failure::AddressRefused, refused.to_string()))
}

fn lookup(cause: Cause<'_>) -> Option<Named> {
    let LookupFailed { name, source } = cause.downcast_ref()?;
    let detail = match source {
        Some(source) => format!("{name} could not be looked up: {source}."),
        None => format!("{name} has no address."),
    };
    Some((Failure::Dns, detail))
}

fn tls(cause: Cause<'_>) -> Option<Named> {
    use rustls::Error::{AlertReceived, InvalidCertificate, InvalidMessage, PeerIncompatible};
    let detail = match cause.downcast_ref()? {
        InvalidCertificate(error) => certificate(error),
        InvalidMessage(_) => "The server does not speak TLS on this port.".to_owned(),
        PeerIncompatible(_) | AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure) => {
            "The server offers no version or cipher suite of TLS that is safe.".to_owned()
        }
        AlertReceived(AlertDescription::UnrecognisedName) => "The server does not know this host name.".to_owned(),
        AlertReceived(AlertDescription::CertificateRequired) => "The server asks for a client certificate.".to_owned(),
        error => format!("TLS failed: {error}."),
    };
    Some((Failure::Tls, detail))
}

fn certificate(error: &CertificateError) -> String {
    use CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext, Other,
        UnknownIssuer,
    };
    match error {
        Expired | ExpiredContext { .. } => "The certificate has expired.".to_owned(),
        NotValidYet | NotValidYetContext { .. } => "The certificate is not valid yet.".to_owned(),
        UnknownIssuer => "The certificate is not from a trusted authority: it is self-signed, or an intermediate \
                          certificate is missing."
            .to_owned(),
        NotValidForName => "The certificate is for another host name.".to_owned(),
        NotValidForNameContext { expected, .. } => {
            format!("The certificate is for another host name than {}.", expected.to_str())
        }
        // Made with a tool's defaults, a self-signed certificate calls itself an
        // authority, which no server's certificate may.
        Other(error) if error.to_string().contains("CaUsedAsEndEntity") => "The certificate is self-signed.".to_owned(),
        error => format!("The certificate is not acceptable: {error}."),
    }
}

fn http2(cause: Cause<'_>) -> Option<Named> {
    let error: &h2::Error = cause.downcast_ref()?;
    Some(match (error.get_io(), error.reason()) {
        (Some(error), _) => return while_connected(error),
        (None, Some(reason)) if error.is_remote() => {
            (Failure::ConnectionReset, format!("The server broke off the HTTP/2 exchange: {}.", reason.description()))
        }
        _ => (Failure::Protocol, format!("The answer is not valid HTTP/2: {error}.")),
    })
}

fn http1(cause: Cause<'_>) -> Option<Named> {
    let error: &hyper::Error = cause.downcast_ref()?;
    if error.is_parse() {
        Some((Failure::Protocol, format!("The answer is not valid HTTP: {error}.")))
    } else if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        Some((Failure::ConnectionReset, CLOSED.to_owned()))
    } else {
        None
    }
}

const CLOSED: &str = "The server closed the connection before its answer was complete.";

fn while_connecting(cause: Cause<'_>) -> Option<Named> {
    let error: &io::Error = cause.downcast_ref()?;
    Some(match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            (Failure::ConnectionRefused, "Nothing accepts connections at this address and port.".to_owned())
        }
        io::ErrorKind::TimedOut => (Failure::ConnectTimeout, "The server did not react.".to_owned()),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            (Failure::Connect, "There is no way to this address from here.".to_owned())
        }
        kind if is_break(kind) => {
            (Failure::ConnectionReset, "The server closed the connection before TLS was set up.".to_owned())
        }
        _ => return None,
    })
}

fn while_connected(cause: Cause<'_>) -> Option<Named> {
    let error: &io::Error = cause.downcast_ref()?;
    Some(match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            (Failure::Protocol, format!("The body of the answer is not valid: {error}."))
        }
        kind if is_break(kind) || kind == io::ErrorKind::TimedOut => (Failure::ConnectionReset, CLOSED.to_owned()),
        _ => return None,
    })
}

const fn is_break(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
}

/// What has no name of its own: the innermost cause speaks for itself.
fn unknown(error: &reqwest::Error) -> Named {
    let failure = if error.is_connect() { Failure::Connect } else { Failure::Protocol };
    let cause = causes(error).last().map(ToString::to_string).unwrap_or_default();
    (failure, format!("{cause}."))
}
