//! What is asked: as written, then validated. Pure.

mod location;
pub mod types;
mod valid;

pub use location::{Location, Scheme};
pub use valid::{
    BadRecords, Column, Csv, Dataset, Errors, Format, IfExists, Job, Output, OutputCompression, OutputFormat,
    Resources, Shards, TextCompression,
};
