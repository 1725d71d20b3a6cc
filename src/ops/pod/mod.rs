//! What a pod does and what it says about itself.

pub mod vitals;
mod worker;

pub use vitals::LogTail;
pub use worker::{Stage, WorkerRequest, worker};
