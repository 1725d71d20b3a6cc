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
    let random = hasher.finalize().as_bytes().first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight));
    u128::from(random) * u128::from(mean) < u128::from(cost) << 64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::testing::split;
    use super::*;

    const OPEN: u64 = 64 * 1024;

    fn by_target(target_bytes: u64) -> Shards {
        Shards { target_bytes, count: None }
    }

    fn splits(sizes: &[u64]) -> Vec<Split> {
        sizes.iter().enumerate().map(|(i, b)| split(&format!("/f{i:06}"), 0, *b)).collect()
    }

    fn check_order(shards: &[Shard], splits: &[Split]) {
        assert!(shards.iter().enumerate().all(|(i, s)| s.id.0 as usize == i && !s.splits.is_empty()));
        assert!(shards.iter().flat_map(|s| &s.splits).eq(splits));
    }

    #[test]
    fn a_stated_number_is_met_when_there_are_enough_splits() {
        for (sizes, count, expected) in [
            (vec![], 3, 0),
            (vec![1; 2], 3, 2),
            (vec![1; 3], 3, 3),
            (vec![1; 1000], 7, 7),
            (vec![1_000_000_000, 1, 1, 1], 4, 4),
            (vec![1, 1, 1, 1_000_000_000], 3, 3),
            (vec![5], 1, 1),
        ] {
            let splits = splits(&sizes);
            let shards = pack(splits.clone(), &Shards { target_bytes: 1, count: Some(count) });
            assert_eq!(shards.len(), expected, "{sizes:?}");
            check_order(&shards, &splits);
        }
    }

    #[test]
    fn equal_splits_give_shards_of_the_target_on_average() {
        let target = 100 * (1_000_000 + OPEN);
        let splits = splits(&vec![1_000_000; 50_000]);
        let shards = pack(splits, &by_target(target));
        assert!((400..600).contains(&shards.len()), "{}", shards.len());
    }

    #[test]
    fn a_new_file_moves_only_the_shards_near_it() {
        let splits = splits(&vec![1_000_000; 5_000]);
        let target = 20 * (1_000_000 + OPEN);
        let sets = |splits: Vec<Split>| -> BTreeSet<Vec<String>> {
            let paths = |s: Shard| s.splits.into_iter().map(|s| s.path).collect();
            pack(splits, &by_target(target)).into_iter().map(paths).collect()
        };
        let old = sets(splits.clone());
        for position in [0, 1, 777, 2_500, 4_999, 5_000] {
            let mut grown = splits.clone();
            let name = if position == 0 { "/a".to_owned() } else { format!("/f{:06}x", position - 1) };
            grown.insert(position, split(&name, 0, 700_000));
            let moved = sets(grown).difference(&old).count();
            assert!(moved <= 12, "{moved} of {} shards moved", old.len());
        }
    }

    proptest! {
        #[test]
        fn costs_are_bounded(
            sizes in prop::collection::vec(0..40_000_000_u64, 0..400),
            target in 1..200_000_000_u64,
        ) {
            let splits = splits(&sizes);
            let shards = pack(splits.clone(), &by_target(target));
            check_order(&shards, &splits);
            prop_assert_eq!(&shards, &pack(splits, &by_target(target)));
            for pair in shards.windows(2) {
                let (cost, next) = (pair[0].cost(), pair[1].splits[0].cost());
                prop_assert!(cost <= 2 * target || pair[0].splits.len() == 1);
                prop_assert!(cost >= target / 2 || cost + next > 2 * target);
            }
        }

        #[test]
        fn a_stated_number_gives_near_equal_costs(
            sizes in prop::collection::vec(0..40_000_000_u64, 1..400),
            count in 1..50_u32,
        ) {
            let splits = splits(&sizes);
            let shards = pack(splits.clone(), &Shards { target_bytes: 1, count: Some(count) });
            check_order(&shards, &splits);
            prop_assert_eq!(shards.len(), splits.len().min(count as usize));
            let total: u64 = splits.iter().map(Split::cost).sum();
            let largest = splits.iter().map(Split::cost).max().unwrap_or(0);
            for shard in &shards {
                prop_assert!(shard.cost() <= total / shards.len() as u64 + 2 * largest);
            }
        }
    }
}
