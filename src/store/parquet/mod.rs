//! Parquet: footers, statistics and decoding.
//!
//! INT96 timestamps are read as microseconds (as the peers do): in nanoseconds the years before
//! 1678 and after 2262, which writers of INT96 use freely, would wrap.

mod chunks;
mod columns;
mod footer;
mod reader;
mod stats;
mod types;

pub use footer::{Footer, footer};
pub use reader::open;
pub use stats::FooterStats;

use crate::error::{Error, Result, catch};

/// Runs a step of the Parquet decoder. A hostile file can still make the decoder panic on an
/// assertion of its own; that is bad data, not a defect which may end the process.
fn guarded<T, E: std::error::Error + Send + Sync + 'static>(
    what: &str,
    step: impl FnOnce() -> Result<T, E>,
) -> Result<T> {
    match catch(step) {
        Ok(result) => result.map_err(|e| Error::bad_data(what).because(e)),
        Err(panic) => Err(Error::bad_data(what).because(format!("the decoder failed an assertion: {panic}"))),
    }
}

#[cfg(test)]
mod tests;
