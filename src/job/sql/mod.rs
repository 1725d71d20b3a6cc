//! SQL: planned by DataFusion, cut into map and reduce.
//!
#![doc = include_str!("GRAMMAR.md")]

mod arithmetic;
mod buckets;
mod check;
mod constants;
mod cut;
mod depth;
mod errors;
mod exclude;
mod in_list;
mod in_subquery;
mod limits;
mod min_max;
mod one_partition;
mod paths;
mod post;
mod program;
mod refuse;
mod run;
mod scan;
mod session;
mod sum;
mod understood;

pub use buckets::split_by_hash;
pub use exclude::Conditions;
pub use paths::take_paths;
pub use program::{CutKind, Program, Scan};
pub use run::MapInstance;
pub use scan::{Batches, PlannerTable, Role};
pub use session::BATCH_ROWS;

#[cfg(test)]
mod grammar;
#[cfg(test)]
mod tests;
