//! What is in the cluster of an earlier submission of the same job; `dp cancel`.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::request::Machine;
use super::submission::{self, DriverStatus};
use super::submit::How;
use crate::error::{Error, Result};
use crate::event::Interrupt;
use crate::kube::client::{Access, Cluster, Select};
use crate::kube::names::RUN_LABEL;
use crate::kube::object::Object;
use crate::kube::observe;

/// Objects of an earlier try are gone after so long, or something holds them.
const GONE_MAX: Duration = Duration::from_mins(2);

/// What is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing that is in the way.
    Nothing,
    /// It runs.
    Running,
}

/// What is there of an earlier submission of the same: it runs, or it is cleared away.
pub(super) fn settle(cluster: &Cluster, base: &str, how: How) -> Result<Before> {
    let Some(object) = cluster.get(Object::ConfigMap, base)? else { return Ok(Before::Nothing) };
    let labels = format!("{RUN_LABEL}={base}");
    let jobs = cluster.list(Object::Job, Select { labels: &labels, ..Select::default() })?;
    let jobs: Vec<_> = jobs.iter().map(observe::job).collect();
    let status: Option<DriverStatus> = submission::part(&object, submission::STATUS);
    let over = status.is_some_and(|s| s.exit_code.is_some());
    let goes_on = jobs.iter().any(|j| j.end.is_none());
    if !over && goes_on {
        // A terminal may take it up at any time: of two drivers each does what the other has not done.
        return Ok(if how == How::Attach { Before::Nothing } else { Before::Running });
    }
    if !over && jobs.is_empty() {
        return Ok(Before::Nothing);
    }
    clear(cluster, base)?;
    Ok(Before::Nothing)
}

/// Removes the `ConfigMap` and waits until all that it owns is gone.
fn clear(cluster: &Cluster, base: &str) -> Result<()> {
    cluster.delete(Object::ConfigMap, base)?;
    let labels = format!("{RUN_LABEL}={base}");
    let select = Select { labels: &labels, limit: 1, ..Select::default() };
    let began = Instant::now();
    while !(cluster.list(Object::Job, select)?.is_empty() && cluster.list(Object::Pod, select)?.is_empty()) {
        if began.elapsed() > GONE_MAX {
            return Err(Error::transient("the Jobs of the earlier try are still being removed: try again")
                .with("run", base));
        }
        Interrupt::default().wait(Duration::from_millis(200))?;
    }
    Ok(())
}

/// `dp cancel` and `dp retry`: a run in the cluster.
#[derive(Debug, Clone)]
pub struct ClusterRequest {
    /// Its name there.
    pub name: String,
    /// The cluster.
    pub access: Access,
    /// The machine.
    pub machine: Machine,
}

/// Ends a run: removes everything of it from the cluster. What is committed stays in its folder.
///
/// # Errors
/// There is no such run.
pub fn cancel(request: &ClusterRequest) -> Result<()> {
    let cluster = Cluster::connect(&request.access)?;
    find(&cluster, &request.name)?;
    clear(&cluster, &request.name)
}

/// The `ConfigMap` of a run.
///
/// # Errors
/// `Usage`: there is none of this name.
pub(super) fn find(cluster: &Cluster, name: &str) -> Result<Value> {
    cluster.get(Object::ConfigMap, name)?.ok_or_else(|| {
        Error::usage("there is no run of this name in the namespace")
            .with("run", name)
            .with("namespace", cluster.namespace())
            .with("hint", "`dp list` shows the runs; -n names another namespace; a URL names a run's folder")
    })
}
