//! A plan as files: a header, and blocks of [`SHARDS_PER_BLOCK`] shards, so that a process reads the
//! header and at most two blocks to know its work, however large the plan is. Bytes only.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::types::{Header, PLAN_FORMAT, Plan, SHARDS_PER_BLOCK, Shard};
use crate::error::{Error, Result};
use crate::id::ShardId;

#[derive(Serialize)]
struct BlockOut<'a> {
    format: u32,
    digest: &'a str,
    shards: &'a [Shard],
}

#[derive(Deserialize)]
struct BlockIn {
    digest: String,
    shards: Vec<Shard>,
}

/// What every version's files have.
#[derive(Deserialize)]
struct Stamp {
    format: u32,
    version: Option<String>,
}

/// The header's file.
///
/// # Errors
/// `Internal` if it has no form as JSON.
pub fn header_bytes(header: &Header) -> Result<Vec<u8>> {
    json(header)
}

/// The files of the blocks, in order. Write them before the header: the header makes the plan.
pub fn block_bytes(plan: &Plan) -> impl Iterator<Item = Result<Vec<u8>>> + '_ {
    let digest = plan.header.digest.as_str();
    let blocks = plan.shards.chunks(SHARDS_PER_BLOCK as usize);
    blocks.map(move |shards| json(&BlockOut { format: PLAN_FORMAT, digest, shards }))
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|e| Error::internal("the plan has no form as JSON").because(e))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads a header's file.
///
/// # Errors
/// `Stop` if it is damaged, or was written by another version of dp.
pub fn parse_header(bytes: &[u8]) -> Result<Header> {
    let stamp: Stamp = parsed(bytes)?;
    let own = env!("CARGO_PKG_VERSION");
    let version = stamp.version.as_deref().unwrap_or("unknown");
    if stamp.format != PLAN_FORMAT || version != own {
        return Err(Error::stop(format!(
            "the run was planned by dp {version} (plan format {}), this is dp {own} (plan format {PLAN_FORMAT}): \
             continue it with that version, or plan it again",
            stamp.format
        )));
    }
    let header: Header = parsed(bytes)?;
    if header.block_costs.len() != block_count(&header) as usize {
        return Err(damaged("its number of blocks does not fit its number of shards"));
    }
    Ok(header)
}

/// Reads the file of block `number`.
///
/// # Errors
/// `Stop` if it is damaged, or belongs to another plan.
pub fn parse_block(header: &Header, number: u32, bytes: &[u8]) -> Result<Vec<Shard>> {
    let stamp: Stamp = parsed(bytes)?;
    if stamp.format != PLAN_FORMAT {
        return Err(damaged("a block is of another format"));
    }
    let block: BlockIn = parsed(bytes)?;
    let ids = block_shards(header, number);
    if block.digest != header.digest {
        return Err(damaged("a block belongs to another plan"));
    }
    if !block.shards.iter().map(|s| s.id).eq(ids.map(ShardId)) {
        return Err(damaged("a block does not hold the shards that it should"));
    }
    Ok(block.shards)
}

fn parsed<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|e| damaged("it cannot be read").because(e))
}

fn damaged(why: &str) -> Error {
    Error::stop(format!("the run's plan is damaged ({why}): plan it again under another name"))
}

/// How many blocks the plan has.
#[must_use]
pub const fn block_count(header: &Header) -> u32 {
    header.shards.div_ceil(SHARDS_PER_BLOCK)
}

/// The ids of the shards in a block.
#[must_use]
pub fn block_shards(header: &Header, number: u32) -> Range<u32> {
    let start = number.saturating_mul(SHARDS_PER_BLOCK).min(header.shards);
    start..start.saturating_add(SHARDS_PER_BLOCK).min(header.shards)
}

/// The shards of `index` among `indexes`: contiguous ranges of near-equal cost that together hold
/// each shard once. An index may get none. Calls `block` for at most two blocks.
///
/// A shard belongs to the index in whose part of the whole cost its middle lies.
///
/// # Errors
/// `Usage` if `index` is none of `indexes`; those of `block`.
pub fn index_range(
    header: &Header,
    index: u32,
    indexes: u32,
    mut block: impl FnMut(u32) -> Result<Vec<Shard>>,
) -> Result<Range<u32>> {
    if index >= indexes {
        return Err(Error::usage(format!("index {index} does not exist: the run has {indexes} of them")));
    }
    let start = first_of(header, index, indexes, &mut block)?;
    let end =
        if index + 1 == indexes { header.shards } else { first_of(header, index + 1, indexes, &mut block)? };
    Ok(start..end)
}

