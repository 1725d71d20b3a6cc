//! What hinders the pods of a run, while its Jobs run: seen soon, said once, and fatal where waiting is useless.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::Utc;
use serde_json::Value;

use super::super::run::Frozen;
use super::drive::Driver;
use super::submission::DriverStatus;
use super::view::PODS_SHOWN;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::kube::client::Select;
use crate::kube::decide::View;
use crate::kube::object::Object;
use crate::kube::observe::{self, Cause, JobState, Trouble};
use crate::store::layout;

/// Pods may be pending so long without being looked at, and then are looked at so often.
const PATIENCE: Duration = Duration::from_secs(5);
/// What does not pass by itself ends the run after so long.
const HOPELESS: Duration = Duration::from_secs(45);
/// No pod has ended and no heartbeat moved for so long: somebody should hear of it.
const STALL: Duration = Duration::from_mins(10);
/// Says otherwise, in seconds.
const STALL_VARIABLE: &str = "DP_STALL_SECONDS";

/// What a driver remembers of what it has seen, to tell what lasts.
#[derive(Debug)]
pub(super) struct Watch {
    /// Since when some pods are not at work.
    waiting: Option<Instant>,
    /// When pods were last looked at.
    looked: Option<Instant>,
    /// What hinders pods, since when, and whether it was said.
    troubles: BTreeMap<Cause, (Instant, bool)>,
    /// Pods that have ended, and since when there are so many.
    ended: (u32, Instant),
}

impl Default for Watch {
    fn default() -> Self {
        Self { waiting: None, looked: None, troubles: BTreeMap::new(), ended: (0, Instant::now()) }
    }
}

impl Driver<'_> {
    /// While Jobs run: sees to it that somebody hears what hinders them.
    pub(super) fn wait(&mut self, frozen: &Frozen, view: &View) -> Result<()> {
        let Some(stage) = view.reduces.last().or(view.maps.last()) else { return Ok(()) };
        let (job, phase) = (&stage.job, if view.reduces.is_empty() { "mapping" } else { "reducing" });
        let now = Instant::now();
        let ended = job.succeeded + job.failed;
        if ended != self.watch.ended.0 {
            self.watch.ended = (ended, now);
        }
        if job.ready >= job.active && job.active > 0 {
            self.watch = Watch { ended: self.watch.ended, ..Watch::default() };
            return if self.is_stalled(frozen)? { self.say_stalled(phase) } else { self.phase(phase) };
        }
        let since = *self.watch.waiting.get_or_insert(now);
        let looked = self.watch.looked.is_some_and(|at| now.duration_since(at) < PATIENCE);
        if now.duration_since(since) < PATIENCE || looked {
            return Ok(());
        }
        self.watch.looked = Some(now);
        let found = self.find_troubles(job)?;
        self.watch.troubles.retain(|cause, _| found.contains_key(cause));
        for (cause, trouble) in found {
            let (since, said) = self.watch.troubles.entry(cause).or_insert((since, false));
            if now.duration_since(*since) > HOPELESS && !cause.may_pass() {
                self.cluster.delete(Object::Job, &job.name)?;
                return Err(told(&trouble));
            }
            if !std::mem::replace(said, true) {
                self.sink.emit(Event::Warning(format!("{}: {}", trouble.text, cause.hint())));
                self.say(&hindered(phase, trouble.text, cause.hint()))?;
            }
        }
        Ok(())
    }

    fn find_troubles(&self, job: &JobState) -> Result<BTreeMap<Cause, Trouble>> {
        let mut found = BTreeMap::new();
        if job.active == 0 {
            let fields = format!("involvedObject.name={},reason=FailedCreate", job.name);
            let select = Select { labels: "", fields: &fields, limit: PODS_SHOWN };
            let events = self.cluster.list(Object::Event, select)?;
            found.extend(events.iter().filter_map(observe::event).next_back().map(|t| (t.cause, t)));
            return Ok(found);
        }
        let labels = format!("batch.kubernetes.io/job-name={}", job.name);
        for phase in ["status.phase=Pending", "status.phase=Running"] {
            let select = Select { labels: &labels, fields: phase, limit: PODS_SHOWN };
            for trouble in self.cluster.list(Object::Pod, select)?.iter().filter_map(observe::pod) {
                found.entry(trouble.cause).or_insert(trouble);
            }
        }
        Ok(found)
    }

    /// All pods seem to work, but none has ended and no heartbeat has moved for a long time.
    fn is_stalled(&self, frozen: &Frozen) -> Result<bool> {
        let stated = self.request.machine.env.pairs().iter().find(|(name, _)| name == STALL_VARIABLE);
        let stall = stated.and_then(|(_, text)| text.parse().ok()).map_or(STALL, Duration::from_secs);
        if self.watch.ended.1.elapsed() < stall {
            return Ok(false);
        }
        let mut beats = frozen.run.work.list(layout::HEARTBEATS)?;
        beats.truncate(PODS_SHOWN as usize);
        let oldest = Utc::now().timestamp_millis() - i64::try_from(stall.as_millis()).unwrap_or(i64::MAX);
        for beat in beats {
            let bytes = frozen.run.work.get(&format!("{}/{}", layout::HEARTBEATS, beat.name))?;
            let beat: Option<Value> = bytes.and_then(|b| serde_json::from_slice(&b).ok());
            if beat.and_then(|b| b["atMillis"].as_i64()).is_some_and(|at| at > oldest) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn say_stalled(&mut self, phase: &str) -> Result<()> {
        let minutes = self.watch.ended.1.elapsed().as_secs() / 60;
        let text = format!("no pod has ended and no heartbeat has moved for {minutes} minutes");
        let hint = "look at the pods (dp logs, kubectl exec); `dp cancel` and `dp retry` begin anew, committed shards stay";
        let fresh =
            self.said.as_ref().is_none_or(|s| s.message.as_ref().is_none_or(|m| !m.contains("no heartbeat")));
        if fresh {
            self.sink.emit(Event::Warning(format!("{text}: {hint}")));
            self.say(&hindered(phase, text, hint))?;
        }
        Ok(())
    }
}

fn hindered(phase: &str, message: String, hint: &str) -> DriverStatus {
    DriverStatus {
        phase: phase.to_owned(),
        message: Some(message),
        hint: Some(hint.to_owned()),
        exit_code: None,
    }
}

fn told(trouble: &Trouble) -> Error {
    Error::stop(trouble.text.clone()).with("pod", &trouble.pod).with("hint", trouble.cause.hint())
}
