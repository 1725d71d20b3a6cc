//! From arguments, files and the environment to requests: the only place that reads them.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::id::ShardId;
use crate::ops::{Env, FindRequest, ListRequest, Machine, PlanRequest, RunRequest, SpecText, SqlRequest};

use crate::spec::Given;

use super::args::{FindPlaceArgs, GivenArgs, MachineArgs, PlanArgs, RunArgs, SqlArgs};

/// A spec is written by hand or by a template; what is larger is another file, named by mistake.
const MAX_SPEC_BYTES: u64 = 4 << 20;

/// First rows that `dp run` shows.
pub(super) const RUN_ROWS: usize = 10;

/// First rows that `dp sql` shows: all of them, where a person or a script can take them; more belongs into files.
const SQL_ROWS: usize = 10_000;

/// What the process stands in.
pub(super) struct Surroundings {
    folder: PathBuf,
    pub(super) machine: Machine,
}

impl Surroundings {
    /// Reads the working directory and the environment. Variables that are no UTF-8 are left out.
    ///
    /// # Errors
    /// The working directory is gone.
    pub fn read() -> Result<Self> {
        let folder =
            std::env::current_dir().map_err(|e| Error::stop("the working directory is gone").because(e))?;
        let text = |s: std::ffi::OsString| s.into_string().ok();
        let pairs = std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?)));
        let env = Env::new(pairs.collect());
        Ok(Self { folder, machine: Machine { scratch: std::env::temp_dir(), env, ..Machine::default() } })
    }

    /// An environment variable.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.machine.env.pairs().iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// `dp run`.
    ///
    /// # Errors
    /// The spec cannot be read; values for a spec that is not there.
    pub fn run(&self, args: RunArgs) -> Result<RunRequest> {
        let given = &args.given;
        let for_a_spec = !given.sets.is_empty() || given.input.is_some() || given.places.out.is_some();
        if args.job.is_none() && for_a_spec {
            return Err(Error::usage(
                "--set, --in and --out change a job spec: name it, or leave them out to go on with the run as planned",
            ));
        }
        Ok(RunRequest {
            spec: args.job.map(|job| self.spec(&job)).transpose()?,
            given: self.given(args.given),
            run: args.name.run,
            shard: args.shard.map(ShardId),
            show_rows: RUN_ROWS,
            machine: self.machine(&args.machine),
        })
    }

    /// `dp sql`.
    pub fn sql(&self, args: SqlArgs) -> SqlRequest {
        SqlRequest {
            sql: args.sql,
            given: self.places(args.places.out, args.places.work),
            run: args.name.run,
            show_rows: SQL_ROWS,
            machine: self.machine(&args.machine),
        }
    }

    /// `dp plan`.
    ///
    /// # Errors
    /// The spec cannot be read.
    pub fn plan(&self, args: PlanArgs) -> Result<PlanRequest> {
        Ok(PlanRequest {
            spec: self.spec(&args.job)?,
            given: self.given(args.given),
            run: args.name.run,
            freeze: args.freeze,
            shard: args.shard.map(ShardId),
            machine: self.machine(&args.machine),
        })
    }

    /// `dp status` and `dp gc`.
    pub fn find(&self, run: String, places: FindPlaceArgs) -> FindRequest {
        FindRequest { run, places: self.places(places.out, places.work), machine: self.machine.clone() }
    }

    /// `dp list`.
    pub fn list(&self, places: FindPlaceArgs) -> ListRequest {
        ListRequest { places: self.places(places.out, places.work), machine: self.machine.clone() }
    }

    pub(super) fn given(&self, args: GivenArgs) -> Given {
        Given { sets: args.sets, input: args.input, ..self.places(args.places.out, args.places.work) }
    }

    fn places(&self, output: Option<String>, work: Option<String>) -> Given {
        Given { output, work, base: self.folder.clone(), ..Given::default() }
    }

    fn machine(&self, args: &MachineArgs) -> Machine {
        Machine { threads: args.threads, memory: args.memory, ..self.machine.clone() }
    }

    pub(super) fn spec(&self, job: &str) -> Result<SpecText> {
        if job == "-" {
            let text = read(std::io::stdin().lock(), "<stdin>")?;
            return Ok(SpecText { text, file: "<stdin>".to_owned(), base: self.folder.clone() });
        }
        let path = self.folder.join(job);
        let file = File::open(&path)
            .map_err(|e| Error::usage("cannot open the job spec").with("file", job).because(e))?;
        let base = path.parent().map_or_else(|| self.folder.clone(), Path::to_owned);
        Ok(SpecText { text: read(file, job)?, file: job.to_owned(), base })
    }
}

