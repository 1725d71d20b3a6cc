//! Commands that speak with a cluster: from arguments and a pod's environment to requests, and what comes back.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde_json::{Map, json};

use crate::error::{Error, Result};
use crate::id::ShardId;
use crate::ops::{
    self, Access, Backfill, Chain, ClusterRequest, DoctorRequest, DriveRequest, FireRequest, How, LogTail,
    LogsRequest, RunRequest, SPEC_FOLDER, Stage, Submission, SubmitRequest, WorkerRequest,
};

use super::args::ProgressMode;
use super::cluster_args::{AccessArgs, ChainMode, DoctorArgs, LogsArgs, MadeArgs, RenderArgs, SubmitArgs};
use super::progress::JsonLines;
use super::request::{RUN_ROWS, Surroundings};

/// Where Kubernetes reads a container's last words from.
const TERMINATION_LOG: &str = "/dev/termination-log";

impl From<AccessArgs> for Access {
    fn from(args: AccessArgs) -> Self {
        Self { kubeconfig: args.kubeconfig, context: args.context, namespace: args.namespace }
    }
}

const fn chain(mode: ChainMode) -> Chain {
    match mode {
        ChainMode::Wait => Chain::Wait,
        ChainMode::Resume => Chain::Resume,
    }
}

impl Surroundings {
    /// `dp submit`.
    ///
    /// # Errors
    /// The spec cannot be read.
    pub fn submit(&self, args: SubmitArgs) -> Result<SubmitRequest> {
        let how = match (args.attach, args.no_driver) {
            (true, _) => How::Attach,
            (false, true) => How::Chained(chain(args.made.chain)),
            (false, false) => How::Driver,
        };
        self.made(&args.job, args.made, how, args.access.into())
    }

    /// `dp render`.
    ///
    /// # Errors
    /// The spec cannot be read.
    pub fn render(&self, args: RenderArgs) -> Result<SubmitRequest> {
        let how = How::Chained(chain(args.made.chain));
        self.made(&args.job, args.made, how, Access::default())
    }

    fn made(&self, job: &str, made: MadeArgs, how: How, access: Access) -> Result<SubmitRequest> {
        Ok(SubmitRequest {
            spec: self.spec(job)?,
            given: self.given(made.given),
            run: made.name.run,
            image: made.image,
            memory: None,
            access,
            how,
            show_rows: RUN_ROWS,
            machine: self.machine.clone(),
        })
    }

    /// `dp doctor`.
    ///
    /// # Errors
    /// The spec cannot be read.
    pub fn doctor(&self, args: DoctorArgs) -> Result<DoctorRequest> {
        Ok(DoctorRequest {
            spec: args.job.map(|job| self.spec(&job)).transpose()?,
            given: self.given(args.given),
            image: args.image,
            access: args.access.into(),
            machine: self.machine.clone(),
        })
    }

    /// A run in a cluster.
    pub fn cluster(&self, name: String, access: AccessArgs) -> ClusterRequest {
        ClusterRequest { name, access: access.into(), machine: self.machine.clone() }
    }

    /// `dp logs`.
    pub fn logs(&self, args: LogsArgs) -> LogsRequest {
        LogsRequest {
            run: self.cluster(args.run, args.access),
            stage: args.stage,
            index: args.index,
            shard: args.shard.map(ShardId),
            failed: args.failed,
            follow: args.follow,
        }
    }

    fn number(&self, name: &str) -> Result<Option<u32>> {
        let wrong = |_| {
            Error::usage(format!("the variable {name} is no number"))
                .with("value", self.variable(name).unwrap_or_default())
        };
        self.variable(name).map(|text| text.parse().map_err(wrong)).transpose()
    }

