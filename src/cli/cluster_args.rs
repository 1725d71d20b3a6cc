//! Arguments of the commands that speak with a cluster.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::args::{FindPlaceArgs, GivenArgs, NameArgs, OutputArgs, ProgressArgs};
use crate::ops::PARALLEL_MAX;
use crate::spec::{parse_duration, parse_size};

/// Commands that need a cluster, or run in one.
#[derive(Debug, Subcommand)]
pub(super) enum ClusterCommand {
    Render(RenderArgs),
    Submit(SubmitArgs),
    Wait(WaitArgs),
    Logs(LogsArgs),
    Retry(RetryArgs),
    Cancel(CancelArgs),
    Trigger(TriggerArgs),
    Backfill(BackfillArgs),
    Rbac(RbacArgs),
    Doctor(DoctorArgs),
    /// What a pod runs: its stage and index come from the environment
    #[command(hide = true)]
    Worker,
    /// What the driver's pod runs
    #[command(hide = true)]
    Driver,
}

/// Start a job on a cluster
#[derive(Debug, Args)]
pub(super) struct SubmitArgs {
    /// The job spec; `-` reads it from standard input
    #[arg(value_name = "JOB.yaml", value_hint = ValueHint::FilePath)]
    pub job: String,
    /// Drive the run from this terminal instead of a pod; Ctrl-C detaches, the same command goes on
    #[arg(long, conflicts_with = "no_driver")]
    pub attach: bool,
    /// Make Jobs that chain themselves, as `dp render` prints them
    #[arg(long)]
    pub no_driver: bool,
    #[command(flatten)]
    pub made: MadeArgs,
    #[command(flatten)]
    pub access: AccessArgs,
    #[command(flatten)]
    pub progress: ProgressArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Print the Kubernetes YAML of a job whose plan is frozen by this command
#[derive(Debug, Args)]
pub(super) struct RenderArgs {
    /// The job spec; `-` reads it from standard input
    #[arg(value_name = "JOB.yaml", value_hint = ValueHint::FilePath)]
    pub job: String,
    #[command(flatten)]
    pub made: MadeArgs,
    #[command(flatten)]
    pub progress: ProgressArgs,
}

/// What objects are made from.
#[derive(Debug, Args)]
pub(super) struct MadeArgs {
    /// The image with dp [default: the spec's]
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// How reduce follows map without a driver: wait (its pod waits on the store), resume (the last mapper resumes it)
    #[arg(long, value_name = "HOW", value_enum, default_value_t, hide_possible_values = true)]
    pub chain: ChainMode,
    #[command(flatten)]
    pub given: GivenArgs,
    #[command(flatten)]
    pub name: NameArgs,
}

/// How reduce follows map without a driver.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ChainMode {
    /// The reduce pod waits on the store.
    #[default]
    Wait,
    /// The last mapper resumes the reduce Job.
    Resume,
}

/// Which cluster.
#[derive(Debug, Clone, Args)]
pub(super) struct AccessArgs {
    /// Namespace [default: the kubeconfig's]
    #[arg(short = 'n', long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// Kubeconfig file [default: KUBECONFIG, else ~/.kube/config, else the pod's service account]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub kubeconfig: Option<PathBuf>,
}

/// Say how far a run is
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// The run: its name in the cluster, its name under --out or --work, or the URL of its folder
    #[arg(value_name = "RUN")]
    pub run: String,
    #[command(flatten)]
    pub places: FindPlaceArgs,
    #[command(flatten)]
    pub access: AccessArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// List the runs of a namespace, or those under a work or an output folder
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    pub places: FindPlaceArgs,
    #[command(flatten)]
    pub access: AccessArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Wait until a run in a cluster has ended; the exit code is the run's
#[derive(Debug, Args)]
pub(super) struct WaitArgs {
    /// The run's name in the cluster
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Stop waiting after this time, such as 90s or 2h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
    #[command(flatten)]
    pub access: AccessArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Print what the pods of a run have logged, also after they are gone
#[derive(Debug, Args)]
pub(super) struct LogsArgs {
    /// The run: its name in the cluster, or the URL of its folder
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Pods of this stage: map, reduce, driver, single
    #[arg(long, value_name = "STAGE")]
    pub stage: Option<String>,
    /// Pods of this completion index
    #[arg(long, value_name = "N")]
    pub index: Option<u32>,
    /// Pods of the index that has this shard
    #[arg(long, value_name = "N", conflicts_with = "index")]
    pub shard: Option<u32>,
    /// Pods that failed
    #[arg(long)]
    pub failed: bool,
    /// Go on with the lines that are still to come
    #[arg(short = 'f', long)]
    pub follow: bool,
    #[command(flatten)]
    pub access: AccessArgs,
}

/// End a run and remove it from the cluster; what is committed stays
#[derive(Debug, Args)]
pub(super) struct CancelArgs {
    /// The run's name in the cluster
    #[arg(value_name = "RUN")]
    pub run: String,
    #[command(flatten)]
    pub access: AccessArgs,
}

/// Start a run in a cluster anew that has ended: only what is not committed is run again
#[derive(Debug, Args)]
pub(super) struct RetryArgs {
    /// The run's name in the cluster
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Memory of a pod, such as 8Gi [default: as before]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub memory: Option<u64>,
    #[command(flatten)]
    pub access: AccessArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Start a schedule's pod now: it runs what is due
#[derive(Debug, Args)]
pub(super) struct TriggerArgs {
    /// The scheduled job
    #[arg(value_name = "NAME")]
    pub name: String,
    #[command(flatten)]
    pub access: AccessArgs,
}

/// Run the intervals of a schedule that lie in a stretch of time
#[derive(Debug, Args)]
pub(super) struct BackfillArgs {
    /// The scheduled job
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Intervals that begin at or after this instant, such as 2026-01-01T00:00:00Z
    #[arg(long, value_name = "INSTANT")]
    pub from: DateTime<Utc>,
    /// Intervals that end at or before this instant
    #[arg(long, value_name = "INSTANT")]
    pub to: DateTime<Utc>,
    /// Runs at once, 1 to 64
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(PARALLEL_MAX)))]
    pub parallel: u32,
    /// Run those again that are finished; where their input has changed the output needs `ifExists: replace`
    #[arg(long)]
    pub redo: bool,
    #[command(flatten)]
    pub access: AccessArgs,
}

/// Look at what a run on a cluster would need: the cluster, rights, the job, its places
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// The job spec; without one only the cluster is looked at
    #[arg(value_name = "JOB.yaml", value_hint = ValueHint::FilePath)]
    pub job: Option<String>,
    /// The image with dp [default: the spec's]
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    #[command(flatten)]
    pub given: GivenArgs,
    #[command(flatten)]
    pub access: AccessArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Print the rights that submitting and driving need, as Roles
#[derive(Debug, Args)]
pub(super) struct RbacArgs {
    /// Namespace
    #[arg(short = 'n', long, value_name = "NAME", default_value = "default")]
    pub namespace: String,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map(Duration::from_secs)
}
