//! Which work there is: listed files in, plan out. Pure.

mod build;
pub mod freeze;
pub mod hive;
pub mod limits;
mod memory;
mod pack;
mod prune;
mod scanned;
pub mod schema;
mod schema_json;
mod split;
#[cfg(test)]
mod testing;
mod types;

pub use build::{build, too_large};
pub use memory::memory;
pub use pack::pack;
pub use prune::{Bounds, Excludes, Unit, UnitStats, prune, units};
pub use scanned::{NoStats, RowGroup, ScannedFile, ScannedTable, StatsSource};
pub use split::{Sizes, projected_bytes, splits, total_bytes, whole_files};
pub use types::{
    Extent, Header, PLAN_FORMAT, Plan, SHARDS_PER_BLOCK, Shard, SideTable, Split, Table, Totals,
};
