//! A schedule's pod: at each firing it runs the intervals that are due, each as a run of its own; and
//! `dp trigger`, `dp backfill`.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::super::places::{stores, work_root};
use super::super::request::RunRequest;
use super::super::run;
use super::drive::{DriveRequest, drive};
use super::due::{due, ended, next_series};
use super::settle::ClusterRequest;
use super::submission::{self, DriverStatus, Submission};
use super::submit::{self, Submitted};
use crate::error::{Error, Kind, Result};
use crate::event::{Event, Interrupt, Sink};
use crate::kube::client::{Cluster, Select};
use crate::kube::names::{INTERVAL_LABEL, SCHEDULE_LABEL};
use crate::kube::object::Object;
use crate::kube::render::{Chain, Workload};
use crate::spec::{Clockwork, Interval, Job, Mode, Schedule, Span};
use crate::store::intervals::{Finished, Intervals, Series, interval_name};

/// Most intervals that one command runs at once.
pub const PARALLEL_MAX: u32 = 64;

/// What a schedule's pod is to do.
#[derive(Debug, Clone)]
pub struct FireRequest {
    /// What was submitted, and where.
    pub drive: DriveRequest,
    /// The pod's name.
    pub pod: String,
    /// Intervals that are run whatever the clock says.
    pub backfill: Option<Backfill>,
}

/// `dp backfill`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backfill {
    /// Intervals that begin at or after it.
    pub from: DateTime<Utc>,
    /// Intervals that end at or before it.
    pub to: DateTime<Utc>,
    /// Runs at once.
    pub parallel: u32,
    /// Also those that are finished.
    pub redo: bool,
}

/// The interval as the spec's parameters take it.
pub(super) fn interval(clock: &Clockwork, span: Span) -> Result<Interval> {
    Interval::new(clock.local(span.start), clock.local(span.end))
}

/// A scheduled job as submitted: parsed for some interval, to know what does not depend on it.
///
/// # Errors
/// `Usage`: the spec is wrong for an interval; or it says no work folder that is the same for all.
pub(super) fn scheduled(submission: &Submission) -> Result<(Job, Schedule)> {
    let parsed = |days: i64| -> Result<Job> {
        let start = DateTime::UNIX_EPOCH + chrono::TimeDelta::days(days);
        let end = start + chrono::TimeDelta::days(1);
        let given = super::super::request::Given {
            interval: Some(Interval::new(start.fixed_offset(), end.fixed_offset())?),
            ..submission.given()
        };
        run::parse_job(&submission.spec(), &given)
    };
    let (job, other) = (parsed(0)?, parsed(40)?);
    if work_root(&job)? != work_root(&other)? {
        return Err(Error::usage(
            "the runs of a schedule need one place: spec.output.url differs from interval to interval",
        )
        .with("hint", "set spec.work.url, which may not hold parameters"));
    }
    match job.schedule.clone() {
        Some(schedule) => Ok((job, schedule)),
        None => Err(Error::internal("the job has no schedule")),
    }
}

/// Runs what is due, until nothing is.
///
/// # Errors
/// The first error of a run; the others are run all the same.
pub fn fire(request: &FireRequest, sink: &Sink, interrupt: &Interrupt) -> Result<()> {
    let (job, schedule) = scheduled(&request.drive.submission)?;
    let stores = stores(&request.drive.machine)?;
    let intervals = Intervals::new(&stores.folder(&work_root(&job)?)?, &job.name);
    let firing = Firing { request, job, schedule, intervals, sink, interrupt };
    if let Some(backfill) = request.backfill {
        return firing.backfill(backfill);
    }
    let mut failed: BTreeSet<DateTime<Utc>> = BTreeSet::new();
    let mut first: Option<Error> = None;
    loop {
        interrupt.check()?;
        let now = Utc::now();
        let series = firing.series(now)?;
        let clock = firing.clock()?;
        let todo = due(&firing.schedule, &ended(&series, now), &firing.intervals.finished()?, now);
        for span in &todo.skip {
            firing.finish(*span, None)?;
            sink.emit(Event::Warning(format!("the interval from {} is skipped", clock.local(span.start))));
        }
        let Some(span) = todo.run.into_iter().find(|s| !failed.contains(&s.start)) else { break };
        if let Err(error) = firing.run_one(&clock, span) {
            if error.kind() == Kind::Interrupted {
                return Err(error);
            }
            sink.emit(Event::Warning(format!(
                "the interval from {} failed: {error}",
                clock.local(span.start)
            )));
            failed.insert(span.start);
            first.get_or_insert(error);
        }
    }
    firing.keep_history()?;
    first.map_or(Ok(()), Err)
}

