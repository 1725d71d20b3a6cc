//! What reduce proves before it goes on: every shard is committed once, every planned row was read,
//! and the pieces of cut texts join without a gap.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::engine::map::adjacent;
use crate::error::{Error, Result};
use crate::id::{ShardId, TaskId};
use crate::job::sql::CutKind;
use crate::plan::{Extent, Shard, Split};
use crate::store::commit::TaskCommit;
use crate::store::text::Tiling;

/// The commit records of all shards that the result needs, in shard order, or what has to be run before.
#[derive(Debug)]
pub enum Proof {
    /// All there, all proved. A LIMIT needs the first shards only.
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
    // The last split of the shard before and how far its file is proved, if that is a piece of a text.
    let mut before: Option<(&Split, Tiling)> = None;
    for shard in shards {
        let joint = before.take().filter(|(last, _)| shard.splits.first().is_some_and(|f| adjacent(last, f)));
        let joint = joint.map(|(_, tiling)| tiling);
        let begin = joint.map(Tiling::proved);
        let guessed = known.get(&TaskId::Map(shard.id)).filter(|r| first_fits(shard, r, joint));
        let record = guessed.or_else(|| known.get(&TaskId::MapAt(shard.id, begin?)));
        match record {
            Some(record) => {
                let full = is_full(kind, record);
                check_rows(kind, shard, record)?;
                let tiling = check_tiles(shard, record, joint, full)?;
                records.push(record.clone());
                if full {
                    break;
                }
                before = shard.splits.last().zip(tiling);
            }
            // Only where it must begin is known for sure; what follows is proved when it is there.
            None => missing.push((shard.id, begin)),
        }
    }
    Ok(if missing.is_empty() { Proof::Whole(records) } else { Proof::Missing(missing) })
}

/// Checks that no more records were rejected than the job allows; `None` allows any number.
///
/// # Errors
/// `BadData` naming both counts and the task that rejected most.
pub fn within_bad_records(max: Option<u64>, records: &[TaskCommit]) -> Result<()> {
    let rejected: u64 = records.iter().map(|r| r.counters.rows_rejected).sum();
    let Some(max) = max.filter(|max| rejected > *max) else { return Ok(()) };
    let read: u64 = records.iter().map(|r| r.counters.rows_scanned).sum();
    let error = Error::bad_data(format!(
        "{rejected} of {read} records cannot be read, and errors.maxBadRecords allows {max}: nothing was published"
    ));
    let worst = records.iter().enumerate().max_by_key(|(i, r)| (r.counters.rows_rejected, Reverse(*i)));
    let error = worst.into_iter().fold(error, |e, (_, r)| {
        e.with("worst task", format!("{} with {}", r.task, r.counters.rows_rejected))
    });
    let hint =
        "set errors.badRecords to fail to see the first of them with file and line; mend them, or allow more";
    Err(error.with("hint", hint))
}

