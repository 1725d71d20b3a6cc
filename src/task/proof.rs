//! What reduce proves before it goes on: every shard is committed once, every planned row was read,
//! and the pieces of cut texts join without a gap.

use std::collections::BTreeMap;

use crate::engine::map::adjacent;
use crate::error::{Error, Result};
use crate::id::{ShardId, TaskId};
use crate::job::sql::CutKind;
use crate::plan::{Extent, Shard};
use crate::store::commit::TaskCommit;

/// The commit records of all shards, in shard order, or what has to be run before.
#[derive(Debug)]
pub enum Proof {
    /// All there, all proved.
    Whole(Vec<TaskCommit>),
    /// These shards have no record, or one whose first record was guessed wrong: run them, from the
    /// given byte on.
    Missing(Vec<(ShardId, Option<u64>)>),
}

/// The commit records that are known, by task. Unknown ones count as not there: running a task
/// again is harmless.
pub type Known = BTreeMap<TaskId, TaskCommit>;

/// Finds the record of every shard and proves that together they are the plan's work.
///
/// # Errors
/// `Internal`: a record contradicts the plan.
pub fn prove(kind: &CutKind, shards: &[Shard], known: &Known) -> Result<Proof> {
    let mut records = Vec::with_capacity(shards.len());
    let mut missing = Vec::new();
    // Where the records of the shard before ended, if its last split is a piece of a text.
    let mut before: Option<(&Shard, u64)> = None;
    for shard in shards {
        let begin = must_begin(shard, before);
        let guessed = known.get(&TaskId::Map(shard.id)).filter(|r| begin.is_none() || first_tile(r) == begin);
        let record = guessed.or_else(|| known.get(&TaskId::MapAt(shard.id, begin?)));
        before = None;
        match record {
            Some(record) => {
                check_rows(kind, shard, record)?;
                check_tiles(shard, record)?;
                before = last_tile_end(shard, record).map(|end| (shard, end));
                records.push(record.clone());
            }
            // Only where it must begin is known for sure; what follows is proved when it is there.
            None => missing.push((shard.id, begin)),
        }
    }
    Ok(if missing.is_empty() { Proof::Whole(records) } else { Proof::Missing(missing) })
}

/// Where the first record of `shard` must begin, if the shard before it in the same file says so.
fn must_begin(shard: &Shard, before: Option<(&Shard, u64)>) -> Option<u64> {
    let (previous, end) = before?;
    let (last, first) = (previous.splits.last()?, shard.splits.first()?);
    adjacent(last, first).then_some(end)
}

fn first_tile(record: &TaskCommit) -> Option<u64> {
    record.tiles.first().filter(|t| t.split == 0).map(|t| t.begin)
}

fn last_tile_end(shard: &Shard, record: &TaskCommit) -> Option<u64> {
    let last = u32::try_from(shard.splits.len().checked_sub(1)?).ok()?;
    record.tiles.last().filter(|t| t.split == last).map(|t| t.end)
}

/// Rows read must be the rows planned, where the format states them.
fn check_rows(kind: &CutKind, shard: &Shard, record: &TaskCommit) -> Result<()> {
    if matches!(kind, CutKind::Limit { .. }) {
        return Ok(());
    }
    let planned: Option<u64> = shard.splits.iter().map(|s| s.rows).sum();
    match planned {
        Some(planned) if planned != record.counters.rows_scanned => Err(contradiction(
            shard,
            &format!("{} rows were read, the plan has {planned}", record.counters.rows_scanned),
        )),
        _ => Ok(()),
    }
}

/// Within a shard, the pieces of a text must join.
fn check_tiles(shard: &Shard, record: &TaskCommit) -> Result<()> {
    let tiles: BTreeMap<u32, (u64, u64)> = record.tiles.iter().map(|t| (t.split, (t.begin, t.end))).collect();
    for (number, pair) in (0_u32..).zip(shard.splits.windows(2)) {
        let [a, b] = pair else { continue };
        if adjacent(a, b) {
            let end = tiles.get(&number).map(|t| t.1);
            let begin = tiles.get(&(number + 1)).map(|t| t.0);
            if end.is_none() || end != begin {
                return Err(contradiction(shard, "the pieces of a text do not join"));
            }
        }
    }
    let cut = shard.splits.iter().filter(|s| matches!(s.extent, Extent::Bytes { .. })).count();
    if cut != tiles.len() {
        return Err(contradiction(shard, "it does not say where each piece of a text began"));
    }
    Ok(())
}

fn contradiction(shard: &Shard, what: &str) -> Error {
    Error::internal(format!("the commit record of a shard contradicts the plan: {what}"))
        .with("shard", shard.id.0)
}
