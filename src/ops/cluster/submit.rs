//! `dp submit`, `dp render`, `dp retry`, `dp cancel`: what begins and ends a run on a cluster.

use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};

use super::super::places::stores;
use super::super::report::RunReport;
use super::super::request::{Given, Machine, SpecText};
use super::super::run::{self, Frozen};
use super::drive::{DriveRequest, drive, planned};
use super::schedule;
use super::settle::{Before, ClusterRequest, find, settle};
use super::submission::{self, Planned, Submission};
use crate::error::{Error, Kind, Result};
use crate::event::{Event, Interrupt, Sink};
use crate::kube::client::{Access, Cluster};
use crate::kube::names::Identity;
use crate::kube::object::Object;
use crate::kube::render::{self, Chain, Workload};
use crate::spec::{Interval, Job, Mode};

/// `dp submit` and `dp render`.
#[derive(Debug, Clone)]
pub struct SubmitRequest {
    /// The job.
    pub spec: SpecText,
    /// What the command line says about it.
    pub given: Given,
    /// The run's name.
    pub run: Option<String>,
    /// `--image`.
    pub image: Option<String>,
    /// Bytes of memory of a pod, instead of the spec's.
    pub memory: Option<u64>,
    /// The cluster.
    pub access: Access,
    /// Who goes from map to reduce.
    pub how: How,
    /// First rows of the result to hand back, where this process drives.
    pub show_rows: usize,
    /// The machine.
    pub machine: Machine,
}

/// Who goes from map to reduce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// A driver in the cluster.
    Driver,
    /// This process.
    Attach,
    /// Nobody: the Jobs chain themselves.
    Chained(Chain),
}

/// What was submitted.
#[derive(Debug, Clone, PartialEq)]
pub enum Submitted {
    /// It goes on in the cluster.
    Running {
        /// Its name there.
        name: String,
        /// The namespace.
        namespace: String,
        /// Whether it ran already.
        already: bool,
    },
    /// It is due at each firing of its schedule.
    Scheduled {
        /// The name of its `CronJob`.
        name: String,
        /// The namespace.
        namespace: String,
        /// When it is due.
        cron: String,
        /// In which time zone.
        time_zone: String,
        /// Whether it was there before.
        changed: bool,
    },
    /// This process has driven it to its end.
    Ended(Box<RunReport>),
}

struct Asked {
    job: Job,
    image: String,
    submission: Submission,
    identity: Identity,
}

/// Reads the job as a pod will read it, and checks what can be checked without a cluster.
fn asked(request: &SubmitRequest) -> Result<Asked> {
    // A schedule sets parameters that are not known now; which ones, a parse for some interval tells.
    let local = match run::parse_job(&request.spec, &request.given) {
        Ok(job) if job.schedule.is_none() => job,
        other => {
            let day = DateTime::UNIX_EPOCH + TimeDelta::days(1);
            let interval = Some(Interval::new(DateTime::UNIX_EPOCH.fixed_offset(), day.fixed_offset())?);
            match run::parse_job(&request.spec, &Given { interval, ..request.given.clone() }) {
                Ok(job) if job.schedule.is_some() => job,
                Ok(_) => other?,
                Err(e) => return Err(e),
            }
        }
    };
    submission::check_places(&local)?;
    let image = request.image.clone().or_else(|| local.kubernetes.image.clone()).ok_or_else(|| {
        Error::usage("no image is named: the pods need one that holds dp").with(
            "hint",
            "give --image, or set spec.kubernetes.image; `deploy/README.md` says how to make one",
        )
    })?;
    let mut submission = Submission::new(&request.spec, &request.given, request.run.as_deref(), &image);
    submission.said.memory = request.memory;
    let job = match &local.schedule {
        Some(_) => schedule::scheduled(&submission)?.0,
        None => submission.job()?,
    };
    let identity = submission.identity(&job);
    Ok(Asked { job, image, submission, identity })
}

