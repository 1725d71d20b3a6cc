//! `dp status`, `dp wait`, `dp list` of runs in a cluster: from Jobs, the driver's own words and commit records.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

use super::super::report::StatusReport;
use super::super::request::{FindRequest, Given};
use super::super::status;
use super::settle::{ClusterRequest, find};
use super::submission::{self, DriverStatus, Planned};
use crate::error::{Error, Kind, Result};
use crate::event::Interrupt;
use crate::kube::client::{Access, Cluster, Select};
use crate::kube::names::{INTERVAL_LABEL, JOB_LABEL, RUN_LABEL, SCHEDULE_LABEL, STAGE_LABEL};
use crate::kube::object::Object;
use crate::kube::observe::{self, Cause, End, JobState};
use crate::spec::parse_size;

/// Between two looks of `dp wait`.
const LOOK: Duration = Duration::from_millis(500);
/// What does not pass by itself is waited for so long.
const HOPELESS: Duration = Duration::from_secs(30);
/// Failed and pending pods that are looked at for their reasons.
const PODS_SHOWN: u32 = 200;

/// A run in a cluster.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterStatus {
    /// Its name in the cluster.
    pub name: String,
    /// The namespace.
    pub namespace: String,
    /// `submitted`, `planning`, `mapping`, `reducing`, `done`, `failed`; `scheduled` for a schedule.
    pub phase: String,
    /// What hinders it, or why it failed.
    pub message: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The exit code, at the end.
    pub exit_code: Option<u8>,
    /// Its Jobs.
    pub jobs: Vec<JobSummary>,
    /// Why pods failed or do not start, with how many, where, and which indexes.
    pub causes: Vec<CauseSummary>,
    /// The run's folder, once it is planned and if the store can be reached.
    pub run: Option<StatusReport>,
    /// Why the run's folder cannot be looked at.
    pub run_error: Option<String>,
}

/// A Job of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobSummary {
    /// Its name.
    pub name: String,
    /// `map`, `reduce`, `driver`, `single`.
    pub stage: String,
    /// `running`, `suspended`, `complete`, `failed`.
    pub state: String,
    /// Pods or indexes that must succeed, and those that did.
    pub completions: u32,
    /// See `completions`.
    pub succeeded: u32,
    /// Pods that run.
    pub ready: u32,
    /// Pods that are not finished.
    pub active: u32,
    /// Pods that failed.
    pub failed: u32,
    /// Indexes that failed for good, such as `1,3-5`.
    pub failed_indexes: String,
}

/// Pods with the same trouble.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CauseSummary {
    /// What happened.
    pub text: String,
    /// What to do about it.
    pub hint: String,
    /// How many pods.
    pub pods: usize,
    /// Completion indexes, at most ten.
    pub indexes: Vec<u32>,
    /// Nodes, at most ten.
    pub nodes: Vec<String>,
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterRun {
    /// Its name in the cluster.
    pub name: String,
    /// The job's name.
    pub job: String,
    /// See [`ClusterStatus::phase`].
    pub phase: String,
    /// When it was submitted, RFC 3339.
    pub created: String,
    /// The URL of its folder, once it is planned.
    pub folder: Option<String>,
}

/// Says how far a run in a cluster is.
///
/// # Errors
/// There is no such run; the API server does not answer.
pub fn cluster_status(request: &ClusterRequest) -> Result<ClusterStatus> {
    let cluster = Cluster::connect(&request.access)?;
    let object = find(&cluster, &request.name)?;
    let mut status = look(&cluster, &request.name, &object)?;
    status.causes = causes(&cluster, &request.name)?;
    if let Some(planned) = submission::part::<Planned>(&object, submission::PLAN) {
        let asked =
            FindRequest { run: planned.url, places: Given::default(), machine: request.machine.clone() };
        match status::status(&asked) {
            Ok(run) => status.run = Some(run),
            Err(e) => status.run_error = Some(e.to_string()),
        }
    }
    Ok(status)
}

