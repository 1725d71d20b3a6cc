//! The driver: plans the job if nobody has, then makes Jobs and watches them until the result is
//! published. It holds no state: what it knows lies in the run's folder and in the cluster, so it can die at
//! any point and another one goes on.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::places::{find_run, read_shards, stores};
use super::super::pod::vitals::{LogTail, Post, Vitals};
use super::super::prepare;
use super::super::report::{Outcome, RunReport};
use super::super::request::Machine;
use super::super::run::{self, Frozen};
use super::ends;
use super::hindered::Watch;
use super::submission::{self, DriverStatus, Planned, Submission};
use crate::error::{Error, Kind, Result};
use crate::event::{Event, Interrupt, Sink};
use crate::kube::client::{Access, Cluster, is_denied};
use crate::kube::decide::{self, Bounds, Next, View};
use crate::kube::names::Identity;
use crate::kube::object::Object;
use crate::kube::render::{Chain, Round, Workload};
use crate::plan;
use crate::spec::Job;
use crate::store::client::Stores;
use crate::store::rollup::{RoundShards, write_round};

/// The default of what memory is raised to.
const MEMORY_FACTOR: u64 = 4;
/// A pod asks for at least so much.
const MEMORY_MIN: u64 = 512 << 20;
/// Bytes of input for each index, where the spec does not say how many there are.
const INDEX_BYTES: u64 = 256 << 20;
/// Indexes and pods at once, where the spec does not say.
const INDEXES_MAX: u32 = 1000;
const PARALLELISM_MAX: u32 = 100;
/// The API server may deny so long what it allowed before.
const DENIED_MAX: Duration = Duration::from_mins(1);
/// The API server or the store may be away so long.
const AWAY_MAX: Duration = Duration::from_mins(30);

/// `dp driver`, and `dp submit --attach`.
#[derive(Debug, Clone)]
pub struct DriveRequest {
    /// What was submitted.
    pub submission: Submission,
    /// The image with dp.
    pub image: String,
    /// The cluster.
    pub access: Access,
    /// First rows of the result to hand back.
    pub show_rows: usize,
    /// Where Kubernetes reads the last words from.
    pub message: Option<PathBuf>,
    /// The machine.
    pub machine: Machine,
}

/// Drives a run to its end.
///
/// # Errors
/// Whatever ends the run. `Interrupted`: the run goes on when another driver takes it up.
pub fn drive(request: &DriveRequest, sink: &Sink, interrupt: &Interrupt) -> Result<RunReport> {
    let post = Post { stage: "driver", index: 0, pod: String::new(), node: None };
    let vitals = Vitals::new(post, request.message.as_deref(), LogTail::default());
    let outcome = to_the_end(request, sink, interrupt);
    vitals.end(outcome.as_ref().err());
    outcome
}

fn to_the_end(request: &DriveRequest, sink: &Sink, interrupt: &Interrupt) -> Result<RunReport> {
    let started = Instant::now();
    let job = request.submission.job()?;
    submission::check_places(&job)?;
    let cluster = Cluster::connect(&request.access)?;
    let stores = stores(&request.machine)?;
    let identity = request.submission.identity(&job);
    let mut driver = Driver {
        request,
        job,
        cluster,
        stores,
        identity,
        sink,
        interrupt,
        watch: Watch::default(),
        said: None,
    };
    let outcome = driver.run_to_end(started);
    let last = match &outcome {
        Ok(_) => DriverStatus { phase: "done".to_owned(), message: None, hint: None, exit_code: Some(0) },
        // Another driver goes on.
        Err(e) if matches!(e.kind(), Kind::Interrupted | Kind::Transient) => return outcome,
        Err(e) => DriverStatus {
            phase: "failed".to_owned(),
            message: Some(e.to_string()),
            hint: e.context().iter().find(|(k, _)| *k == "hint").map(|(_, v)| v.clone()),
            exit_code: Some(e.kind().exit_code()),
        },
    };
    driver.say_last(&last)?;
    outcome
}