/// Starts a job on the cluster. Submitted again while it runs, it is left alone; after its end it starts
/// anew, and what was committed stays.
///
/// # Errors
/// A wrong spec; places that pods cannot see; no image; no rights; with `--attach` what ends the run.
pub fn submit(request: &SubmitRequest, sink: &Sink, interrupt: &Interrupt) -> Result<Submitted> {
    let asked = asked(request)?;
    if let How::Chained(chain) = request.how {
        needs_no_driver(&asked.job, chain)?;
    }
    let cluster = Cluster::connect(&request.access)?;
    preflight(&cluster, request.how)?;
    check_references(&cluster, &asked.job)?;
    if let Some(schedule) = &asked.job.schedule {
        if request.how != How::Driver {
            return Err(Error::usage(
                "a scheduled job is driven by the pods of its CronJob: --attach and --no-driver do not go with it",
            ));
        }
        return schedule::put_schedule(&cluster, &asked.job, &asked.submission, schedule);
    }
    let base = asked.identity.base.clone();
    let running = |already| Submitted::Running {
        name: base.clone(),
        namespace: cluster.namespace().to_owned(),
        already,
    };
    if settle(&cluster, &base, request.how)? == Before::Running {
        return Ok(running(true));
    }
    // A driver plans in the cluster; a chain needs its plan first.
    let frozen = match request.how {
        How::Chained(_) if asked.job.kubernetes.mode == Mode::Indexed => {
            Some(freeze(&asked, request, sink, interrupt)?)
        }
        _ => None,
    };
    let chain = chain_of(request.how);
    cluster.create(&asked.workload(None, chain).config_map(&asked.submission.data()), false)?;
    let object = cluster.get(Object::ConfigMap, &base)?;
    let uid = object.as_ref().and_then(|o| o["metadata"]["uid"].as_str()).map(str::to_owned);
    let uid = uid.ok_or_else(|| {
        Error::transient("the run's ConfigMap is gone at once: try again").with("run", &base)
    })?;
    let plan = frozen.as_ref().map(|f| planned(f, &asked.job));
    if let Some(plan) = &plan {
        let patch = json!({ "data": { submission::PLAN: json!(plan).to_string() } });
        cluster.patch(Object::ConfigMap, &base, &patch)?;
    }
    let workload = Workload { owner: Some((&base, &uid)), ..asked.workload(plan.as_ref(), chain) };
    let objects = match (request.how, asked.job.kubernetes.mode) {
        (How::Attach, Mode::Indexed) => Vec::new(),
        (_, Mode::Single) => vec![workload.single()],
        (How::Driver, Mode::Indexed) => workload.driver(),
        (How::Chained(_), Mode::Indexed) => workload.chained(),
    };
    for object in objects {
        cluster.create(&object, false)?;
    }
    if request.how != How::Attach || asked.job.kubernetes.mode == Mode::Single {
        return Ok(running(false));
    }
    let request = DriveRequest {
        submission: asked.submission.clone(),
        image: asked.image.clone(),
        access: request.access.clone(),
        show_rows: request.show_rows,
        message: None,
        machine: request.machine.clone(),
    };
    drive(&request, sink, interrupt).map(|report| Submitted::Ended(Box::new(report)))
}

const fn chain_of(how: How) -> Chain {
    match how {
        How::Chained(chain) => chain,
        How::Driver | How::Attach => Chain::Driver,
    }
}

impl Asked {
    fn workload<'a>(&'a self, planned: Option<&'a Planned>, chain: Chain) -> Workload<'a> {
        let memory = self.job.resources.memory.unwrap_or(1 << 30);
        Workload {
            identity: &self.identity,
            job: &self.job,
            image: &self.image,
            run: planned.map_or("", |p| &p.url),
            indexes: planned.map_or(1, |p| p.indexes),
            parallelism: planned.map_or(1, |p| p.parallelism),
            memory: planned.map_or(memory, |p| p.memory),
            chain,
            owner: None,
        }
    }
}

fn freeze(asked: &Asked, request: &SubmitRequest, sink: &Sink, interrupt: &Interrupt) -> Result<Frozen> {
    let stores = stores(&request.machine)?;
    let given = asked.submission.given();
    run::freeze_job(&asked.job, &stores, request.run.as_deref(), &given.base, (sink, interrupt))
}

/// Makes sure that the `ConfigMap` of a run is there that this process is going to drive.
///
/// # Errors
/// As [`submit`].
pub(super) fn prepare_to_drive(request: &DriveRequest) -> Result<()> {
    let job = request.submission.job()?;
    let cluster = Cluster::connect(&request.access)?;
    let identity = request.submission.identity(&job);
    if settle(&cluster, &identity.base, How::Attach)? == Before::Running {
        return Ok(());
    }
    let asked = Asked { job, image: request.image.clone(), submission: request.submission.clone(), identity };
    cluster.create(&asked.workload(None, Chain::Driver).config_map(&asked.submission.data()), false).map(drop)
}

/// What only a driver can do is refused by name.
fn needs_no_driver(job: &Job, chain: Chain) -> Result<()> {
    if job.resources.max_memory.is_some() {
        return Err(Error::usage(
            "spec.resources.maxMemory needs a driver: nobody else raises the memory of pods",
        )
        .with("hint", "submit with a driver, or leave maxMemory out"));
    }
    if chain == Chain::Resume && job.kubernetes.queue.is_some() {
        return Err(Error::usage(
            "--chain resume cannot go with spec.kubernetes.queue: Kueue resumes Jobs itself",
        ));
    }
    Ok(())
}