/// What the Jobs and the driver say.
fn look(cluster: &Cluster, name: &str, object: &Value) -> Result<ClusterStatus> {
    let labels = format!("{RUN_LABEL}={name}");
    let jobs = cluster.list(Object::Job, Select { labels: &labels, ..Select::default() })?;
    let jobs: Vec<(String, JobState)> = jobs
        .iter()
        .map(|j| {
            (j["metadata"]["labels"][STAGE_LABEL].as_str().unwrap_or_default().to_owned(), observe::job(j))
        })
        .collect();
    let labels = &object["metadata"]["labels"];
    let is_schedule = labels[SCHEDULE_LABEL].is_string() && labels[INTERVAL_LABEL].is_null();
    let said: Option<DriverStatus> = submission::part(object, submission::STATUS);
    let (phase, message, hint, exit_code) = match said {
        // It has no end of its own; its runs have.
        _ if is_schedule => ("scheduled".to_owned(), None, None, None),
        Some(s) if s.exit_code.is_some() => (s.phase, s.message, s.hint, s.exit_code),
        said => {
            let (phase, ended) = by_jobs(&jobs);
            match (said, ended) {
                // The driver has ended without a word.
                (_, Some((code, message))) => (phase.to_owned(), message, None, Some(code)),
                (Some(s), None) => (s.phase, s.message, s.hint, None),
                (None, None) => (phase.to_owned(), None, None, None),
            }
        }
    };
    Ok(ClusterStatus {
        name: name.to_owned(),
        namespace: cluster.namespace().to_owned(),
        phase,
        message,
        hint,
        exit_code,
        jobs: jobs.into_iter().map(|(stage, job)| summary(stage, job)).collect(),
        causes: Vec::new(),
        run: None,
        run_error: None,
    })
}

/// The phase by the Jobs alone, and how it ended: for runs without a driver, and drivers that died.
fn by_jobs(jobs: &[(String, JobState)]) -> (&'static str, Option<(u8, Option<String>)>) {
    let of = |stage: &'static str| jobs.iter().filter(move |(s, _)| s == stage).map(|(_, j)| j);
    let failed = |job: &JobState| match &job.end {
        Some(End::Failed { reason, message }) => {
            Some(format!("the Job {} failed ({reason}): {message}", job.name))
        }
        _ => None,
    };
    let one = of("driver").chain(of("single")).next_back();
    if let Some(job) = one {
        return match (&job.end, failed(job)) {
            (Some(End::Complete), _) => ("done", Some((0, None))),
            (_, Some(message)) => ("failed", Some((Kind::Stop.exit_code(), Some(message)))),
            (None, None) => ("submitted", None),
            (Some(_), None) => ("failed", Some((Kind::Stop.exit_code(), None))),
        };
    }
    let (map, reduce) = (of("map").next_back(), of("reduce").next_back());
    if reduce.is_some_and(|j| j.end == Some(End::Complete)) {
        return ("done", Some((0, None)));
    }
    // Reduce waits for a map that will not end well.
    if let Some(message) = reduce.and_then(failed).or_else(|| map.and_then(failed)) {
        return ("failed", Some((Kind::Stop.exit_code(), Some(message))));
    }
    match (map, reduce) {
        (Some(map), _) if map.end.is_none() => ("mapping", None),
        (_, Some(_)) => ("reducing", None),
        _ => ("submitted", None),
    }
}

fn summary(stage: String, job: JobState) -> JobSummary {
    let state = match &job.end {
        Some(End::Complete) => "complete",
        Some(End::Failed { .. }) => "failed",
        None if job.suspended => "suspended",
        None => "running",
    };
    JobSummary {
        name: job.name,
        stage,
        state: state.to_owned(),
        completions: job.completions,
        succeeded: job.succeeded,
        ready: job.ready,
        active: job.active,
        failed: job.failed,
        failed_indexes: job.failed_indexes,
    }
}

/// Pods in trouble, grouped by what happened.
fn causes(cluster: &Cluster, name: &str) -> Result<Vec<CauseSummary>> {
    let labels = format!("{RUN_LABEL}={name}");
    let mut groups: BTreeMap<String, CauseSummary> = BTreeMap::new();
    for phase in ["status.phase=Failed", "status.phase=Pending", "status.phase=Running"] {
        let select = Select { labels: &labels, fields: phase, limit: PODS_SHOWN };
        for trouble in cluster.list(Object::Pod, select)?.iter().filter_map(observe::pod) {
            let group = groups.entry(trouble.text.clone()).or_insert_with(|| CauseSummary {
                text: trouble.text.clone(),
                hint: trouble.cause.hint().to_owned(),
                pods: 0,
                indexes: Vec::new(),
                nodes: Vec::new(),
            });
            group.pods += 1;
            group
                .indexes
                .extend(trouble.index.filter(|i| group.indexes.len() < 10 && !group.indexes.contains(i)));
            group.nodes.extend(trouble.node.filter(|n| group.nodes.len() < 10 && !group.nodes.contains(n)));
        }
    }
    if groups.values().any(|g| g.hint == Cause::Unschedulable.hint())
        && let Some(largest) = largest_node(cluster)
    {
        for group in groups.values_mut().filter(|g| g.hint == Cause::Unschedulable.hint()) {
            group.text = format!("{} (the largest node offers {largest})", group.text);
        }
    }
    let mut groups: Vec<CauseSummary> = groups.into_values().collect();
    groups.sort_by_key(|g| std::cmp::Reverse(g.pods));
    for group in &mut groups {
        group.indexes.sort_unstable();
    }
    Ok(groups)
}

