//! Faults of this side, in which the receiver has no part.

use std::{
    error::Error,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket},
};

use rustix::io::Errno;

/// Why this process could not make an attempt. The receiver had no part in it, so the
/// delivery is given back and the attempt is not counted. The text is for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum LocalFault {
    /// `EMFILE` or `ENFILE`.
    #[error("no file descriptor was left for a connection")]
    Descriptors,
    /// `EADDRNOTAVAIL`: every port that a connection can begin at is in use.
    #[error("no local port was left for a connection")]
    Ports,
    /// `ENOMEM` or `ENOBUFS`.
    #[error("the system had no memory for a connection")]
    Memory,
    /// The look-up of the host name did not begin within the budget.
    #[error("too many other host names were being looked up")]
    Lookups,
    /// There is no route to any public address.
    #[error("this machine has no network")]
    Network,
    /// The operator's proxy cannot be reached, or refuses to serve this server.
    #[error("the egress proxy cannot be used: see --egress-proxy")]
    Proxy,
}

impl LocalFault {
    /// Tells whether other attempts of this process meet the fault as well. Too many
    /// look-ups delay those of unknown names alone: names that were found have room of
    /// their own.
    pub(crate) const fn is_shared(self) -> bool {
        !matches!(self, Self::Lookups)
    }

    /// The fault that the operating system reports, if it is one of this side.
    pub(super) fn of(error: &io::Error) -> Option<Self> {
        match Errno::from_io_error(error)? {
            Errno::MFILE | Errno::NFILE => Some(Self::Descriptors),
            Errno::ADDRNOTAVAIL => Some(Self::Ports),
            Errno::NOMEM | Errno::NOBUFS => Some(Self::Memory),
            Errno::NETDOWN => Some(Self::Network),
            // A router on the way can report it too.
            Errno::NETUNREACH => check_system().err(),
            _ => None,
        }
    }

    /// The fault that a failed look-up hides: the system's resolver reports "try again"
    /// both for a name server that fails and for want of a socket.
    pub(super) fn behind_lookup(error: &io::Error) -> Option<Self> {
        Self::of(error).or_else(|| check_system().err())
    }

    /// The fault that an error wraps, if it wraps one.
    pub(super) fn within(error: &(dyn Error + 'static)) -> Option<Self> {
        error.downcast_ref().copied().or_else(|| Self::of(error.downcast_ref()?))
    }
}

/// Addresses for documentation (RFC 5737, RFC 3849): only a default route leads there.
const ELSEWHERE: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))];

/// Asks the system for a socket and a route to elsewhere. No packet is sent.
fn check_system() -> Result<(), LocalFault> {
    let [v4, v6] = ELSEWHERE.map(find_route);
    let Err(error) = v4.or_else(|first| v6.map_err(|_| first)) else { return Ok(()) };
    match Errno::from_io_error(&error) {
        Some(Errno::MFILE | Errno::NFILE) => Err(LocalFault::Descriptors),
        Some(Errno::NOMEM | Errno::NOBUFS) => Err(LocalFault::Memory),
        _ => Err(LocalFault::Network),
    }
}

/// Connecting a UDP socket looks a route up and picks the local address, no more.
fn find_route(to: IpAddr) -> io::Result<()> {
    let from: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    UdpSocket::bind((from, 0))?.connect((to, 9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_the_system_is_a_local_fault() {
        for (errno, fault) in [
            (Errno::MFILE, Some(LocalFault::Descriptors)),
            (Errno::NFILE, Some(LocalFault::Descriptors)),
            (Errno::ADDRNOTAVAIL, Some(LocalFault::Ports)),
            (Errno::NOMEM, Some(LocalFault::Memory)),
            (Errno::NOBUFS, Some(LocalFault::Memory)),
            (Errno::NETDOWN, Some(LocalFault::Network)),
            (Errno::CONNREFUSED, None),
            (Errno::CONNRESET, None),
            (Errno::HOSTUNREACH, None),
            (Errno::TIMEDOUT, None),
        ] {
            assert_eq!(LocalFault::of(&errno.into()), fault, "{errno}");
        }
        assert_eq!(LocalFault::of(&io::Error::other("what no system says")), None);
    }
}