/// What a submitted run asks of the cluster by its plan.
pub(super) fn planned(frozen: &Frozen, job: &Job) -> Planned {
    let (header, kubernetes) = (&frozen.header, &job.kubernetes);
    let shards = header.shards.max(1);
    let by_bytes = u32::try_from(header.totals.bytes.div_ceil(INDEX_BYTES)).unwrap_or(INDEXES_MAX);
    let indexes = kubernetes.indexes.unwrap_or_else(|| by_bytes.clamp(1, INDEXES_MAX)).min(shards);
    let parallelism = kubernetes.parallelism.unwrap_or(PARALLELISM_MAX).min(indexes);
    let threads = job.resources.cpu.unwrap_or(1) as usize;
    // Operators use a part of the memory that a pod has: see the limit of `--memory`.
    let needed = plan::memory(header, &frozen.shards, threads).saturating_mul(5) / 4;
    let memory = job.resources.memory.unwrap_or_else(|| needed.max(MEMORY_MIN));
    let max_memory =
        job.resources.max_memory.unwrap_or_else(|| memory.saturating_mul(MEMORY_FACTOR)).max(memory);
    Planned {
        url: frozen.run.work.location().to_string(),
        run: frozen.run.name.clone(),
        shards: header.shards,
        indexes,
        parallelism,
        memory,
        max_memory,
    }
}

/// Between two looks: short jobs end soon, long ones need no haste.
const fn longest_pause(running: Duration) -> Duration {
    match running.as_secs() {
        0..60 => Duration::from_millis(300),
        60..600 => Duration::from_secs(1),
        _ => Duration::from_secs(3),
    }
}

pub(super) struct Driver<'a> {
    pub(super) request: &'a DriveRequest,
    pub(super) job: Job,
    pub(super) cluster: Cluster,
    pub(super) stores: Stores,
    pub(super) identity: Identity,
    pub(super) sink: &'a Sink,
    pub(super) interrupt: &'a Interrupt,
    /// What lasts of what it sees.
    pub(super) watch: Watch,
    /// The status that is written.
    pub(super) said: Option<DriverStatus>,
}