/// The first shard whose middle is not before the part of `index`.
fn first_of(
    header: &Header,
    index: u32,
    indexes: u32,
    block: &mut impl FnMut(u32) -> Result<Vec<Shard>>,
) -> Result<u32> {
    if index == 0 {
        return Ok(0);
    }
    // Everything is doubled and multiplied by `indexes`, so that nothing is rounded.
    let scale = 2 * u128::from(indexes);
    let total: u128 = header.block_costs.iter().map(|c| u128::from(*c)).sum();
    let part = 2 * total * u128::from(index);
    let mut before = 0_u128;
    for (number, cost) in (0_u32..).zip(&header.block_costs) {
        let end = before + u128::from(*cost);
        if end * scale > part {
            for shard in block(number)? {
                let cost = u128::from(shard.cost());
                if (2 * before + cost) * u128::from(indexes) >= part {
                    return Ok(shard.id.0);
                }
                before += cost;
            }
            return Ok(block_shards(header, number).end);
        }
        before = end;
    }
    Ok(header.shards)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::build;
    use super::super::testing::{job, parquet_file, table};
    use super::*;
    use crate::error::Kind;
    use crate::spec::{Format, Shards};

    fn plan(sizes: &[u64]) -> Plan {
        let files = sizes.iter().enumerate().map(|(i, b)| parquet_file(&format!("/f{i:06}"), &[(1, *b)]));
        let table = table(Format::Parquet, files.collect());
        let count = u32::try_from(sizes.len()).ok();
        build(&job(Shards { target_bytes: 1, count }), &[table], &[], &[], None, Some(5), 4).expect("a plan")
    }

    fn blocks(plan: &Plan) -> Vec<Vec<u8>> {
        block_bytes(plan).collect::<Result<_>>().expect("blocks")
    }

    #[test]
    fn what_is_frozen_comes_back() {
        for shards in [0, 1, 256, 257, 600] {
            let plan = plan(&vec![3; shards]);
            let header = parse_header(&header_bytes(&plan.header).expect("bytes")).expect("a header");
            assert_eq!(header, plan.header);
            let blocks = blocks(&plan);
            assert_eq!(blocks.len(), block_count(&header) as usize);
            let back = (0_u32..).zip(&blocks).map(|(n, b)| parse_block(&header, n, b).expect("a block"));
            assert_eq!(back.collect::<Vec<_>>().concat(), plan.shards);
        }
    }

    #[test]
    fn other_versions_plans_and_damage_are_refused() {
        let plan = plan(&[1; 300]);
        let text = String::from_utf8(header_bytes(&plan.header).expect("bytes")).expect("text");
        let version = format!("\"version\": \"{}\"", plan.header.version);
        for (from, to, said) in [
            (version.as_str(), "\"version\": \"9.9.9\"", "planned by dp 9.9.9"),
            ("\"format\": 1", "\"format\": 2", "plan format 2"),
            ("\"buckets\"", "\"pails\"", "damaged"),
            ("\"shards\": 300", "\"shards\": 3000", "damaged"),
        ] {
            assert!(text.contains(from), "{from}");
            let error = parse_header(text.replacen(from, to, 1).as_bytes()).expect_err(said);
            assert_eq!(error.kind(), Kind::Stop);
            assert!(error.to_string().contains(said), "{error}");
        }
        assert!(parse_header(&text.as_bytes()[..text.len() / 2]).is_err());
        let blocks = blocks(&plan);
        let mut other = plan.header.clone();
        other.digest.push('0');
        assert!(parse_block(&other, 0, &blocks[0]).is_err());
        assert!(parse_block(&plan.header, 1, &blocks[0]).is_err());
        assert!(parse_block(&plan.header, 0, &blocks[0][..99]).is_err());
    }

    #[test]
    fn the_digest_covers_what_decides_the_bytes() {
        let input = |bytes| [table(Format::Parquet, vec![parquet_file("/a", &[(1, bytes), (2, bytes)])])];
        let shards = Shards { target_bytes: 10, count: None };
        let digest = |job: &crate::spec::Job, input: &[_], now, buckets| {
            build(job, input, &[], &[], None, now, buckets).expect("a plan").header.digest
        };
        let (same, a) = (job(shards), input(7));
        let base = digest(&same, &a, None, 4);
        assert_eq!(base, digest(&same, &a.clone(), None, 4));
        let mut unimportant = same.clone();
        unimportant.resources.cpu = Some(7);
        unimportant.errors.attempts = 9;
        assert_eq!(base, digest(&unimportant, &a, None, 4));
        let mut statement = same.clone();
        statement.sql.push(' ');
        let mut etag = a.clone();
        etag[0].files[0].etag = None;
        let mut named = a.clone();
        named[0].table.schema = Arc::new(arrow::datatypes::Schema::empty());
        let others = [
            digest(&statement, &a, None, 4),
            digest(&same, &etag, None, 4),
            digest(&same, &named, None, 4),
            digest(&same, &input(8), None, 4),
            digest(&same, &a, Some(1), 4),
            digest(&same, &a, None, 5),
        ];
        assert!(others.iter().all(|d| *d != base));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn ranges_tile_the_shards_at_near_equal_cost(
            sizes in prop::collection::vec(0..5_000_000_u64, 0..900),
            indexes in 1..40_u32,
        ) {
            let plan = plan(&sizes);
            let header = &plan.header;
            let blocks: Vec<Vec<Shard>> = plan.shards.chunks(SHARDS_PER_BLOCK as usize).map(<[Shard]>::to_vec).collect();
            let costs: Vec<u64> = plan.shards.iter().map(Shard::cost).collect();
            let fair = costs.iter().sum::<u64>() / u64::from(indexes) + costs.iter().max().copied().unwrap_or(0);
            let mut at = 0;
            for index in 0..indexes {
                let mut loads = 0;
                let range = index_range(header, index, indexes, |n| {
                    loads += 1;
                    Ok(blocks[n as usize].clone())
                }).expect("a range");
                prop_assert!(loads <= 2);
                prop_assert_eq!(range.start, at);
                prop_assert!(range.end >= range.start);
                let cost: u64 = costs[range.start as usize..range.end as usize].iter().sum();
                prop_assert!(cost <= fair + 1);
                at = range.end;
            }
            prop_assert_eq!(at, header.shards);
            prop_assert!(index_range(header, indexes, indexes, |_| Ok(Vec::new())).is_err());
        }
    }
}
