//! The map stage on one machine: all splits of many shards on all threads, each shard's morsels
//! merged in plan order.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use super::lanes::{self, Lanes};
use super::morsel::{self, MapInput, Morsel};
use crate::error::{Error, Result};
use crate::event::Interrupt;
use crate::plan::{Extent, Shard, Split};
use crate::store::read::ReadStats;

/// Takes one shard's morsels, in plan order.
pub trait ShardSink: Send {
    /// Takes the next morsel.
    ///
    /// # Errors
    /// What writing or merging gives.
    fn take(&mut self, morsel: Morsel) -> Result<()>;

    /// Whether no later morsel of the shard can change the result.
    fn full(&self) -> bool {
        false
    }

    /// Writes what is left and closes the files.
    ///
    /// # Errors
    /// What writing or merging gives.
    fn finish(self: Box<Self>) -> Result<Vec<DoneFile>>;
}

/// A file that a sink has written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoneFile {
    /// Its number within the attempt.
    pub number: u32,
    /// Rows in it.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// BLAKE3 of its bytes, in hex.
    pub blake3: String,
    /// Its bytes, if they were so few that no file was made.
    pub kept: Option<Bytes>,
}

/// What was read of a shard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShardRead {
    /// Bytes fetched.
    pub bytes: u64,
    /// Records read, the rejected ones included.
    pub rows: u64,
    /// Records rejected.
    pub rejected: u64,
    /// For splits of texts cut by bytes: the split's number within the shard, where its first
    /// record began, where its last one ended.
    pub tiles: Vec<(u32, u64, u64)>,
}

/// What the map stage asks of the task layer.
pub trait Shards: Sync {
    /// A split of the shard is about to be read.
    fn starting(&self, shard: usize);

    /// First rows of a split of the shard were fetched.
    fn fetched(&self, shard: usize);

    /// Begins a shard: makes its sink.
    ///
    /// # Errors
    /// What opening gives.
    fn begin(&self, shard: usize) -> Result<Box<dyn ShardSink>>;

    /// A morsel of the shard was taken.
    fn progress(&self, shard: usize, read: &ReadStats);

    /// Ends a shard: its sink and what was read, or why it failed.
    fn end(&self, shard: usize, result: Result<(Box<dyn ShardSink>, ShardRead)>);

    /// Whether to begin nothing more.
    fn stop(&self) -> bool;
}

/// A shard to run.
#[derive(Debug, Clone)]
pub struct ShardWork<'a> {
    /// The shard.
    pub shard: &'a Shard,
    /// Where its first record begins, if a guess was proved wrong before.
    pub begin: Option<u64>,
}

/// Runs `work`. Shards that fail are reported to `shards` and do not stop the others.
pub fn run(input: &MapInput, work: &[ShardWork], shards: &dyn Shards, interrupt: &Interrupt) {
    let map = Map { input, work, shards, interrupt, open: Mutex::new(BTreeMap::new()) };
    lanes::run(&input.machine.pool, work.len(), &map);
    let left = map.open.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (unit, _) in left {
        shards.end(unit, Err(interrupt.check().err().unwrap_or_else(|| Error::internal("a shard was left"))));
    }
}

struct Map<'a> {
    input: &'a MapInput<'a>,
    work: &'a [ShardWork<'a>],
    shards: &'a dyn Shards,
    interrupt: &'a Interrupt,
    open: Mutex<BTreeMap<usize, OpenShard>>,
}

/// A shard whose morsels are being taken.
struct OpenShard {
    /// `None` after an error.
    state: Result<Option<Box<dyn ShardSink>>>,
    read: ShardRead,
}

impl OpenShard {
    /// Whether nothing more is taken: it has failed, or has all that it needs.
    fn is_over(&self) -> bool {
        self.state.as_ref().map_or(true, |sink| sink.as_ref().is_some_and(|s| s.full()))
    }
}

