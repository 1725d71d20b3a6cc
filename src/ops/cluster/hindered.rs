//! What hinders the pods of a run, while its Jobs run: seen soon, said once, and fatal where waiting is useless.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::drive::Driver;
use super::submission::DriverStatus;
use super::view::PODS_SHOWN;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::kube::client::{Object, Select};
use crate::kube::decide::View;
use crate::kube::observe::{self, Cause, Trouble};

/// Pods may be pending so long without anybody hearing of it.
const PATIENCE: Duration = Duration::from_secs(8);
/// What does not pass by itself ends the run after so long.
const HOPELESS: Duration = Duration::from_secs(45);

impl Driver<'_> {
    /// While Jobs run: sees to it that somebody hears what hinders them.
    pub(super) fn wait(&mut self, view: &View) -> Result<()> {
        let Some(stage) = view.reduces.last().or(view.maps.last()) else { return Ok(()) };
        let job = &stage.job;
        let troubled = job.ready < job.active || (job.active == 0 && job.end.is_none());
        if !troubled {
            self.troubles.clear();
            return self.phase(if view.reduces.is_empty() { "mapping" } else { "reducing" });
        }
        let now = Instant::now();
        let mut found: BTreeMap<Cause, Trouble> = BTreeMap::new();
        if job.active > 0 {
            let labels = format!("batch.kubernetes.io/job-name={}", job.name);
            for phase in ["status.phase=Pending", "status.phase=Running"] {
                let select = Select { labels: &labels, fields: phase, limit: PODS_SHOWN };
                for trouble in self.cluster.list(Object::Pod, select)?.iter().filter_map(observe::pod) {
                    found.entry(trouble.cause).or_insert(trouble);
                }
            }
        } else {
            let fields = format!("involvedObject.name={},reason=FailedCreate", job.name);
            let select = Select { labels: "", fields: &fields, limit: PODS_SHOWN };
            if let Some(trouble) =
                self.cluster.list(Object::Event, select)?.iter().filter_map(observe::event).next_back()
            {
                found.insert(trouble.cause, trouble);
            }
        }
        self.troubles.retain(|cause, _| found.contains_key(cause));
        for (cause, trouble) in found {
            let (since, said) = self.troubles.entry(cause).or_insert((now, None));
            let lasts = now.duration_since(*since);
            if lasts > HOPELESS && !cause.may_pass() {
                let name = job.name.clone();
                self.cluster.delete(Object::Job, &name)?;
                return Err(told(&trouble));
            }
            if lasts >= PATIENCE && said.is_none() {
                *said = Some(now);
                self.sink.emit(Event::Warning(format!("{}: {}", trouble.text, cause.hint())));
                let phase = if view.reduces.is_empty() { "mapping" } else { "reducing" };
                self.say(&DriverStatus {
                    phase: phase.to_owned(),
                    message: Some(trouble.text),
                    hint: Some(cause.hint().to_owned()),
                    exit_code: None,
                })?;
            }
        }
        Ok(())
    }
}

fn told(trouble: &Trouble) -> Error {
    Error::stop(trouble.text.clone()).with("pod", &trouble.pod).with("hint", trouble.cause.hint())
}
