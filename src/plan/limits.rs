//! The numbers that decide how a plan is cut, with their reasons. They decide output bytes: the
//! plan's digest covers them.

/// Rows of a Parquet split: enough that opening it costs nothing beside decoding it, few enough
/// that the last splits of a run do not leave threads idle.
pub const SPLIT_ROWS: u64 = 1024 * 1024;
/// Projected compressed bytes of a Parquet split: what a thread holds while it decodes, unless a
/// single row group is larger.
pub const SPLIT_PARQUET_BYTES: u64 = 32 * 1024 * 1024;
/// Bytes of a split of uncompressed text: parsing it takes some tens of milliseconds.
pub const SPLIT_TEXT_BYTES: u64 = 8 * 1024 * 1024;
/// With a stated number of shards, a shard should have about this many splits, so that shards can
/// be of near-equal cost.
pub const SPLITS_PER_SHARD: u64 = 4;
/// Bytes of the files of a side table: every process reads and holds all of them.
pub const SIDE_TABLE_BYTES: u64 = 256 * 1024 * 1024;
