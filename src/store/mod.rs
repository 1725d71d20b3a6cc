//! Where bytes live: listing, reading formats, the commit protocol.

mod answer;
pub mod claim;
pub mod client;
pub mod commit;
mod concurrent;
#[cfg(test)]
mod contract;
mod endpoint;
pub mod folder;
pub mod gc;
pub mod intervals;
pub mod layout;
pub mod list;
mod local;
pub mod manifest;
pub mod output;
pub mod parquet;
pub mod probe;
pub mod publish;
pub mod read;
pub mod record;
mod remote;
pub mod retry;
pub mod rollup;
pub mod scan;
pub mod source;
#[cfg(test)]
mod testing;
pub mod text;
mod upload;
pub mod writer;