/// The objects of a run that chains itself, in the order in which they are made. Freezes the plan.
///
/// # Errors
/// As [`submit`].
pub fn render(request: &SubmitRequest, sink: &Sink, interrupt: &Interrupt) -> Result<Vec<Value>> {
    let mut asked = asked(request)?;
    if asked.job.schedule.is_some() {
        return Err(Error::usage("spec.schedule needs a driver: `dp submit` makes the CronJob"));
    }
    let How::Chained(chain) = request.how else {
        return Err(Error::internal("only a chain is rendered"));
    };
    needs_no_driver(&asked.job, chain)?;
    if asked.job.kubernetes.mode == Mode::Single {
        let workload = asked.workload(None, chain);
        return Ok(vec![workload.config_map(&asked.submission.data()), workload.single()]);
    }
    let frozen = freeze(&asked, request, sink, interrupt)?;
    let planned = planned(&frozen, &asked.job);
    asked.identity = submission::identity(&asked.job, &frozen.header.digest);
    Ok(asked.workload(Some(&planned), chain).chained())
}

/// What the pods' environment refers to must be there, as far as whoever submits may look.
pub(super) fn check_references(cluster: &Cluster, job: &Job) -> Result<()> {
    let mut missing = Vec::new();
    let mut references: Vec<(Object, String)> = Vec::new();
    for (kind, name) in job.kubernetes.references() {
        references.push((if kind == "Secret" { Object::Secret } else { Object::ConfigMap }, name));
    }
    references.extend(job.kubernetes.service_account.clone().map(|name| (Object::ServiceAccount, name)));
    for (object, name) in references {
        // Not to be allowed to look is common, and no fault.
        if cluster.may(object, "get")? && cluster.get(object, &name)?.is_none() {
            missing.push(format!("{} {name}", object.kind()));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::usage(format!("the pods need what is not there: {}", missing.join(", ")))
        .with("namespace", cluster.namespace())
        .with("hint", "create it, or correct spec.kubernetes.env, envFrom and serviceAccount"))
}

/// What whoever submits so must be allowed to do.
pub(super) fn rights(how: How) -> Vec<(Object, &'static str)> {
    let mut needed = vec![(Object::ConfigMap, "create"), (Object::Job, "create"), (Object::Job, "list")];
    match how {
        How::Driver | How::Chained(Chain::Resume) => {
            needed.extend([
                (Object::Role, "create"),
                (Object::RoleBinding, "create"),
                (Object::ServiceAccount, "create"),
            ]);
        }
        How::Attach => needed.extend([(Object::Pod, "list"), (Object::Event, "list")]),
        How::Chained(_) => (),
    }
    needed
}

/// Those of the rights that are missing.
pub(super) fn missing_rights(cluster: &Cluster, needed: &[(Object, &str)]) -> Result<Vec<String>> {
    let mut missing = Vec::new();
    for (object, verb) in needed {
        if !cluster.may(*object, verb)? {
            missing.push(format!("{verb} {}", object.plural()));
        }
    }
    Ok(missing)
}

/// Whoever submits must be allowed to, and hears so before anything is made.
fn preflight(cluster: &Cluster, how: How) -> Result<()> {
    // Not to be allowed to look is common, and no fault.
    match cluster.get(Object::Namespace, cluster.namespace()) {
        Err(e) if e.kind() != Kind::Stop => return Err(e),
        _ => (),
    }
    let missing = missing_rights(cluster, &rights(how))?;
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::stop(format!("not allowed in this namespace: {}", missing.join(", ")))
        .with("namespace", cluster.namespace())
        .with("hint", "`dp rbac` prints the rights that are needed; --attach and --no-driver need fewer"))
}

/// Starts a run anew that has ended: only what is not committed is run again; with `memory` bytes for a pod, if
/// that is said.
///
/// # Errors
/// As [`submit`]; it has not ended.
pub fn retry(request: &ClusterRequest, memory: Option<u64>, sink: &Sink) -> Result<Submitted> {
    let cluster = Cluster::connect(&request.access)?;
    let submission = Submission::of_config_map(&find(&cluster, &request.name)?)?;
    if settle(&cluster, &request.name, How::Driver)? == Before::Running {
        return Err(Error::usage("the run has not ended: `dp cancel` ends it").with("run", &request.name));
    }
    drop(cluster);
    let again = SubmitRequest {
        spec: submission.spec(),
        given: submission.given(),
        run: submission.said.run.clone(),
        image: Some(submission.said.image.clone()),
        memory: memory.or(submission.said.memory),
        access: request.access.clone(),
        how: How::Driver,
        show_rows: 0,
        machine: request.machine.clone(),
    };
    sink.emit(Event::Warning("committed shards stay as they are".to_owned()));
    submit(&again, sink, &Interrupt::default())
}

/// The rights that are needed in a namespace, as objects for `kubectl apply`.
#[must_use]
pub fn rbac(namespace: &str) -> Vec<Value> {
    let role = |name: &str, rules: Value| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": { "name": name, "namespace": namespace }, "rules": rules,
        })
    };
    vec![role("dp-submitter", render::submitter_rules()), role("dp-driver", render::driver_rules())]
}
