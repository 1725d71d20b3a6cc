//! The promises about dying, meeting and repeating, on the real binary in temporary folders: a run
//! that is killed at any step resumes to the same bytes, processes that work on one run or one output
//! at once do no harm, and one plan gives one result whatever the machine.
//!
//! No sleeps: each test waits for what it needs. `DP_BIN=path` tests another binary.

mod data;
mod kill;
mod memory;
mod place;
mod runs;
mod same_bytes;
mod signal;
mod together;
mod unread;
