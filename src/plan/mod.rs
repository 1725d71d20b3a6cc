//! Which work there is: listed files in, plan out. Pure.

mod schema_json;
mod types;

pub use types::{
    Extent, Header, PLAN_FORMAT, Plan, SHARDS_PER_BLOCK, Shard, SideTable, Split, Table, Totals,
};
