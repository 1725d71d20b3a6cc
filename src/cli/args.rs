//! The command line as clap types. Texts of `--help` are the doc comments: short, with units and
//! defaults.

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

use crate::spec::parse_size;

use super::cluster_args::{ClusterCommand, ListArgs, StatusArgs};

const EXIT_CODES: &str =
    "Exit codes: 0 done, 1 defect of dp, 2 wrong usage or spec, 10 bad data, 11 the run cannot go on,
12 transient (try again), 75 interrupted (start it again: it resumes).
Standard output is for results, standard error for progress and messages.";

/// Run one data job over a dataset of any size.
#[derive(Debug, Parser)]
#[command(name = "dp", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Run(RunArgs),
    Sql(SqlArgs),
    Plan(PlanArgs),
    Status(StatusArgs),
    List(ListArgs),
    Gc(GcArgs),
    #[command(flatten)]
    Cluster(ClusterCommand),
    /// Print the JSON Schema of a job spec
    Schema,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Plan and run a job on this machine; started again, it resumes
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The job spec; `-` reads it from standard input; not needed to go on with `--run URL`
    #[arg(value_name = "JOB.yaml", required_unless_present = "run", value_hint = ValueHint::FilePath)]
    pub job: Option<String>,
    /// Compute this shard again and compare; commits nothing
    #[arg(long, value_name = "N", requires = "run")]
    pub shard: Option<u32>,
    #[command(flatten)]
    pub given: GivenArgs,
    #[command(flatten)]
    pub name: NameArgs,
    #[command(flatten)]
    pub machine: MachineArgs,
    #[command(flatten)]
    pub progress: ProgressArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Run one statement, such as "SELECT count(*) FROM 'data/*.parquet'"
#[derive(Debug, Args)]
pub(super) struct SqlArgs {
    /// The statement; a quoted path or URL in FROM is a table
    #[arg(value_name = "STATEMENT")]
    pub sql: String,
    #[command(flatten)]
    pub places: SqlPlaceArgs,
    #[command(flatten)]
    pub name: NameArgs,
    #[command(flatten)]
    pub machine: MachineArgs,
    #[command(flatten)]
    pub progress: ProgressArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Say what a run would do, computing nothing
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// The job spec; `-` reads it from standard input
    #[arg(value_name = "JOB.yaml", value_hint = ValueHint::FilePath)]
    pub job: String,
    /// Write the plan to the run's folder, as `dp run` does first
    #[arg(long)]
    pub freeze: bool,
    /// Show this shard too
    #[arg(long, value_name = "N")]
    pub shard: Option<u32>,
    #[command(flatten)]
    pub given: GivenArgs,
    #[command(flatten)]
    pub name: NameArgs,
    #[command(flatten)]
    pub machine: MachineArgs,
    #[command(flatten)]
    pub progress: ProgressArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Remove the data of attempts that lost to others
#[derive(Debug, Args)]
pub(super) struct GcArgs {
    /// The run's name, or the URL of its folder
    #[arg(value_name = "RUN")]
    pub run: String,
    #[command(flatten)]
    pub places: FindPlaceArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What is asked beside the spec.
#[derive(Debug, Args)]
pub(super) struct GivenArgs {
    /// Set a parameter of the spec; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    pub sets: Vec<(String, String)>,
    /// Read this input instead of the spec's
    #[arg(long = "in", value_name = "URL", value_hint = ValueHint::AnyPath)]
    pub input: Option<String>,
    #[command(flatten)]
    pub places: PlaceArgs,
}

/// Where things lie, for commands that run a job.
#[derive(Debug, Args)]
pub(super) struct PlaceArgs {
    /// Write the result to this folder instead of the spec's
    #[arg(long, value_name = "URL", value_hint = ValueHint::DirPath)]
    pub out: Option<String>,
    /// Keep the run's folder in this folder [default: the spec's, else `_dp/` in the result's folder]
    #[arg(long, value_name = "URL", value_hint = ValueHint::DirPath)]
    pub work: Option<String>,
}

/// Where a statement's result lies.
#[derive(Debug, Args)]
pub(super) struct SqlPlaceArgs {
    /// Write the result to this folder as Parquet [default: it is only printed]
    #[arg(long, value_name = "URL", value_hint = ValueHint::DirPath)]
    pub out: Option<String>,
    /// Keep the run's folder in this folder [default: `_dp/` in the result's folder, else nowhere]
    #[arg(long, value_name = "URL", value_hint = ValueHint::DirPath)]
    pub work: Option<String>,
}

/// Where runs are looked for.
#[derive(Debug, Args)]
pub(super) struct FindPlaceArgs {
    /// A result's folder: look in its `_dp/`
    #[arg(long, value_name = "URL", value_hint = ValueHint::DirPath)]
    pub out: Option<String>,
    /// Look in this folder of runs
    #[arg(long, value_name = "URL", value_hint = ValueHint::DirPath)]
    pub work: Option<String>,
}

/// Which run.
#[derive(Debug, Args)]
pub(super) struct NameArgs {
    /// The run's name, or the URL of its folder [default: the job's name and the plan's digest]
    #[arg(long, value_name = "NAME|URL")]
    pub run: Option<String>,
}

/// How much of the machine.
#[derive(Debug, Args)]
pub(super) struct MachineArgs {
    /// Compute threads, 1 to 4096 [default: the spec's, else the CPUs this process may use]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub threads: Option<u32>,
    /// Memory to use, such as 512MiB or 4Gi [default: the spec's, else what this process may use]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub memory: Option<u64>,
}

/// How progress is shown.
#[derive(Debug, Args)]
pub(super) struct ProgressArgs {
    /// Progress on standard error
    #[arg(
        long,
        value_name = "HOW",
        value_enum,
        default_value_t,
        hide_possible_values = true,
        help = "Progress on standard error: auto, bar, plain, json, none"
    )]
    pub progress: ProgressMode,
}