/// The whole text of a spec.
fn read(from: impl Read, name: &str) -> Result<String> {
    let mut bytes = Vec::new();
    from.take(MAX_SPEC_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| Error::usage("cannot read the job spec").with("file", name).because(e))?;
    if bytes.len() as u64 > MAX_SPEC_BYTES {
        return Err(
            Error::usage("the job spec is larger than 4 MiB: is it the right file?").with("file", name)
        );
    }
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        Error::usage("the job spec is not UTF-8 text").with("file", name).with("byte", at)
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::args::{Cli, Command};
    use super::*;

    fn here(folder: &Path) -> Surroundings {
        Surroundings { folder: folder.to_owned(), machine: Machine::default() }
    }

    fn run_args(words: &[&str]) -> RunArgs {
        match Cli::try_parse_from(["dp", "run"].iter().chain(words)).unwrap().command {
            Command::Run(args) => args,
            other => panic!("is a run: {other:?}"),
        }
    }

    #[test]
    fn a_run_request_holds_what_was_said() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("jobs")).unwrap();
        std::fs::write(folder.path().join("jobs/a.yaml"), "kind: DataJob").unwrap();
        let words =
            ["jobs/a.yaml", "--set", "x=1", "--in", "i", "--out", "o", "--work", "w", "--threads", "3"];
        let request = here(folder.path()).run(run_args(&words)).unwrap();
        let want = SpecText {
            text: "kind: DataJob".to_owned(),
            file: "jobs/a.yaml".to_owned(),
            base: folder.path().join("jobs"),
        };
        assert_eq!(request.spec, Some(want));
        let given = Given {
            sets: vec![("x".to_owned(), "1".to_owned())],
            input: Some("i".to_owned()),
            output: Some("o".to_owned()),
            work: Some("w".to_owned()),
            base: folder.path().to_owned(),
            interval: None,
        };
        assert_eq!((request.given, request.machine.threads, request.run), (given, Some(3), None));
    }

    #[test]
    fn specs_that_cannot_be_read_are_usage_errors() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("latin1"), b"name: caf\xe9").unwrap();
        std::fs::write(folder.path().join("huge"), "#".repeat(usize::try_from(MAX_SPEC_BYTES + 1).unwrap()))
            .unwrap();
        for (job, want) in [
            ("none.yaml", "cannot open the job spec (file=none.yaml)"),
            (".", "cannot read the job spec (file=.)"),
            ("latin1", "the job spec is not UTF-8 text (file=latin1, byte=9)"),
            ("huge", "the job spec is larger than 4 MiB: is it the right file? (file=huge)"),
        ] {
            let error = here(folder.path()).run(run_args(&[job])).unwrap_err();
            assert_eq!((error.kind(), error.to_string().as_str()), (crate::Kind::Usage, want));
        }
    }

    #[test]
    fn values_for_a_spec_need_one() {
        for words in [["--set", "a=1"], ["--in", "x"], ["--out", "x"]] {
            let words: Vec<&str> = ["--run", "/w/r"].into_iter().chain(words).collect();
            assert!(here(Path::new("/")).run(run_args(&words)).is_err(), "{words:?}");
        }
        assert!(here(Path::new("/")).run(run_args(&["--run", "r", "--work", "/w"])).is_ok());
    }

    #[test]
    fn secrets_are_not_printed() {
        let env = Env::new(vec![("AWS_SECRET_ACCESS_KEY".to_owned(), "hunter2".to_owned())]);
        assert_eq!(format!("{:?}", Machine { env, ..Machine::default() }).matches("hunter2").count(), 0);
    }
}