struct Firing<'a> {
    request: &'a FireRequest,
    job: Job,
    schedule: Schedule,
    intervals: Intervals,
    sink: &'a Sink,
    interrupt: &'a Interrupt,
}

impl Firing<'_> {
    fn clock(&self) -> Result<Clockwork> {
        Clockwork::new(&self.schedule.cron, self.schedule.time_zone)
            .map_err(|e| Error::usage(format!("spec.schedule.cron {e}")))
    }

    /// All series, with the one that the spec asks for now.
    fn series(&self, now: DateTime<Utc>) -> Result<Vec<(Series, Clockwork)>> {
        let mut all = self.intervals.series()?;
        let high_water = self.intervals.high_water()?;
        if let Some(next) = next_series(&self.schedule, &self.clock()?, all.last(), high_water, now) {
            let there = self.intervals.add_series(all.len(), &next)?;
            all.push(there);
        }
        let wound = |series: Series| -> Result<(Series, Clockwork)> {
            let zone = series.time_zone.parse().map_err(|_| {
                Error::stop("a series names a time zone that is not known")
                    .with("timeZone", &series.time_zone)
            })?;
            let clock = Clockwork::new(&series.cron, zone)
                .map_err(|e| Error::stop(format!("a series cannot be read: its cron {e}")))?;
            Ok((series, clock))
        };
        all.into_iter().map(wound).collect()
    }

    fn finish(&self, span: Span, run: Option<String>) -> Result<()> {
        self.intervals.finish(&Finished { format: 1, start: span.start, end: span.end, run }).map(drop)
    }

    /// One interval, as a run of its own.
    fn run_one(&self, clock: &Clockwork, span: Span) -> Result<()> {
        self.intervals.claim(span.start, &self.request.pod, Utc::now())?;
        let name = interval_name(span.start);
        let mut submission = self.request.drive.submission.clone();
        let interval = interval(clock, span)?;
        submission.said.interval = Some(interval.bounds());
        submission.said.labels =
            vec![(SCHEDULE_LABEL.to_owned(), self.job.name.clone()), (INTERVAL_LABEL.to_owned(), name)];
        let done = if self.job.kubernetes.mode == Mode::Single {
            let whole = RunRequest {
                spec: Some(submission.spec()),
                given: submission.given(),
                run: submission.said.run.clone(),
                shard: None,
                show_rows: 0,
                machine: self.request.drive.machine.clone(),
            };
            run::run(&whole, self.sink, self.interrupt)?
        } else {
            let request =
                DriveRequest { submission, show_rows: 0, message: None, ..self.request.drive.clone() };
            submit::prepare_to_drive(&request)?;
            drive(&request, self.sink, self.interrupt)?
        };
        self.finish(span, Some(done.run))
    }

    fn backfill(&self, asked: Backfill) -> Result<()> {
        let clock = self.clock()?;
        let start = clock.after(asked.from - chrono::TimeDelta::seconds(1));
        let start = start.ok_or_else(|| Error::usage("the schedule is never due after --from"))?;
        let finished = if asked.redo { BTreeSet::new() } else { self.intervals.finished()? };
        let now = Utc::now().min(asked.to);
        let todo: Vec<Span> = clock.intervals(start, now).filter(|s| !finished.contains(&s.start)).collect();
        self.sink.emit(Event::Warning(format!("{} intervals to run", todo.len())));
        let (next, first) = (AtomicUsize::new(0), Mutex::new(None::<Error>));
        let work = || {
            while let Some(span) = todo.get(next.fetch_add(1, Ordering::Relaxed)) {
                if self.interrupt.is_set() {
                    return;
                }
                if let Err(error) = self.run_one(&clock, *span) {
                    self.sink.emit(Event::Warning(format!(
                        "the interval from {} failed: {error}",
                        clock.local(span.start)
                    )));
                    first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..asked.parallel.clamp(1, PARALLEL_MAX) {
                scope.spawn(work);
            }
        });
        self.interrupt.check()?;
        first.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    /// Removes what stands for old runs in the cluster; their folders stay.
    fn keep_history(&self) -> Result<()> {
        if self.job.kubernetes.mode == Mode::Single {
            return Ok(());
        }
        let cluster = Cluster::connect(&self.request.drive.access)?;
        let labels = format!("{SCHEDULE_LABEL}={},{INTERVAL_LABEL}", self.job.name);
        let mut ended: Vec<(String, String)> = cluster
            .list(Object::ConfigMap, Select { labels: &labels, ..Select::default() })?
            .iter()
            .filter(|o| {
                submission::part::<DriverStatus>(o, submission::STATUS).is_some_and(|s| s.exit_code.is_some())
            })
            .map(|o| {
                let text =
                    |path: &str| o.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
                (text("/metadata/creationTimestamp"), text("/metadata/name"))
            })
            .collect();
        ended.sort();
        let old = ended.len().saturating_sub(self.schedule.history as usize);
        for (_, name) in ended.into_iter().take(old) {
            cluster.delete(Object::ConfigMap, &name)?;
        }
        Ok(())
    }
}

/// Makes or changes the `CronJob` of a scheduled job.
///
/// # Errors
/// As [`submit::submit`].
pub(super) fn put_schedule(
    cluster: &Cluster,
    job: &Job,
    submission: &Submission,
    schedule: &Schedule,
) -> Result<Submitted> {
    let identity = submission::schedule_identity(job);
    let mut workload = Workload {
        identity: &identity,
        job,
        image: &submission.said.image,
        run: "",
        indexes: 1,
        parallelism: 1,
        memory: job.resources.memory.unwrap_or(1 << 30),
        chain: Chain::Driver,
        owner: None,
    };
    let config = workload.config_map(&submission.data());
    let already = cluster.get(Object::ConfigMap, &identity.base)?;
    if already.as_ref().is_some_and(|o| o["metadata"]["labels"][SCHEDULE_LABEL] != job.name.as_str()) {
        return Err(Error::stop("a ConfigMap of this name is there that is no schedule of dp")
            .with("configmap", &identity.base));
    }
    put(cluster, Object::ConfigMap, &config)?;
    let object = cluster.get(Object::ConfigMap, &identity.base)?;
    let uid =
        object.as_ref().and_then(|o| o["metadata"]["uid"].as_str()).map(str::to_owned).unwrap_or_default();
    workload.owner = Some((&identity.base, &uid));
    for object in workload.scheduled(schedule) {
        let kind = Object::of(&object)?;
        put(cluster, kind, &object)?;
    }
    Ok(Submitted::Scheduled {
        name: job.name.clone(),
        namespace: cluster.namespace().to_owned(),
        cron: schedule.cron.clone(),
        time_zone: schedule.time_zone.name().to_owned(),
        changed: already.is_some(),
    })
}

/// Makes an object, or gives the one that is there the same content.
fn put(cluster: &Cluster, kind: Object, object: &Value) -> Result<()> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    if cluster.get(kind, name)?.is_some() {
        return cluster.patch(kind, name, object).map(drop);
    }
    cluster.create(object, false).map(drop)
}

