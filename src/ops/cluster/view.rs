//! What a driver sees: Jobs from the API server, shards from the run's folder.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::execute::existing_commits;
use super::super::run::{self, Frozen};
use super::drive::Driver;
use crate::error::{Kind, Result};
use crate::id::{ShardId, TaskId};
use crate::kube::client::{Cluster, Select};
use crate::kube::decide::{Stage, View};
use crate::kube::names::{self, RUN_LABEL};
use crate::kube::object::Object;
use crate::kube::observe::{self, Cause, Trouble};
use crate::store::commit::read_failures;
use crate::store::manifest::read_manifest;
use crate::store::rollup::find_round;
use crate::task::proof::{Proof, prove};

/// Pods that are looked at, where something is wrong.
pub(super) const PODS_SHOWN: u32 = 200;

impl Driver<'_> {
    /// Looks at everything that decides what is next.
    pub(super) fn view(&self, frozen: &Frozen) -> Result<View> {
        let base = self.identity.base.clone();
        let labels = format!("{RUN_LABEL}={base}");
        let jobs = self.cluster.list(Object::Job, Select { labels: &labels, ..Select::default() })?;
        let states: Vec<observe::JobState> = jobs.iter().map(observe::job).collect();
        let reduce = names::reduce_job(&base);
        let stage =
            |number: u32, job: &observe::JobState| Stage { number, job: job.clone(), out_of_memory: false };
        let mut maps: Vec<Stage> =
            states.iter().filter_map(|s| Some(stage(names::map_round(&base, &s.name)?, s))).collect();
        let number = |name: &str| match name.strip_prefix(&reduce)? {
            "" => Some(1),
            rest => rest.strip_prefix('-')?.parse().ok(),
        };
        let mut reduces: Vec<Stage> =
            states.iter().filter_map(|s| Some(stage(number(&s.name)?, s))).collect();
        maps.sort_by_key(|s| s.number);
        reduces.sort_by_key(|s| s.number);
        let mut view = View { maps, reduces, ..View::default() };
        view.published = match view.reduces.last() {
            Some(last) => last.job.end.is_some() && is_published(frozen)?,
            // A run that goes on, or whose result is there already.
            None if view.maps.is_empty() => is_published(frozen)?,
            None => false,
        };
        if view.published {
            return Ok(view);
        }
        if let Some(last) = view.reduces.last_mut() {
            if last.job.end.is_some() {
                let pods = failed_pods(&self.cluster, &last.job.name)?;
                last.out_of_memory = pods.iter().any(|t| t.cause == Cause::Memory);
            }
        } else if view.maps.last().is_none_or(|last| last.job.end.is_some()) {
            self.look_at_shards(frozen, &mut view)?;
        }
        Ok(view)
    }

    /// Which shards are left, and why.
    fn look_at_shards(&self, frozen: &Frozen, view: &mut View) -> Result<()> {
        if read_manifest(&frozen.run)?.is_some() {
            return Ok(());
        }
        let known = existing_commits(&frozen.run)?;
        let kind = frozen.program.kind();
        if let Proof::Missing(missing) = prove(kind, &frozen.shards, &known)? {
            // A wrong guess in a text is put right by reduce; it has a record all the same.
            let never = missing.iter().filter(|(id, _)| !known.contains_key(&TaskId::Map(*id)));
            view.missing = never.map(|(id, _)| id.0).collect();
        }
        for failure in read_failures(&frozen.run)? {
            let task = failure.task.strip_prefix("map/").and_then(TaskId::parse_map);
            if let Some(TaskId::Map(ShardId(id)) | TaskId::MapAt(ShardId(id), _)) = task
                && failure.kind() == Kind::BadData
                && view.missing.contains(&id)
            {
                view.bad.insert(id);
            }
        }
        for stage in &mut view.maps {
            let pods = failed_pods(&self.cluster, &stage.job.name)?;
            for pod in pods.iter().filter(|t| t.cause == Cause::Memory) {
                stage.out_of_memory = true;
                view.hungry.extend(in_flight(pod).intersection(&view.missing));
            }
        }
        let mut left = u32::try_from(view.missing.len()).unwrap_or(u32::MAX);
        for stage in view.maps.iter().rev() {
            let Some(round) = find_round(&frozen.run, stage.number)? else { break };
            let more_memory = stage.number > 1 && round.memory > self.job.resources.memory.unwrap_or(0);
            if round.missing != left || (more_memory && stage.out_of_memory) {
                break;
            }
            view.idle += 1;
            left = round.missing;
        }
        Ok(())
    }
}

/// The pods of a Job that failed, as far as the API server still has them.
pub(super) fn failed_pods(cluster: &Cluster, job: &str) -> Result<Vec<Trouble>> {
    let labels = format!("batch.kubernetes.io/job-name={job}");
    let select = Select { labels: &labels, fields: "status.phase=Failed", limit: PODS_SHOWN };
    Ok(cluster.list(Object::Pod, select)?.iter().filter_map(observe::pod).collect())
}

/// What a pod has left as its termination message.
pub(super) fn words(trouble: &Trouble) -> Option<Value> {
    // A kill in the middle of writing leaves something behind the first value.
    serde_json::Deserializer::from_str(trouble.message.as_deref()?).into_iter::<Value>().next()?.ok()
}

/// The shards that a pod had in flight.
fn in_flight(trouble: &Trouble) -> BTreeSet<u32> {
    let shards = words(trouble).map(|mut w| w["inFlight"].take());
    let shards = shards.as_ref().and_then(Value::as_array).into_iter().flatten();
    shards.filter_map(Value::as_u64).filter_map(|n| u32::try_from(n).ok()).collect()
}

fn is_published(frozen: &Frozen) -> Result<bool> {
    run::done_already(frozen).map(|manifest| manifest.is_some())
}
