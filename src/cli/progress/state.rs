//! How far the work is: events in, a snapshot out. Counters of morsels are atomics, because morsels
//! report from every thread; the rest changes a few times per shard.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::event::{Event, Step};
use crate::id::{ShardId, TaskId};

/// What the process is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// Listing and cutting the input.
    #[default]
    Planning,
    /// Working through shards.
    Mapping,
    /// Combining partials, publishing.
    Reducing,
    /// The result is published.
    Published,
}

impl Phase {
    /// Its name in JSON lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Planning => "planning",
            Self::Mapping => "mapping",
            Self::Reducing => "reducing",
            Self::Published => "published",
        }
    }
}

/// The work at one instant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub phase: Phase,
    /// Input found so far: files and bytes.
    pub listed: (u64, u64),
    /// Shards of the plan.
    pub shards: u32,
    /// Those that earlier processes committed.
    pub before: u32,
    /// Those that this process committed.
    pub done: u32,
    /// Those that failed.
    pub failed: u32,
    /// Bytes that the plan reads.
    pub plan_bytes: u64,
    /// What this process has read.
    pub rows: u64,
    pub bytes: u64,
    pub rejected: u64,
    /// Since the run started, in this process.
    pub elapsed: Duration,
    /// The shard in work for the longest time.
    pub slowest: Option<(ShardId, Duration)>,
}

impl Snapshot {
    /// The part of this process's work that is done: bytes read of bytes to read, in thousandths.
    fn own_permille(&self) -> u64 {
        let left = u64::from(self.shards.saturating_sub(self.before));
        let (done, all) = if self.plan_bytes > 0 && self.shards > 0 {
            let all = u128::from(self.plan_bytes) * u128::from(left) / u128::from(self.shards);
            (u128::from(self.bytes), all)
        } else {
            (u128::from(self.done), u128::from(left))
        };
        // Bytes of Parquet columns are estimates: the end is reached when the last shard is.
        let permille = (done * 1000).checked_div(all).unwrap_or(0).min(999);
        if u64::from(self.done) >= left { 1000 } else { u64::try_from(permille).unwrap_or(999) }
    }

    /// The part of the run that is done, in thousandths.
    pub fn permille(&self) -> u64 {
        let (all, before) = (u64::from(self.shards), u64::from(self.before.min(self.shards)));
        (before * 1000 + (all - before) * self.own_permille()).checked_div(all).unwrap_or(0)
    }

    /// Time to the end of the map stage at the speed so far; `None` while it cannot be told.
    pub fn eta(&self) -> Option<Duration> {
        let done = self.own_permille();
        if self.phase != Phase::Mapping || !(5..1000).contains(&done) {
            return None;
        }
        let micros = self.elapsed.as_micros() * u128::from(1000 - done) / u128::from(done);
        Some(Duration::from_micros(u64::try_from(micros).ok()?))
    }
}

/// Collects events.
#[derive(Debug)]
pub(super) struct State {
    rows: AtomicU64,
    bytes: AtomicU64,
    rejected: AtomicU64,
    slow: Mutex<Slow>,
}

#[derive(Debug)]
struct Slow {
    base: Snapshot,
    since: Instant,
    in_flight: HashMap<ShardId, Instant>,
}

impl State {
    pub fn new(now: Instant) -> Self {
        let slow = Slow { base: Snapshot::default(), since: now, in_flight: HashMap::new() };
        Self {
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            slow: Mutex::new(slow),
        }
    }

    /// Takes one event in.
    pub fn record(&self, event: &Event, now: Instant) {
        if let Event::Morsel { rows, bytes, rejected, .. } = event {
            self.rows.fetch_add(*rows, Ordering::Relaxed);
            self.bytes.fetch_add(*bytes, Ordering::Relaxed);
            self.rejected.fetch_add(*rejected, Ordering::Relaxed);
            return;
        }
        let mut slow = self.lock();
        match event {
            Event::Listed { files, bytes } => slow.base.listed = (*files, *bytes),
            Event::RunStarted { shards, committed, bytes, .. } => {
                slow.base.phase = Phase::Mapping;
                slow.base.shards = *shards;
                slow.base.before = *committed;
                slow.base.plan_bytes = *bytes;
                slow.since = now;
            }
            Event::Step {
                task: TaskId::Map(shard) | TaskId::MapAt(shard, _), step: Step::Fetched, ..
            } => {
                slow.in_flight.insert(*shard, now);
            }
            Event::ShardDone { shard, .. } => {
                slow.in_flight.remove(shard);
                slow.base.done += 1;
            }
            Event::ShardFailed { shard, .. } => {
                slow.in_flight.remove(shard);
                slow.base.failed += 1;
            }
            Event::ReduceStarted => slow.base.phase = Phase::Reducing,
            Event::Published { .. } => slow.base.phase = Phase::Published,
            Event::ShardStarted { .. } | Event::Step { .. } | Event::Morsel { .. } | Event::Warning(_) => (),
        }
    }

