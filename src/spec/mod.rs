//! What is asked: as written, then validated. Pure.
//!
//! `yaml` reads the text as a `tree` with places, `fields` lists what may stand in it, `check` compares
//! the two and fills in parameters, `build` turns the tree into a [`Job`].

mod ad_hoc;
#[cfg(test)]
mod agreement;
mod build;
mod check;
mod cluster;
mod digest;
mod fields;
mod given;
mod location;
mod nearest;
mod overlap;
mod params;
mod parse;
mod problem;
mod quantity;
mod rules;
mod schedule;
mod schema;
mod sense;
mod shape;
mod tree;
pub mod types;
mod valid;
mod yaml;

pub use cluster::{Kubernetes, Mode};
pub use given::{Given, Interval};
pub use location::{Location, Scheme};
pub use nearest::nearest;
pub use parse::parse;
pub use problem::{Problem, problems_to_error};
pub use quantity::{parse_cpu, parse_duration, parse_size};
pub use schedule::{CatchUp, Clockwork, Overlap, Schedule, Span};
pub use schema::json_schema;
pub use valid::{
    BadRecords, Column, Csv, Dataset, Errors, Format, IfExists, Job, Output, OutputCompression, OutputFormat,
    Resources, Shards, TextCompression,
};
