//! dp runs one data job over a dataset of any size: a planner cuts the dataset into shards and
//! freezes a plan, tasks turn shards into partials, a reduce task combines them and publishes.

pub mod cli;
pub mod engine;
pub mod error;
pub mod event;
pub mod id;
pub mod job;
pub mod ops;
pub mod plan;
pub mod spec;
pub mod store;
pub mod task;

pub use error::{Error, Kind, Result};
