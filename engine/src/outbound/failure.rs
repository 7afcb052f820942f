//! Gives a broken exchange its name.

mod tls;

use std::{error::Error, io, sync::Arc};

use hyper_util::client::legacy;
use signet_model::delivery::Failure;

use super::{
    connector::InvalidHost, egress_proxy::NotConnected, local_fault::LocalFault, resolver::LookupFailed,
    tls::CertificateWanted,
};

type Cause<'a> = &'a (dyn Error + 'static);
type Named = (Failure, String);

/// Why an exchange ended without an answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// By a fault of this side.
    Here(LocalFault),
    /// By a failure of the receiver or of the way to it, with a short sentence.
    There(Failure, String),
}

/// Names the reason why an exchange broke.
pub(super) fn name(error: &legacy::Error) -> Broken {
    if let Some(fault) = causes(error).find_map(LocalFault::within) {
        return Broken::Here(fault);
    }
    let (failure, detail) = name_failure(error);
    Broken::There(failure, detail)
}

/// Returns `true` if the connection is to blame: it ended before an answer had come, or the rest of
/// an earlier answer came over it.
pub(super) fn is_of_connection(error: &legacy::Error) -> bool {
    matches!(name(error), Broken::There(Failure::ConnectionReset | Failure::Protocol, _))
}

/// Returns `true` if an answer came and is not valid HTTP. One without end is none.
pub(super) fn is_unreadable(error: &legacy::Error) -> bool {
    let http = causes(error).find_map(|cause| cause.downcast_ref::<hyper::Error>());
    http.is_some_and(|error| error.is_parse() && !error.is_parse_too_large())
}

/// The URL names no host that can be looked up.
pub(super) fn invalid_host(host: &str) -> Broken {
    Broken::There(Failure::Dns, no_host(host))
}

fn no_host(host: &str) -> String {
    format!("{host} is not a valid host name.")
}

fn name_failure(error: &legacy::Error) -> Named {
    // An error of the operating system has another meaning before a connection
    // stands than afterwards.
    let system = if error.is_connect() { while_connecting } else { while_connected };
    // The most telling cause comes first, however deep it is wrapped.
    [host, lookup, proxy, certificate_wanted, tls_error, http1, system]
        .into_iter()
        .find_map(|judge| causes(error).find_map(judge))
        .unwrap_or_else(|| unknown(error))
}

/// The error and its causes, outermost first.
fn causes(error: Cause<'_>) -> impl Iterator<Item = Cause<'_>> {
    std::iter::successors(Some(error), |&error| next_cause(error))
}

/// An `io::Error` has the error that it wraps as its content, not as its source; an `Arc` of
/// one shares the error itself.
fn next_cause(error: Cause<'_>) -> Option<Cause<'_>> {
    if let Some(shared) = error.downcast_ref::<Arc<io::Error>>() {
        return Some(shared.as_ref());
    }
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped as Cause<'_>),
        None => error.source(),
    }
}

fn host(cause: Cause<'_>) -> Option<Named> {
    cause.downcast_ref::<InvalidHost>().map(|InvalidHost(host)| (Failure::Dns, no_host(host)))
}

fn lookup(cause: Cause<'_>) -> Option<Named> {
    let LookupFailed { name, source } = cause.downcast_ref()?;
    if let Some(source) = source {
        tracing::debug!(name, error = %source, "a name could not be looked up");
    }
    Some((Failure::Dns, format!("{name} was not found: it has no address that the public internet can reach.")))
}

fn proxy(cause: Cause<'_>) -> Option<Named> {
    let error: &NotConnected = cause.downcast_ref()?;
    let failure = if error.is_late() { Failure::ConnectTimeout } else { Failure::Connect };
    Some((failure, "The receiver could not be reached through this service's proxy.".to_owned()))
}

fn certificate_wanted(cause: Cause<'_>) -> Option<Named> {
    cause.is::<CertificateWanted>().then(|| (Failure::Tls, tls::CERTIFICATE_WANTED.to_owned()))
}

fn tls_error(cause: Cause<'_>) -> Option<Named> {
    cause.downcast_ref().map(|error| (Failure::Tls, tls::sentence(error)))
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

const CLOSED: &str = "The server closed the connection before its answer had come.";

fn while_connecting(cause: Cause<'_>) -> Option<Named> {
    let error: &io::Error = cause.downcast_ref()?;
    Some(match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            (Failure::ConnectionRefused, "The server accepts no connections at this port.".to_owned())
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
    let kind = cause.downcast_ref::<io::Error>()?.kind();
    (is_break(kind) || kind == io::ErrorKind::TimedOut).then(|| (Failure::ConnectionReset, CLOSED.to_owned()))
}

const fn is_break(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
}

/// The name of all other failures. The words of libraries are for the log.
fn unknown(error: &legacy::Error) -> Named {
    let cause = causes(error).last().map(ToString::to_string);
    tracing::debug!(cause, "an exchange failed for a reason without a name");
    if error.is_connect() {
        (Failure::Connect, "The connection could not be made.".to_owned())
    } else {
        (Failure::Protocol, "The answer could not be read.".to_owned())
    }
}
