//! One function per command: emits events, prints nothing, reads no environment.

mod cluster;
mod execute;
mod gc;
mod places;
mod plan;
mod pod;
mod prepare;
mod replay;
mod report;
mod request;
mod run;
mod scratch;
mod show;
mod side;
mod sql;
mod status;
mod tries;

pub use cluster::{
    Backfill, CauseSummary, ClusterRequest, ClusterRun, ClusterStatus, DoctorRequest, DriveRequest, Finding,
    FireRequest, How, JobSummary, LogsRequest, PARALLEL_MAX, Submission, SubmitRequest, Submitted, cancel,
    cluster_list, cluster_status, doctor, drive, fire, logs, rbac, render, retry, submit, trigger, wait,
};
pub use gc::gc;
pub use plan::plan;
pub use pod::{LogTail, Stage, WorkerRequest, worker};
pub use report::{
    CutPart, GcReport, Outcome, PlanReport, Published, RunReport, RunSummary, State, StatusReport,
};
pub use request::{
    Env, FindRequest, Given, ListRequest, Machine, PlanRequest, RunRequest, SpecText, SqlRequest,
};
pub use run::run;
pub use sql::sql;
pub use status::{list, status};

pub use crate::kube::client::Access;
pub use crate::kube::pod::SPEC_FOLDER;
pub use crate::kube::render::Chain;

/// The JSON Schema of a job spec, as JSON text.
///
/// # Errors
/// None that a user can cause.
pub fn schema() -> crate::Result<String> {
    serde_json::to_string_pretty(&crate::spec::json_schema())
        .map_err(|e| crate::Error::internal("the schema has no JSON form").because(e))
}