/// What the node with the most memory offers; `None`: whoever asks may not look at nodes.
fn largest_node(cluster: &Cluster) -> Option<String> {
    let nodes = cluster.list(Object::Node, Select::default()).ok()?;
    let offers = |node: &Value, key: &str| node["status"]["allocatable"][key].as_str().map(str::to_owned);
    let largest = nodes.iter().max_by_key(|n| offers(n, "memory").and_then(|m| parse_size(&m).ok()))?;
    Some(format!("cpu {}, memory {}", offers(largest, "cpu")?, offers(largest, "memory")?))
}

/// Waits until a run has ended: well, or with its error.
///
/// # Errors
/// The run's own error, of its own kind; `Transient`: it goes on after `timeout`.
pub fn wait(
    request: &ClusterRequest,
    timeout: Option<Duration>,
    interrupt: &Interrupt,
) -> Result<ClusterStatus> {
    let cluster = Cluster::connect(&request.access)?;
    let began = Instant::now();
    let mut seen = false;
    let mut since: Option<Instant> = None;
    loop {
        let looked = find(&cluster, &request.name).and_then(|object| look(&cluster, &request.name, &object));
        match looked {
            Ok(status) => match status.exit_code {
                Some(0) => return Ok(status),
                Some(code) => return Err(ended(&status, code)),
                None => {
                    seen = true;
                    // A driver that cannot start says nothing; whatever else hinders a run, it says itself.
                    match (stuck_driver(&cluster, &status)?, since) {
                        (Some(trouble), Some(since)) if since.elapsed() > HOPELESS => return Err(trouble),
                        (Some(_), None) => since = Some(Instant::now()),
                        (Some(_), Some(_)) => (),
                        (None, _) => since = None,
                    }
                }
            },
            Err(e) if e.kind() == Kind::Transient => (),
            Err(e) if seen && e.kind() == Kind::Usage => {
                return Err(Error::stop("the run was cancelled").with("run", &request.name));
            }
            Err(e) => return Err(e),
        }
        if let Some(timeout) = timeout.filter(|t| began.elapsed() >= *t) {
            return Err(Error::transient(format!("the run has not ended after {} s", timeout.as_secs()))
                .with("run", &request.name));
        }
        interrupt.wait(LOOK)?;
    }
}

/// Why the pod of a driver, or the one pod of a run, cannot start.
fn stuck_driver(cluster: &Cluster, status: &ClusterStatus) -> Result<Option<Error>> {
    let waits = |job: &&JobSummary| {
        matches!(job.stage.as_str(), "driver" | "single") && job.active > 0 && job.ready == 0
    };
    let Some(job) = status.jobs.iter().find(waits) else { return Ok(None) };
    let labels = format!("batch.kubernetes.io/job-name={}", job.name);
    let select = Select { labels: &labels, fields: "status.phase=Pending", limit: PODS_SHOWN };
    let pods = cluster.list(Object::Pod, select)?;
    let hopeless = pods.iter().filter_map(observe::pod).find(|t| !t.cause.may_pass());
    Ok(hopeless.map(|t| Error::stop(t.text).with("pod", t.pod).with("hint", t.cause.hint())))
}

fn ended(status: &ClusterStatus, code: u8) -> Error {
    let kind = Kind::of_exit_code(code).unwrap_or(Kind::Stop);
    let message = status.message.clone().unwrap_or_else(|| "the run failed".to_owned());
    let error = Error::new(kind, message).with("run", &status.name);
    match &status.hint {
        Some(hint) => error.with("hint", hint),
        None => error,
    }
}

/// The runs of a namespace, newest first.
///
/// # Errors
/// The API server does not answer, or does not allow it.
pub fn cluster_list(access: &Access) -> Result<Vec<ClusterRun>> {
    let cluster = Cluster::connect(access)?;
    let labels = format!("app.kubernetes.io/managed-by=dp,{STAGE_LABEL}=run");
    let objects = cluster.list(Object::ConfigMap, Select { labels: &labels, ..Select::default() })?;
    let mut runs = Vec::new();
    for object in &objects {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let name = text("/metadata/name");
        runs.push(ClusterRun {
            phase: look(&cluster, &name, object)?.phase,
            job: object["metadata"]["labels"][JOB_LABEL].as_str().unwrap_or_default().to_owned(),
            created: text("/metadata/creationTimestamp"),
            folder: submission::part::<Planned>(object, submission::PLAN).map(|p| p.url),
            name,
        });
    }
    runs.sort_by(|a, b| (&b.created, &a.name).cmp(&(&a.created, &b.name)));
    Ok(runs)
}
