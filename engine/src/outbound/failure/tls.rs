//! Failures of a receiver's TLS, each in a sentence.

use rustls::{AlertDescription, CertificateError, Error};

/// The server asks the client for a certificate, which it has none of.
pub(super) const CERTIFICATE_WANTED: &str =
    "The server asks for a client certificate. Webhooks are signed instead: exempt this path from it.";

/// Tells the failure in words of this crate: those of the library are made for its authors.
pub(super) fn sentence(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => certificate(error),
        Error::NoCertificatesPresented => "The server has no certificate.".to_owned(),
        Error::InvalidMessage(_) => "The server does not speak TLS on this port.".to_owned(),
        Error::PeerIncompatible(_) => NOTHING_SAFE.to_owned(),
        Error::AlertReceived(alert) => alert_sentence(*alert),
        Error::PeerMisbehaved(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::DecryptError
        | Error::PeerSentOversizedRecord => "The server breaks the rules of TLS.".to_owned(),
        _ => "The TLS handshake failed.".to_owned(),
    }
}

const NOTHING_SAFE: &str = "The server offers no version or cipher suite of TLS that is safe.";

fn alert_sentence(alert: AlertDescription) -> String {
    use AlertDescription::{
        CertificateRequired, HandshakeFailure, InsufficientSecurity, NoApplicationProtocol, ProtocolVersion,
        UnrecognisedName,
    };
    match alert {
        ProtocolVersion | HandshakeFailure | InsufficientSecurity => NOTHING_SAFE.to_owned(),
        UnrecognisedName => "The server does not know this host name.".to_owned(),
        NoApplicationProtocol => "The server does not offer HTTP/1.1.".to_owned(),
        CertificateRequired => CERTIFICATE_WANTED.to_owned(),
        other => format!("The server ended TLS with alert {}.", u8::from(other)),
    }
}

fn certificate(error: &CertificateError) -> String {
    use CertificateError::{
        BadEncoding, BadSignature, Expired, ExpiredContext, InvalidPurpose, InvalidPurposeContext, NotValidForName,
        NotValidForNameContext, NotValidYet, NotValidYetContext, Other, Revoked, UnknownIssuer,
    };
    match error {
        Expired | ExpiredContext { .. } => "The certificate has expired.",
        NotValidYet | NotValidYetContext { .. } => "The certificate is not valid yet.",
        UnknownIssuer => {
            "The certificate is not from a trusted authority: it is self-signed, or an intermediate certificate is \
             missing."
        }
        NotValidForName => "The certificate is for another host name.",
        NotValidForNameContext { presented, .. } if presented.is_empty() => {
            "The certificate lacks a subject alternative name: the common name alone is not taken any more, by browsers \
             neither. Get one that names this host as a subject alternative name."
        }
        NotValidForNameContext { expected, .. } => {
            return format!("The certificate is for another host name than {}.", expected.to_str());
        }
        Revoked => "The certificate has been revoked.",
        InvalidPurpose | InvalidPurposeContext { .. } => "The certificate is not one for a server.",
        BadEncoding => "The certificate is damaged.",
        BadSignature => "The certificate is not signed by the authority that it names.",
        // Made with a tool's defaults, a self-signed certificate calls itself an
        // authority, which no server's certificate may.
        Other(error) if error.to_string().contains("CaUsedAsEndEntity") => "The certificate is self-signed.",
        _ => "The certificate is not acceptable.",
    }
    .to_owned()
}