/// Whether the shard's first record is where the shard before says, if it says anything.
fn first_fits(shard: &Shard, record: &TaskCommit, joint: Option<Tiling>) -> bool {
    let Some(mut tiling) = joint else { return true };
    match (shard.splits.first().map(|s| s.extent), record.tiles.first()) {
        (Some(Extent::Bytes { end, .. }), Some(t)) => t.split == 0 && tiling.take(end, (t.begin, t.end)),
        _ => false,
    }
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

/// Whether a LIMIT has all its rows by now: what comes behind cannot change the result.
fn is_full(kind: &CutKind, record: &TaskCommit) -> bool {
    matches!(kind, CutKind::Limit { rows } if record.counters.rows_out >= *rows as u64)
}

/// The pieces of a text must join: with the shard before as `joint` says, and within the shard. A
/// shard that is `full` has left out its last ones. How far the last split's file is proved.
fn check_tiles(
    shard: &Shard,
    record: &TaskCommit,
    joint: Option<Tiling>,
    full: bool,
) -> Result<Option<Tiling>> {
    let tiles: BTreeMap<u32, (u64, u64)> = record.tiles.iter().map(|t| (t.split, (t.begin, t.end))).collect();
    let mut proved: Option<Tiling> = joint;
    let mut before: Option<&Split> = None;
    for (number, split) in (0_u32..).zip(&shard.splits) {
        let goes_on = before.is_none_or(|b| adjacent(b, split));
        before = Some(split);
        let Extent::Bytes { start, end } = split.extent else {
            proved = None;
            continue;
        };
        let Some(tile) = tiles.get(&number).copied() else {
            if full {
                break;
            }
            return Err(contradiction(shard, "it does not say where each piece of a text began"));
        };
        // Behind a shard that is missing a guess counts until that one is there.
        let unproved = if start == 0 { Tiling::default() } else { Tiling::from(tile.0) };
        let mut tiling = proved.filter(|_| goes_on).unwrap_or(unproved);
        if !tiling.take(end, tile) || (end == split.file_bytes && tiling.proved() != end) {
            return Err(contradiction(shard, "the pieces of a text do not join"));
        }
        proved = Some(tiling);
    }
    if record.tiles.iter().any(|t| shard.splits.get(t.split as usize).is_none()) {
        return Err(contradiction(shard, "it names a piece of a text that the plan does not have"));
    }
    Ok(proved)
}

fn contradiction(shard: &Shard, what: &str) -> Error {
    Error::internal(format!("the commit record of a shard contradicts the plan: {what}"))
        .with("shard", shard.id.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::AttemptId;
    use crate::spec::TextCompression;
    use crate::store::commit::{Counters, Tile, task_name};
    use crate::store::record::Record;

    /// Shard `id` holds bytes `start..end` of a text of 30 bytes.
    fn shard(id: u32, start: u64, end: u64) -> Shard {
        let split = Split {
            input: 0,
            path: "/t.csv".to_owned(),
            file_bytes: 30,
            etag: None,
            extent: Extent::Bytes { start, end },
            compression: TextCompression::None,
            folder_values: Vec::new(),
            rows: None,
            bytes: end - start,
        };
        Shard { id: ShardId(id), splits: vec![split] }
    }

    fn record(task: TaskId, begin: u64, end: u64) -> (TaskId, TaskCommit) {
        let record = TaskCommit {
            format: TaskCommit::FORMAT,
            plan: "p".to_owned(),
            task: task_name(task),
            attempt: AttemptId::random(),
            files: Vec::new(),
            counters: Counters::default(),
            tiles: vec![Tile { split: 0, begin, end }],
            schema: None,
            started_millis: 0,
            finished_millis: 0,
        };
        (task, record)
    }

    fn missing(known: &[(TaskId, TaskCommit)]) -> Option<Vec<(ShardId, Option<u64>)>> {
        let shards = [shard(0, 0, 10), shard(1, 10, 20), shard(2, 20, 30)];
        match prove(&CutKind::Rows, &shards, &known.iter().cloned().collect()).unwrap() {
            Proof::Whole(records) => {
                assert_eq!(records.len(), 3);
                None
            }
            Proof::Missing(missing) => Some(missing),
        }
    }

    #[test]
    fn every_shard_must_be_there_and_join() {
        let map = |id| TaskId::Map(ShardId(id));
        let at = |id, begin| TaskId::MapAt(ShardId(id), begin);
        let (a, b, c) = (record(map(0), 0, 12), record(map(1), 12, 21), record(map(2), 21, 30));
        assert_eq!(missing(&[a.clone(), b.clone(), c.clone()]), None);
        assert_eq!(missing(&[a.clone(), c.clone()]), Some(vec![(ShardId(1), Some(12))]));
        assert_eq!(missing(std::slice::from_ref(&c)), Some(vec![(ShardId(0), None), (ShardId(1), None)]));
        // A wrong guess of the second shard is found by the first one's end, and mended.
        let wrong = record(map(1), 14, 21);
        assert_eq!(missing(&[a.clone(), wrong.clone(), c.clone()]), Some(vec![(ShardId(1), Some(12))]));
        assert_eq!(missing(&[a, wrong, record(at(1, 12), 12, 21), c]), None);
    }

    #[test]
    fn a_limit_needs_the_first_shards_only() {
        let shards = [shard(0, 0, 10), shard(1, 10, 20), shard(2, 20, 30)];
        let with_rows = |id: u32, begin, end, rows| {
            let (task, mut record) = record(TaskId::Map(ShardId(id)), begin, end);
            record.counters.rows_out = rows;
            (task, record)
        };
        let records = |known: &[(TaskId, TaskCommit)]| {
            let known = known.iter().cloned().collect();
            match prove(&CutKind::Limit { rows: 5 }, &shards, &known).unwrap() {
                Proof::Whole(records) => Ok(records.len()),
                Proof::Missing(missing) => Err(missing),
            }
        };
        let (a, b) = (with_rows(0, 0, 12, 3), with_rows(1, 12, 21, 5));
        assert_eq!(records(&[a.clone(), b]), Ok(2));
        assert_eq!(records(&[with_rows(0, 0, 12, 5)]), Ok(1));
        // A wrong guess is mended however many rows it gave.
        let wrong = with_rows(1, 14, 21, 5);
        assert_eq!(records(&[a, wrong.clone()]), Err(vec![(ShardId(1), Some(12)), (ShardId(2), None)]));
        assert_eq!(records(&[wrong]), Err(vec![(ShardId(0), None)]));
        // Later pieces of a full shard are not read.
        let mut two = shard(0, 0, 10);
        two.splits.extend(shard(0, 10, 30).splits);
        let known = [with_rows(0, 0, 12, 5)].into_iter().collect();
        let whole = prove(&CutKind::Limit { rows: 5 }, &[two.clone()], &known).unwrap();
        assert!(matches!(whole, Proof::Whole(_)));
        assert!(prove(&CutKind::Limit { rows: 6 }, &[two], &known).is_err());
    }

    #[test]
    fn too_many_rejected_records_are_bad_data() {
        let rejected = |id, count| {
            let (_, mut record) = record(TaskId::Map(ShardId(id)), 0, 10);
            record.counters = Counters { rows_scanned: 10, rows_rejected: count, ..Counters::default() };
            record
        };
        let records = [rejected(0, 1), rejected(1, 3), rejected(2, 3)];
        for max in [None, Some(7), Some(8)] {
            within_bad_records(max, &records).unwrap();
        }
        let error = within_bad_records(Some(6), &records).unwrap_err();
        assert_eq!(error.kind(), crate::error::Kind::BadData);
        assert!(
            error.message().starts_with("7 of 30 records") && error.message().contains("allows 6"),
            "{error}"
        );
        assert!(error.to_string().contains("map/000001 with 3"), "{error}");
    }

    #[test]
    fn a_text_that_was_not_read_whole_is_a_contradiction() {
        let shards = [shard(0, 0, 30)];
        for (begin, end) in [(3, 30), (0, 29)] {
            let known = [record(TaskId::Map(ShardId(0)), begin, end)].into_iter().collect();
            assert!(prove(&CutKind::Rows, &shards, &known).is_err(), "{begin}..{end}");
        }
    }
}
