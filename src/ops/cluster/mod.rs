//! Commands that work on a cluster: submitting, driving, following, schedules.

mod doctor;
mod drive;
mod due;
mod ends;
mod follow;
mod hindered;
mod logs;
mod schedule;
mod settle;
mod submission;
mod submit;
mod view;

pub use doctor::{DoctorRequest, Finding, doctor};
pub use drive::{DriveRequest, drive};
pub use follow::{CauseSummary, ClusterRun, ClusterStatus, JobSummary, cluster_list, cluster_status, wait};
pub use logs::{LogsRequest, logs};
pub use schedule::{Backfill, FireRequest, PARALLEL_MAX, fire, trigger};
pub use settle::{ClusterRequest, cancel};
pub use submission::Submission;
pub use submit::{How, SubmitRequest, Submitted, rbac, render, retry, submit};