impl Lanes for Map<'_> {
    type Output = Result<Morsel>;

    fn items(&self, unit: usize) -> usize {
        self.work.get(unit).map_or(0, |w| w.shard.splits.len())
    }

    fn work(&self, unit: usize, item: usize) -> Result<Morsel> {
        if self.open().get(&unit).is_some_and(OpenShard::is_over) {
            return Err(Error::internal("the shard takes nothing more"));
        }
        let begin = self.work[unit].begin.filter(|_| item == 0);
        self.run_split(unit, item, begin)
    }

    fn take(&self, unit: usize, item: usize, output: Result<Morsel>) {
        let taken = self.open().remove(&unit);
        let mut open = taken.unwrap_or_else(|| OpenShard {
            state: self.shards.begin(unit).map(Some),
            read: ShardRead::default(),
        });
        if let (false, Ok(sink)) = (open.is_over(), &mut open.state) {
            let result = self.fit(unit, item, output, &open.read).and_then(|morsel| {
                let stats = morsel.stats;
                if let Some(sink) = sink {
                    sink.take(morsel)?;
                }
                open.read.add(item, &stats);
                self.shards.progress(unit, &stats);
                Ok(())
            });
            if let Err(error) = result {
                open.state = Err(error);
            }
        }
        self.open().insert(unit, open);
    }

    fn end(&self, unit: usize) {
        let open = self.open().remove(&unit);
        let open = open.unwrap_or_else(|| OpenShard {
            state: self.shards.begin(unit).map(Some),
            read: ShardRead::default(),
        });
        let result = open.state.and_then(|sink| {
            sink.map(|s| (s, open.read)).ok_or_else(|| Error::internal("a shard lost its sink"))
        });
        self.shards.end(unit, result);
    }

    fn stop(&self) -> bool {
        self.interrupt.is_set() || self.shards.stop()
    }
}

impl Map<'_> {
    fn open(&self) -> std::sync::MutexGuard<'_, BTreeMap<usize, OpenShard>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run_split(&self, unit: usize, item: usize, begin: Option<u64>) -> Result<Morsel> {
        let shard = self.work[unit].shard;
        let split = &shard.splits[item];
        self.shards.starting(unit);
        let fetched = || self.shards.fetched(unit);
        morsel::run(self.input, split, begin, &fetched).map_err(|e| {
            let named = e.context().iter().any(|(key, _)| *key == "file");
            let e = if named { e } else { e.with("file", &split.path) };
            e.with("shard", shard.id.0)
        })
    }

    /// Within a shard, a split of a text must begin where its predecessor ended; if its guess was
    /// another, it is run again from there. A wrong guess also shows as an error.
    fn fit(&self, unit: usize, item: usize, output: Result<Morsel>, read: &ShardRead) -> Result<Morsel> {
        let splits = &self.work[unit].shard.splits;
        let Some(before) = item.checked_sub(1) else { return output };
        let Some((number, _, end)) = read.tiles.last() else { return output };
        let fits = output.as_ref().is_ok_and(|m| m.stats.tile.is_none_or(|tile| tile.0 == *end));
        if fits || *number as usize != before || !adjacent(&splits[before], &splits[item]) {
            return output;
        }
        drop(output);
        self.run_split(unit, item, Some(*end))
    }
}

impl ShardRead {
    fn add(&mut self, item: usize, stats: &ReadStats) {
        self.bytes += stats.bytes;
        self.rows += stats.rows;
        self.rejected += stats.rejected;
        if let Some((begin, end)) = stats.tile {
            self.tiles.push((u32::try_from(item).unwrap_or(u32::MAX), begin, end));
        }
    }
}

/// Whether `b` is the piece of the same file behind `a`.
#[must_use]
pub fn adjacent(a: &Split, b: &Split) -> bool {
    match (a.extent, b.extent) {
        (Extent::Bytes { end, .. }, Extent::Bytes { start, .. }) => {
            a.input == b.input && a.path == b.path && end == start
        }
        _ => false,
    }
}
