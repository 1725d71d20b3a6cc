//! How rows become answers. Arrow in, Arrow out: no I/O, no threads of its own, no clock.

pub mod sql;
