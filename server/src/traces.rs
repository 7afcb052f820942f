//! Traces: a span for each event that comes in and for each attempt, sent to a collector by OTLP.
//! The feature `otlp` of this package brings the exporter, which most servers do without.

#[cfg(feature = "otlp")]
mod exporter;
#[cfg(feature = "otlp")]
mod span_data;

#[cfg(feature = "otlp")]
pub use exporter::Export;

/// Spans on their way to a collector, of which there can be none.
#[cfg(not(feature = "otlp"))]
#[derive(Debug)]
pub struct Export(std::convert::Infallible);

#[cfg(not(feature = "otlp"))]
impl Export {
    /// Returns `None`, since no collector is named.
    ///
    /// # Errors
    /// One is.
    pub fn begin(
        args: &crate::config::TracesArgs,
        _: &[Vec<u8>],
        _: &signet_engine::Engine,
    ) -> anyhow::Result<Option<Self>> {
        args.check().map(|()| None)
    }

    /// There is nothing to end.
    pub fn end(self) -> std::future::Pending<()> {
        match self.0 {}
    }
}