/// Starts a schedule's pod now, beside its firings; with `backfill` for the intervals asked for. The name of
/// its Job.
///
/// # Errors
/// There is no such schedule; no rights.
pub fn trigger(request: &ClusterRequest, backfill: Option<Backfill>) -> Result<String> {
    let cluster = Cluster::connect(&request.access)?;
    let cron = cluster.get(Object::CronJob, &request.name)?.ok_or_else(|| {
        Error::usage("there is no schedule of this name in the namespace")
            .with("schedule", &request.name)
            .with("namespace", cluster.namespace())
    })?;
    let template = &cron["spec"]["jobTemplate"];
    let what = if backfill.is_some() { "backfill" } else { "trigger" };
    let name = format!(
        "{}-{what}-{}",
        request.name.get(..38).unwrap_or(&request.name),
        Utc::now().format("%y%m%d%H%M%S")
    );
    let mut spec = template["spec"].clone();
    if let Some(asked) = backfill {
        let env = spec.pointer_mut("/template/spec/containers/0/env").and_then(Value::as_array_mut);
        let env = env.ok_or_else(|| Error::stop("the CronJob's pod is not what dp made"))?;
        for (key, value) in [
            ("DP_FROM", asked.from.to_rfc3339()),
            ("DP_TO", asked.to.to_rfc3339()),
            ("DP_PARALLEL", asked.parallel.to_string()),
            ("DP_REDO", asked.redo.to_string()),
        ] {
            env.push(json!({ "name": key, "value": value }));
        }
    }
    let object = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {
            "name": name,
            "labels": template["metadata"]["labels"],
            "annotations": { "cronjob.kubernetes.io/instantiate": "manual" },
            "ownerReferences": [{
                "apiVersion": "batch/v1", "kind": "CronJob", "name": request.name, "uid": cron["metadata"]["uid"],
                "controller": true,
            }],
        },
        "spec": spec,
    });
    cluster.create(&object, false)?;
    Ok(name)
}
