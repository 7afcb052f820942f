//! The look-ups of test engines.

use std::{io, net::IpAddr};

use futures_util::future::BoxFuture;

use crate::outbound::{LocalFault, Lookup};

/// A host name for which this machine always lacks a descriptor.
pub const WITHOUT_DESCRIPTOR: &str = "without-descriptor.example";

/// Asks the operating system, except for [`WITHOUT_DESCRIPTOR`].
#[derive(Debug, Clone, Copy)]
pub(super) struct TestLookup;

impl Lookup for TestLookup {
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            if name == WITHOUT_DESCRIPTOR {
                return Err(io::Error::other(LocalFault::Descriptors));
            }
            Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
        })
    }
}
