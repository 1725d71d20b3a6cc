//! Progress as lines of text. Pure.

use std::time::Duration;

use crate::event::Event;

use super::super::failure::printable;
use super::super::units;
use super::state::{Phase, Snapshot};

/// A shard in work for less than this is no news.
const WORTH_NAMING: Duration = Duration::from_secs(1);

/// The line for a change of state; `None` if the event is only a number in [`progress`].
pub(super) fn change(event: &Event) -> Option<String> {
    let line = match event {
        Event::RunStarted { run, folder, shards, committed, bytes, rows } => {
            let rows = rows.map_or_else(String::new, |n| format!(", {}", units::counted(n, "row")));
            let before = if *committed == 0 {
                String::new()
            } else {
                format!(", {} committed before", units::count(u64::from(*committed)))
            };
            let shards = units::counted(u64::from(*shards), "shard");
            format!("run {run} in {folder}: {shards}{before}, {}{rows}", units::bytes(*bytes))
        }
        Event::ShardFailed { shard, message } => format!("shard {shard} failed: {message}"),
        Event::ReduceStarted => "all shards are committed, reducing".to_owned(),
        Event::Published { files, rows, bytes } => format!(
            "published {} in {}, {}",
            units::counted(*rows, "row"),
            units::counted(*files, "file"),
            units::bytes(*bytes)
        ),
        Event::Warning(text) => format!("warning: {text}"),
        Event::Listed { .. }
        | Event::Morsel { .. }
        | Event::ShardStarted { .. }
        | Event::Step { .. }
        | Event::ShardDone { .. } => {
            return None;
        }
    };
    Some(printable(&line))
}

/// Whether a person should see the event even with `--progress none`.
pub(super) const fn is_message(event: &Event) -> bool {
    matches!(event, Event::Warning(_) | Event::ShardFailed { .. })
}

/// How far the work is, in one line.
pub(super) fn progress(s: &Snapshot) -> String {
    let detail = detail(s);
    if detail.is_empty() { place(s) } else { format!("{}, {detail}", place(s)) }
}

/// How far the work is: the part that stands beside a bar.
pub(super) fn place(s: &Snapshot) -> String {
    match s.phase {
        Phase::Planning => {
            let (files, bytes) = s.listed;
            format!("planning: {}, {}", units::counted(files, "file"), units::bytes(bytes))
        }
        Phase::Mapping => {
            let done = units::count(u64::from(s.before) + u64::from(s.done));
            let all = units::count(u64::from(s.shards));
            let eta = s.eta().map_or_else(String::new, |eta| format!(", ETA {}", units::whole_seconds(eta)));
            format!("{done}/{all} shards, {}%{eta}", s.permille() / 10)
        }
        Phase::Reducing => "reducing".to_owned(),
        Phase::Published => "published".to_owned(),
    }
}

/// How it goes: speed, and what a person may want to look into.
pub(super) fn detail(s: &Snapshot) -> String {
    let mut parts = Vec::new();
    if s.phase == Phase::Mapping {
        parts.push(format!("{} rows/s", units::short_count(units::per_second(s.rows, s.elapsed))));
        parts.push(format!("{}/s", units::bytes(units::per_second(s.bytes, s.elapsed))));
    }
    if s.rejected > 0 {
        parts.push(format!("{} rejected", units::counted(s.rejected, "record")));
    }
    if s.failed > 0 {
        parts.push(format!("{} failed", units::counted(u64::from(s.failed), "shard")));
    }
    let slowest = s.slowest.filter(|(_, time)| *time >= WORTH_NAMING);
    parts.extend(
        slowest
            .map(|(shard, time)| format!("slowest in work: shard {shard}, {}", units::whole_seconds(time))),
    );
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ShardId;

    fn mapping() -> Snapshot {
        Snapshot {
            phase: Phase::Mapping,
            listed: (3, 900),
            shards: 40,
            done: 10,
            plan_bytes: 400 << 20,
            rows: 12_000_000,
            bytes: 100 << 20,
            elapsed: Duration::from_secs(4),
            ..Snapshot::default()
        }
    }

    #[test]
    fn progress_names_what_is_known() {
        let busy = Snapshot {
            before: 1,
            failed: 1,
            rejected: 3,
            slowest: Some((ShardId(12), Duration::from_millis(8100))),
            ..mapping()
        };
        for (snapshot, want) in [
            (Snapshot { listed: (1234, 5 << 30), ..Snapshot::default() }, "planning: 1,234 files, 5.00 GiB"),
            (mapping(), "10/40 shards, 25%, ETA 12 s, 3.00 M rows/s, 25.0 MiB/s"),
            (
                busy,
                "11/40 shards, 27%, ETA 12 s, 3.00 M rows/s, 25.0 MiB/s, 3 records rejected, 1 shard failed, \
                 slowest in work: shard 000012, 9 s",
            ),
            (Snapshot { phase: Phase::Reducing, ..mapping() }, "reducing"),
            (Snapshot { phase: Phase::Mapping, ..Snapshot::default() }, "0/0 shards, 0%, 0 rows/s, 0 B/s"),
        ] {
            assert_eq!(progress(&snapshot), want);
        }
    }

    #[test]
    fn changes_are_told() {
        let started = |committed, rows| Event::RunStarted {
            run: "r-12".to_owned(),
            folder: "/w/r-12".to_owned(),
            shards: 40,
            committed,
            bytes: 1 << 30,
            rows,
        };
        for (event, want) in [
            (started(0, Some(7)), Some("run r-12 in /w/r-12: 40 shards, 1.00 GiB, 7 rows")),
            (started(12, None), Some("run r-12 in /w/r-12: 40 shards, 12 committed before, 1.00 GiB")),
            (Event::Published { files: 1, rows: 16, bytes: 12 }, Some("published 16 rows in 1 file, 12 B")),
            (Event::Warning("odd\u{7}".to_owned()), Some("warning: odd\\u{7}")),
            (Event::Morsel { shard: ShardId(0), rows: 1, bytes: 1, rejected: 0 }, None),
        ] {
            assert_eq!(change(&event).as_deref(), want);
        }
    }
}