    /// The work as it is at `now`.
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        let slow = self.lock();
        let oldest = slow.in_flight.iter().min_by_key(|(shard, since)| (**since, **shard));
        Snapshot {
            rows: self.rows.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            rejected: self.rejected.load(Ordering::Relaxed),
            elapsed: now.saturating_duration_since(slow.since),
            slowest: oldest.map(|(shard, since)| (*shard, now.saturating_duration_since(*since))),
            ..slow.base.clone()
        }
    }

    /// A thread that panicked while it held the lock leaves numbers that are good enough to show.
    fn lock(&self) -> MutexGuard<'_, Slow> {
        self.slow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::AttemptId;

    fn fetched(shard: u32) -> Event {
        Event::Step { task: TaskId::Map(ShardId(shard)), attempt: AttemptId::random(), step: Step::Fetched }
    }

    fn started(shards: u32, committed: u32, bytes: u64) -> Event {
        let (run, folder) = ("r".to_owned(), "/w/r".to_owned());
        Event::RunStarted { run, folder, shards, committed, bytes, rows: None }
    }

    #[test]
    fn events_add_up() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let state = State::new(start);
        state.record(&Event::Listed { files: 3, bytes: 900 }, at(0));
        state.record(&started(4, 1, 800), at(1));
        state.record(&fetched(1), at(2));
        state.record(&fetched(2), at(3));
        state.record(&Event::Morsel { shard: ShardId(1), rows: 10, bytes: 300, rejected: 1 }, at(4));
        state.record(&Event::Morsel { shard: ShardId(2), rows: 5, bytes: 0, rejected: 0 }, at(4));
        assert_eq!(state.snapshot(at(5)).slowest, Some((ShardId(1), Duration::from_secs(3))));
        state.record(&Event::ShardDone { shard: ShardId(1), took: Duration::from_secs(3) }, at(5));
        state.record(&fetched(3), at(5));
        state.record(&Event::ShardFailed { shard: ShardId(3), message: "x".to_owned() }, at(6));
        let want = Snapshot {
            phase: Phase::Mapping,
            listed: (3, 900),
            shards: 4,
            before: 1,
            done: 1,
            failed: 1,
            plan_bytes: 800,
            rows: 15,
            bytes: 300,
            rejected: 1,
            elapsed: Duration::from_secs(6),
            slowest: Some((ShardId(2), Duration::from_secs(4))),
        };
        assert_eq!(state.snapshot(at(7)), want);
        // Half of the 600 bytes left, after a quarter of the shards: 1/4 + 3/4 * 1/2.
        assert_eq!(want.permille(), 625);
        assert_eq!(want.eta(), Some(Duration::from_secs(6)));
        state.record(&Event::ReduceStarted, at(8));
        assert_eq!((state.snapshot(at(8)).phase, state.snapshot(at(8)).eta()), (Phase::Reducing, None));
    }

    #[test]
    fn the_end_is_the_last_shard_not_the_last_byte() {
        let some = |done, bytes| Snapshot {
            phase: Phase::Mapping,
            shards: 2,
            plan_bytes: 100,
            done,
            bytes,
            ..Snapshot::default()
        };
        assert_eq!(some(1, 500).permille(), 999);
        assert_eq!(some(2, 60).permille(), 1000);
        assert_eq!(Snapshot::default().permille(), 0);
        assert_eq!(Snapshot { shards: 3, before: 5, ..some(0, 0) }.permille(), 1000);
        assert_eq!(Snapshot { bytes: u64::MAX, plan_bytes: u64::MAX, ..some(0, 0) }.permille(), 999);
    }
}
