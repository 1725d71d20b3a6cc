//! Where bytes live: listing, reading formats, the commit protocol.

pub mod client;
pub mod commit;
pub mod fault;
pub mod folder;
pub mod gc;
pub mod layout;
pub mod list;
pub mod manifest;
pub mod parquet;
pub mod probe;
pub mod publish;
pub mod read;
pub mod source;
pub mod text;