impl Driver<'_> {
    fn run_to_end(&mut self, started: Instant) -> Result<RunReport> {
        let mut away = Instant::now();
        // Planned in this process, or read from the run's folder.
        let mut state: Option<(Frozen, Planned, String)> = None;
        let mut pause = Duration::from_millis(100);
        loop {
            self.interrupt.check()?;
            let step = match &state {
                None => self.begin().map(|begun| {
                    state = Some(begun);
                    None
                }),
                Some((frozen, planned, uid)) => self.step(frozen, planned, uid),
            };
            match step {
                Ok(Some(())) => break,
                Ok(None) => away = Instant::now(),
                // The API server or the store is being restarted: what was begun goes on meanwhile.
                Err(e) if self.passes(&e, away.elapsed()) => {
                    self.sink.emit(Event::Warning(format!("{e}; looking again")));
                    pause = Duration::from_secs(1);
                }
                Err(e) => return Err(e),
            }
            self.interrupt.wait(pause)?;
            pause = (pause * 5 / 4).min(longest_pause(started.elapsed()));
        }
        let (frozen, ..) = state.ok_or_else(|| Error::internal("a run ended before it began"))?;
        let manifest = run::done_already(&frozen)?;
        let manifest =
            manifest.ok_or_else(|| Error::stop("the result was replaced by another run's meanwhile"))?;
        let shown = (Outcome::Done, self.request.show_rows);
        Ok(run::report(&frozen, &self.stores, &manifest, shown, self.sink, started))
    }

    /// Whether an error passes by itself, `away` after the last thing that went well.
    fn passes(&self, error: &Error, away: Duration) -> bool {
        let was_allowed = self.said.is_some();
        (error.kind() == Kind::Transient && away < AWAY_MAX)
            || (is_denied(error) && was_allowed && away < DENIED_MAX)
    }

    /// The plan: as an earlier driver froze it, or made now.
    fn begin(&mut self) -> Result<(Frozen, Planned, String)> {
        let base = self.identity.base.clone();
        let object = self.cluster.get(Object::ConfigMap, &base)?;
        let object = object
            .ok_or_else(|| Error::stop("the run was cancelled: its ConfigMap is gone").with("run", &base))?;
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let given = self.request.submission.given();
        if let Some(planned) = submission::part::<Planned>(&object, submission::PLAN) {
            let (header, run) = find_run(&self.stores, &planned.url, &given)?;
            let shards = read_shards(&run.work, &header)?;
            let program = prepare::program(&header)?;
            return Ok((Frozen { header: Arc::new(header), shards, program, run }, planned, uid));
        }
        self.phase("planning")?;
        let name = self.request.submission.said.run.as_deref();
        let frozen =
            run::freeze_job(&self.job, &self.stores, name, &given.base, (self.sink, self.interrupt))?;
        let planned = planned(&frozen, &self.job);
        // The output may be done already by another run: then there is no plan to point to.
        if frozen.run.work.exists(crate::store::layout::PLAN)? {
            let patch = json!({ "data": { submission::PLAN: json!(planned).to_string() } });
            if !self.cluster.patch(Object::ConfigMap, &base, &patch)? {
                return Err(Error::stop("the run was cancelled: its ConfigMap is gone").with("run", &base));
            }
        }
        self.sink.emit(Event::RunStarted {
            run: frozen.run.name.clone(),
            folder: frozen.run.work.location().to_string(),
            shards: frozen.header.shards,
            committed: 0,
            bytes: frozen.header.totals.bytes,
            rows: frozen.header.totals.rows,
        });
        Ok((frozen, planned, uid))
    }

    /// Looks and does the next thing; `Some`: all is published.
    fn step(&mut self, frozen: &Frozen, planned: &Planned, uid: &str) -> Result<Option<()>> {
        let bounds =
            Bounds { indexes: planned.indexes, memory: planned.memory, max_memory: planned.max_memory };
        let view = self.view(frozen)?;
        match decide::next(&view, bounds) {
            Next::Done => return Ok(Some(())),
            Next::Wait => self.wait(frozen, &view)?,
            Next::Map(round, shards) => self.start_map(frozen, planned, uid, round, shards, &view)?,
            Next::Reduce { number, memory } => {
                self.phase("reducing")?;
                self.sink.emit(Event::ReduceStarted);
                let workload = self.workload(planned, uid);
                let object = workload.reduce_job(number, memory);
                self.make(&object, uid)?;
            }
            Next::Bad => return Err(ends::bad_shards(frozen, &view)),
            Next::Stopped(message) => return Err(self.stopped(frozen, &view, &message)),
            Next::GiveUp(message) => return Err(self.give_up(message)),
        }
        Ok(None)
    }

    fn workload<'a>(&'a self, planned: &'a Planned, uid: &'a str) -> Workload<'a> {
        Workload {
            identity: &self.identity,
            job: &self.job,
            image: &self.request.image,
            run: &planned.url,
            indexes: planned.indexes,
            parallelism: planned.parallelism,
            memory: planned.memory,
            chain: Chain::Driver,
            owner: Some((&self.identity.base, uid)),
        }
    }

    fn start_map(
        &mut self,
        frozen: &Frozen,
        planned: &Planned,
        uid: &str,
        mut round: Round,
        shards: Option<BTreeSet<u32>>,
        view: &View,
    ) -> Result<()> {
        self.phase("mapping")?;
        if let Some(shards) = shards {
            let missing = u32::try_from(view.missing.len()).unwrap_or(u32::MAX);
            let list = RoundShards {
                format: 1,
                shards: shards.into_iter().collect(),
                memory: round.memory,
                missing,
            };
            let list = write_round(&frozen.run, round.number, list)?;
            // Of two drivers the first one's list counts.
            round.memory = list.memory;
            round.indexes = round.indexes.min(u32::try_from(list.shards.len()).unwrap_or(u32::MAX)).max(1);
            self.sink.emit(Event::Warning(format!(
                "{} are left: a Job with {} MiB of memory runs them again",
                counted(list.shards.len()),
                list.memory >> 20
            )));
        }
        let workload = self.workload(planned, uid);
        let object = workload.map_job(round);
        self.make(&object, uid)
    }

    /// Of two drivers the first one's Job counts. A run that was cancelled gets none.
    fn make(&self, object: &Value, uid: &str) -> Result<()> {
        let owner = self.cluster.get(Object::ConfigMap, &self.identity.base)?;
        if owner.is_none_or(|o| o["metadata"]["uid"] != uid) {
            return Err(
                Error::stop("the run was cancelled: its ConfigMap is gone").with("run", &self.identity.base)
            );
        }
        self.cluster.create(object, false).map(drop)
    }

    pub(super) fn phase(&mut self, phase: &str) -> Result<()> {
        self.say(&DriverStatus { phase: phase.to_owned(), message: None, hint: None, exit_code: None })
    }

    /// Writes how it ended: somebody waits for this.
    fn say_last(&mut self, last: &DriverStatus) -> Result<()> {
        let began = Instant::now();
        loop {
            match self.say(last) {
                Err(e) if self.passes(&e, began.elapsed()) => self.interrupt.wait(Duration::from_secs(1))?,
                other => return other,
            }
        }
    }

    /// Writes how far the driver is, if that is news.
    pub(super) fn say(&mut self, status: &DriverStatus) -> Result<()> {
        if self.said.as_ref() != Some(status) {
            let patch = json!({ "data": { submission::STATUS: json!(status).to_string() } });
            self.cluster.patch(Object::ConfigMap, &self.identity.base, &patch)?;
            self.said = Some(status.clone());
        }
        Ok(())
    }
}

fn counted(shards: usize) -> String {
    if shards == 1 { "1 shard".to_owned() } else { format!("{shards} shards") }
}
