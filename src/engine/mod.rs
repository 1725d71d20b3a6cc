//! How one machine does it fast: operators over record batches, memory, spill, output.

pub mod flat;
mod ipc;
pub mod memory;
pub mod partial;
mod rebatch;

pub mod sort;
pub mod spill;
pub mod write;
