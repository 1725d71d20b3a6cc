//! SQL: planned by DataFusion, cut into map and reduce.

mod arithmetic;
mod buckets;
mod check;
mod cut;
mod errors;
mod exclude;
mod one_partition;
mod program;
mod refuse;
mod scan;
mod session;
mod sum;

pub use buckets::split_by_hash;
pub use exclude::Conditions;
pub use program::{CutKind, MapInstance, Program, Scan};
pub use scan::{Batches, PlannerTable, Role};
pub use session::BATCH_ROWS;

#[cfg(test)]
mod tests;
