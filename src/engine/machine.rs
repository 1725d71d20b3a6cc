//! What a process may use: threads, memory, scratch space.

use super::memory::Budget;
use super::spill::SpillDir;
use crate::error::{Error, Result};

/// Threads, memory and scratch space of a process.
#[derive(Debug)]
pub struct Machine {
    /// The compute threads.
    pub pool: rayon::ThreadPool,
    /// Bytes that operators may hold.
    pub budget: Budget,
    /// Where operators spill to.
    pub spill: SpillDir,
}

/// Stack of a compute thread: deep expressions recurse. Only what is touched takes memory.
const STACK_BYTES: usize = 32 << 20;

impl Machine {
    /// A machine of `threads` threads and `memory` bytes, spilling into `scratch`.
    ///
    /// # Errors
    /// Threads cannot be started.
    pub fn new(threads: usize, memory: u64, scratch: SpillDir) -> Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.max(1))
            .thread_name(|n| format!("dp-{n}"))
            .stack_size(STACK_BYTES)
            .build()
            .map_err(|e| Error::stop("compute threads cannot be started").because(e))?;
        Ok(Self { pool, budget: Budget::new(memory), spill: scratch })
    }
}
