//! How one machine does it fast: morsels on rayon, operators over record batches, memory, spill,
//! output.

pub mod flat;
mod ipc;
pub mod lanes;
pub mod machine;
pub mod map;
pub mod memory;
pub mod morsel;
pub mod partial;
pub mod partials;
mod rebatch;
pub mod reduce;
pub mod rows;
#[cfg(test)]
mod sample;
pub mod sort;
pub mod spill;
pub mod write;

pub use machine::Machine;
