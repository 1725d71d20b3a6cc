//! How much memory a process will need, roughly.

use super::types::{Header, Shard};

/// Decoded columns take about this many times their compressed bytes.
const DECODED: u64 = 5;
/// What a thread needs beside its split: batches between operators, small hash tables.
const PER_THREAD: u64 = 16 * 1024 * 1024;
/// The process itself, with the statement planned.
const BASE: u64 = 64 * 1024 * 1024;

/// The memory in bytes of a process with `threads` threads: the largest splits at one time, decoded,
/// and the side tables with their hash tables. Large groups and sorts add to it, up to the limit
/// from which they spill.
#[must_use]
pub fn memory(header: &Header, shards: &[Shard], threads: usize) -> u64 {
    let mut sizes: Vec<u64> = shards.iter().flat_map(|s| &s.splits).map(|s| s.bytes).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let at_once: u64 = sizes.iter().take(threads.max(1)).fold(0, |sum, b| sum.saturating_add(*b));
    let side: u64 = header.tables.iter().map(|t| t.bytes).sum();
    let threads = PER_THREAD.saturating_mul(threads.max(1) as u64);
    BASE.saturating_add(threads)
        .saturating_add(at_once.saturating_mul(DECODED))
        .saturating_add(side.saturating_mul(DECODED))
}

#[cfg(test)]
mod tests {
    use super::super::build;
    use super::super::testing::{job, parquet_file, table};
    use super::*;
    use crate::spec::{Format, Shards};

    #[test]
    fn the_largest_splits_count_once_per_thread() {
        let sizes = [40 << 20, 1, 30 << 20];
        let files = sizes.iter().enumerate().map(|(i, b)| parquet_file(&format!("/{i}"), &[(1, *b)]));
        let input = [table(Format::Parquet, files.collect())];
        let shards = Shards { target_bytes: 1 << 20, count: None };
        let plan = build(&job(shards), &input, &[], &[], None, None, 1).expect("a plan");
        let estimate = |threads| memory(&plan.header, &plan.shards, threads);
        // Each file has two columns.
        assert_eq!(estimate(1), BASE + PER_THREAD + DECODED * (80 << 20));
        assert_eq!(estimate(2), BASE + 2 * PER_THREAD + DECODED * (140 << 20));
        assert_eq!(estimate(0), estimate(1));
    }
}