    /// `dp worker`: everything is in the pod's environment.
    ///
    /// # Errors
    /// `Usage`: a variable is missing or wrong.
    pub fn worker(&self, log: &LogTail) -> Result<WorkerRequest> {
        let needed = |name: &str| {
            self.number(name)?.ok_or_else(|| {
                Error::usage(format!("the variable {name} is not set: dp worker runs in a pod of a Job"))
            })
        };
        let stage = match self.variable("DP_STAGE") {
            Some("map") => Stage::Map {
                index: needed("JOB_COMPLETION_INDEX")?,
                indexes: needed("DP_INDEXES")?,
                round: self.number("DP_ROUND")?.unwrap_or(1),
                resume: self.variable("DP_RESUME").map(str::to_owned),
            },
            Some("reduce") => Stage::Reduce { wait: self.number("DP_WAIT")? },
            Some("single") => {
                let submission = Submission::of_folder(Path::new(SPEC_FOLDER))?;
                Stage::Single(Box::new(RunRequest {
                    spec: Some(submission.spec()),
                    given: submission.given(),
                    run: submission.said.run.clone(),
                    shard: None,
                    show_rows: 0,
                    machine: self.machine.clone(),
                }))
            }
            other => {
                return Err(Error::usage(
                    "the variable DP_STAGE must be map, reduce or single: dp worker runs in a pod of a Job",
                )
                .with("value", other.unwrap_or("not set")));
            }
        };
        Ok(WorkerRequest {
            stage,
            run: self.variable("DP_RUN").map(str::to_owned),
            pod: self.pod(),
            node: self.variable("DP_NODE").map(str::to_owned),
            message: message(),
            log: log.clone(),
            machine: self.machine.clone(),
        })
    }

    /// `dp driver`: what was submitted is mounted.
    ///
    /// # Errors
    /// `Stop`: it is not there.
    pub fn driver(&self) -> Result<DriveRequest> {
        let submission = Submission::of_folder(Path::new(SPEC_FOLDER))?;
        Ok(DriveRequest {
            image: self.variable("DP_IMAGE").map_or_else(|| submission.said.image.clone(), str::to_owned),
            submission,
            access: Access::default(),
            show_rows: RUN_ROWS,
            message: message(),
            machine: self.machine.clone(),
        })
    }

    /// `dp driver` in the pod of a schedule.
    ///
    /// # Errors
    /// As [`Surroundings::driver`].
    pub fn schedule(&self) -> Result<Option<FireRequest>> {
        if self.variable("DP_SCHEDULE").is_none() {
            return Ok(None);
        }
        let instant = |name: &str| {
            let wrong = |e| Error::usage(format!("the variable {name} is no instant")).because(e);
            self.variable(name).map(|text| text.parse::<DateTime<Utc>>().map_err(wrong)).transpose()
        };
        let backfill = match (instant("DP_FROM")?, instant("DP_TO")?) {
            (Some(from), Some(to)) => Some(Backfill {
                from,
                to,
                parallel: self.number("DP_PARALLEL")?.unwrap_or(1),
                redo: self.variable("DP_REDO") == Some("true"),
            }),
            _ => None,
        };
        Ok(Some(FireRequest { drive: self.driver()?, pod: self.pod(), backfill }))
    }

    fn pod(&self) -> String {
        self.variable("DP_POD").map_or_else(|| format!("process-{}", std::process::id()), str::to_owned)
    }

    /// What stands in each line that a pod logs.
    pub fn log_lines(&self, log: &LogTail) -> JsonLines {
        let mut fields = Map::new();
        let run = self.variable("DP_RUN").and_then(|url| url.trim_end_matches('/').rsplit('/').next());
        for (key, value) in [
            ("run", run),
            ("stage", self.variable("DP_STAGE")),
            ("index", self.variable("JOB_COMPLETION_INDEX")),
            ("pod", self.variable("DP_POD")),
        ] {
            if let Some(value) = value {
                let number = value.parse::<u32>().ok().filter(|_| key == "index");
                fields.insert(key.to_owned(), number.map_or_else(|| json!(value), |n| json!(n)));
            }
        }
        JsonLines { fields, tail: log.clone() }
    }
}

fn message() -> Option<PathBuf> {
    let path = PathBuf::from(TERMINATION_LOG);
    path.exists().then_some(path)
}

/// How a pod shows its progress.
pub(super) fn pod_progress(here: &Surroundings) -> ProgressMode {
    match here.variable("DP_PROGRESS") {
        Some("plain") => ProgressMode::Plain,
        Some("none") => ProgressMode::None,
        _ => ProgressMode::Json,
    }
}

/// Prints the lines of logs as they come.
pub(super) fn print_logs(request: &LogsRequest) -> Result<()> {
    let mut outcome = Ok(());
    ops::logs(request, &mut |pod, line| {
        outcome =
            super::print::to_stdout(format!("[{pod}] {}\n", super::failure::printable(line)).as_bytes());
        outcome.is_ok()
    })?;
    outcome
}
