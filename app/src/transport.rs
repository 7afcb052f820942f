//! The way by which a browser reaches the pages.

/// The way by which a browser reaches the pages. The server finds it out, and puts it among the
/// extensions of each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Over https.
    Secure,
    /// Over plain http on the same machine, where nobody is between.
    Loopback,
    /// Over plain http from elsewhere: anybody between reads along, and browsers keep no session.
    Exposed,
}