/// How the result is printed.
#[derive(Debug, Args)]
pub(super) struct OutputArgs {
    /// Print format
    #[arg(
        short = 'o',
        long,
        value_name = "FORMAT",
        value_enum,
        default_value_t,
        hide_possible_values = true,
        help = "Print format: text, wide, json, yaml; name where runs are named"
    )]
    pub output: OutputMode,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ProgressMode {
    /// `bar` on a terminal, else `plain`.
    #[default]
    Auto,
    /// Bars that are drawn in place.
    Bar,
    /// Lines of text.
    Plain,
    /// Lines of JSON.
    Json,
    /// Nothing.
    None,
}

/// How the result is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputMode {
    /// For people; long texts and wide tables are shortened.
    #[default]
    Text,
    /// For people; nothing is shortened.
    Wide,
    /// One JSON object.
    Json,
    /// The same as YAML.
    Yaml,
    /// The names alone, a line each.
    Name,
}

/// `name=value`; the value may hold `=` and be empty.
fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    fn parse(line: &str) -> Result<Command, clap::Error> {
        Cli::try_parse_from(std::iter::once("dp").chain(line.split_whitespace())).map(|c| c.command)
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_is_accepted() {
        for line in [
            "run job.yaml",
            "run -",
            "run --run file:///w/r --shard 3",
            "run --run file:///w/r",
            "run job.yaml --set a=1 --set b= --in x --out y --work z --threads 1 --memory 4Gi --run r",
            "run job.yaml -o json --progress none",
            "sql SELECT --out y",
            "plan job.yaml --freeze --shard 0 -o yaml",
            "status r --work w",
            "status file:///w/r -o wide",
            "list --out y",
            "list --out y --work w",
            "gc r --work w",
            "schema",
            "completions bash",
        ] {
            assert!(parse(line).is_ok(), "{line}: {}", parse(line).unwrap_err());
        }
    }

    #[test]
    fn what_is_refused() {
        for (line, kind) in [
            ("run", ErrorKind::MissingRequiredArgument),
            ("run job.yaml --shard 3", ErrorKind::MissingRequiredArgument),
            ("run job.yaml --threads 0", ErrorKind::ValueValidation),
            ("run job.yaml --memory 4Q", ErrorKind::ValueValidation),
            ("run job.yaml --set a", ErrorKind::ValueValidation),
            ("run job.yaml --set =a", ErrorKind::ValueValidation),
            ("run job.yaml -o xml", ErrorKind::InvalidValue),
            ("run a.yaml b.yaml", ErrorKind::UnknownArgument),
            ("run job.yaml --run r --shard -1", ErrorKind::UnknownArgument),
            ("run job.yaml --thread 2", ErrorKind::UnknownArgument),
            ("sql", ErrorKind::MissingRequiredArgument),
            ("rum job.yaml", ErrorKind::InvalidSubcommand),
            ("", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
        ] {
            let error = parse(line).expect_err(line);
            assert_eq!(error.kind(), kind, "{line}: {error}");
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn parameters_keep_their_order_and_equal_signs() {
        let Ok(Command::Run(run)) = parse("run j --set b=1=2 --set a=x") else { panic!("is a run") };
        let pairs: Vec<(&str, &str)> = run.given.sets.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("b", "1=2"), ("a", "x")]);
    }
}
