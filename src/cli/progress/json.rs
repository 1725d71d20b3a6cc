//! Progress as JSON lines: one object a line, `event` says which. Field names are stable. Pure.

use serde_json::{Value, json};

use crate::event::Event;
use crate::id::TaskId;

use super::super::units;
use super::state::Snapshot;

/// The object for an event; `None` for those that only add to [`progress`].
pub(super) fn event(event: &Event) -> Option<Value> {
    Some(match event {
        Event::Listed { .. } | Event::Morsel { .. } | Event::ShardStarted { .. } => return None,
        Event::RunStarted { run, folder, shards, committed, bytes, rows } => json!({
            "event": "run-started", "run": run, "folder": folder, "shards": shards,
            "committed": committed, "bytes": bytes, "rows": rows,
        }),
        Event::Step { task, attempt, step } => json!({
            "event": "step", "step": step.name(), "stage": task.stage(), "shard": shard(task),
            "task": task.to_string(), "attempt": attempt.to_string(),
        }),
        Event::ShardDone { shard, took } => json!({
            "event": "shard-done", "shard": shard.0, "seconds": took.as_secs_f64(),
        }),
        Event::ShardFailed { shard, message } => json!({
            "event": "shard-failed", "shard": shard.0, "message": message,
        }),
        Event::ReduceStarted => json!({ "event": "reduce-started" }),
        Event::Published { files, rows, bytes } => json!({
            "event": "published", "files": files, "rows": rows, "bytes": bytes,
        }),
        Event::Warning(message) => json!({ "event": "warning", "message": message }),
    })
}

/// The object for how far the work is.
pub(super) fn progress(s: &Snapshot) -> Value {
    json!({
        "event": "progress",
        "phase": s.phase.name(),
        "listedFiles": s.listed.0,
        "listedBytes": s.listed.1,
        "shards": s.shards,
        "committed": u64::from(s.before) + u64::from(s.done),
        "failed": s.failed,
        "rows": s.rows,
        "bytes": s.bytes,
        "rejected": s.rejected,
        "seconds": s.elapsed.as_secs_f64(),
        "rowsPerSecond": units::per_second(s.rows, s.elapsed),
        "bytesPerSecond": units::per_second(s.bytes, s.elapsed),
        "etaSeconds": s.eta().map(|d| d.as_secs_f64()),
        "slowestShard": s.slowest.map(|(shard, _)| shard.0),
        "slowestSeconds": s.slowest.map(|(_, time)| time.as_secs_f64()),
    })
}

const fn shard(task: &TaskId) -> Option<u32> {
    match task {
        TaskId::Map(shard) | TaskId::MapAt(shard, _) => Some(shard.0),
        TaskId::Reduce => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::state::Phase;
    use super::*;
    use crate::event::Step;
    use crate::id::{AttemptId, ShardId};

    #[test]
    fn events_have_stable_names() {
        let attempt = AttemptId::random();
        let text = |e: &Event| event(e).map(|v| v.to_string());
        let step =
            Event::Step { task: TaskId::Map(ShardId(3)), attempt: attempt.clone(), step: Step::Committed };
        assert_eq!(
            text(&step).unwrap(),
            format!(
                "{{\"event\":\"step\",\"step\":\"committed\",\"stage\":\"map\",\"shard\":3,\"task\":\"000003\",\
                 \"attempt\":\"{attempt}\"}}"
            )
        );
        let done = Event::ShardDone { shard: ShardId(3), took: Duration::from_millis(1500) };
        assert_eq!(text(&done).unwrap(), "{\"event\":\"shard-done\",\"shard\":3,\"seconds\":1.5}");
        assert_eq!(text(&Event::Listed { files: 1, bytes: 1 }), None);
    }

    #[test]
    fn progress_has_stable_names() {
        let s =
            Snapshot { phase: Phase::Mapping, shards: 2, done: 1, rows: 8, bytes: 16, ..Snapshot::default() };
        let s = Snapshot { plan_bytes: 32, elapsed: Duration::from_secs(2), ..s };
        assert_eq!(
            progress(&s).to_string(),
            "{\"event\":\"progress\",\"phase\":\"mapping\",\"listedFiles\":0,\"listedBytes\":0,\"shards\":2,\
             \"committed\":1,\"failed\":0,\"rows\":8,\"bytes\":16,\"rejected\":0,\"seconds\":2.0,\
             \"rowsPerSecond\":4,\"bytesPerSecond\":8,\"etaSeconds\":2.0,\"slowestShard\":null,\
             \"slowestSeconds\":null}"
        );
    }
}
