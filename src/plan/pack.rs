//! Packing splits into shards.
//!
//! Without a stated number, bounds are content-defined: whether a shard ends before a split depends
//! on that split's path and extent alone, once the shard holds half of the target. A new file then
//! moves the bounds near it, and behind the next bound that both cuts share nothing moves.

use super::types::{Extent, Shard, Split};
use crate::id::ShardId;
use crate::spec::Shards;

/// Cuts `splits`, which are in plan order, into shards.
#[must_use]
pub fn pack(splits: Vec<Split>, shards: &Shards) -> Vec<Shard> {
    let starts = match shards.count {
        Some(count) => equal(&splits, count.max(1) as usize),
        None => content_defined(&splits, shards.target_bytes.max(1)),
    };
    let mut packed: Vec<Shard> = Vec::new();
    for (split, starts) in splits.into_iter().zip(starts) {
        match packed.last_mut() {
            Some(shard) if !starts => shard.splits.push(split),
            _ => {
                let id = ShardId(u32::try_from(packed.len()).unwrap_or(u32::MAX));
                packed.push(Shard { id, splits: vec![split] });
            }
        }
    }
    packed
}

/// For each split, whether a shard begins with it: `count` shards of near-equal cost, or one per
/// split if there are fewer.
fn equal(splits: &[Split], count: usize) -> Vec<bool> {
    let count = count.min(splits.len());
    let total: u128 = splits.iter().map(|s| u128::from(s.cost())).sum();
    let (mut before, mut begun) = (0_u128, 0_usize);
    let mut starts = Vec::with_capacity(splits.len());
    for (position, split) in splits.iter().enumerate() {
        let cost = u128::from(split.cost());
        // In shard k lie the splits whose middle lies in the k-th part of the whole cost.
        let due = (2 * before + cost) * count as u128 >= 2 * total * begun as u128;
        // Each shard that is still to begin needs a split.
        let last_call = splits.len() - position <= count - begun;
        let start = begun < count && (begun == 0 || due || last_call);
        begun += usize::from(start);
        before += cost;
        starts.push(start);
    }
    starts
}

/// For each split, whether a shard begins with it: shards of at least half the target (but for the
/// last, and before a split that alone is larger than the target) and at most twice the target (but
/// for a single split).
fn content_defined(splits: &[Split], target: u64) -> Vec<bool> {
    let (least, most) = (target / 2, target.saturating_mul(2));
    let mut held = 0_u64;
    let mut starts = Vec::with_capacity(splits.len());
    for split in splits {
        let cost = split.cost();
        let full = held.saturating_add(cost) > most;
        let start = held == 0 || full || (held >= least && bound(split, cost, target - least));
        held = if start { cost } else { held + cost };
        starts.push(start);
    }
    starts
}

/// True for a share of `cost / mean` of all splits, so that a bound comes after `mean` on average.
fn bound(split: &Split, cost: u64, mean: u64) -> bool {
    let mut hasher = blake3::Hasher::new();
    hasher.update(split.path.as_bytes());
    let (kind, start, end) = match split.extent {
        Extent::RowGroups { start, end } => (1, u64::from(start), u64::from(end)),
        Extent::Bytes { start, end } => (2, start, end),
        Extent::Whole => (3, 0, 0),
    };
    for number in [kind, start, end] {
        hasher.update(&number.to_le_bytes());
    }
    let [a, b, c, d, e, f, g, h, ..] = *hasher.finalize().as_bytes();
    let random = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    u128::from(random) * u128::from(mean) < u128::from(cost) << 64
}
