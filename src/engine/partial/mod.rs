//! The file of a shard's partial: for each bucket the Arrow batches of its groups, readable alone.
//!
//! ```text
//! "dp-part" and the format number, 8 bytes
//! pieces of Arrow IPC (see `ipc`), one run of pieces per bucket that has rows
//! index: per bucket that has rows, in order:
//!   bucket u32 · batches u32 · offset u64 · len u64 · rows u64 · hash u64 of the bytes
//! schema: Arrow IPC stream without batches
//! footer: index offset u64 · entries u32 · schema len u32 · buckets u32 · 4 bytes of the hash of
//!         all from the index to here · "dp-part" and the format number
//! ```
//! All numbers are little-endian. A whole-file checksum is the commit record's business; the hashes
//! here guard the ranges that are read without reading the whole file.

mod read;
mod write;

use crate::error::Error;

pub use self::read::{PartialReader, Ranges};
pub use self::write::PartialWriter;

/// Begins and ends the file; the last byte is the format's number.
const MAGIC: [u8; 8] = *b"dp-part\x01";
const ENTRY: usize = 40;
const FOOTER: usize = 32;
/// Bytes of the footer's hash.
const HASH: usize = 4;

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|b| u64::from_le_bytes(*b))
}

fn short_hash(hash: &blake3::Hash) -> u64 {
    u64_at(hash.as_bytes(), 0).unwrap_or_default()
}

fn foreign(part: &'static str) -> Error {
    Error::bad_data("a partial is torn or is no partial: run its shard again").with("part", part)
}

#[cfg(test)]
mod tests;
