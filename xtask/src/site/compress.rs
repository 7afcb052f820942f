//! Compression: it costs time once a build, not once a request.

use std::io::Write;

use anyhow::Result;
use brotli::enc::BrotliEncoderParams;
use flate2::{Compression, write::GzEncoder};

/// The highest quality of brotli.
pub const BEST: i32 = 11;

/// A tenth of that in time, for a few bytes in a hundred.
pub const QUICK: i32 = 9;

pub fn brotli(content: &[u8], quality: i32) -> Result<Vec<u8>> {
    let parameters = BrotliEncoderParams { quality, lgwin: 22, size_hint: content.len(), ..Default::default() };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &*content, &mut compressed, &parameters)?;
    Ok(compressed)
}

pub fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}
