//! The command line: arguments in, one function of `ops` called, its report printed, an exit code out.
//! The only place that prints, reads the environment or listens for signals.

mod args;
mod cluster;
mod cluster_args;
mod failure;
mod kill;
mod panic;
mod print;
mod progress;
mod request;
mod signal;
mod units;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{CommandFactory, Parser};

use crate::error::{Error, Kind, Result};
use crate::event::{Interrupt, Sink};
use crate::ops::{self, Backfill};

use args::{Cli, Command, OutputMode, ProgressMode};
use cluster_args::ClusterCommand;
use progress::Progress;
use request::Surroundings;

/// Stack of the thread that plans: statements recurse, and the process's own stack is as large as
/// the shell allows. Only what is touched takes memory.
const STACK_BYTES: usize = 64 << 20;

/// Runs the command of this process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    panic::install_hook();
    let command = std::thread::Builder::new().name("dp".to_owned()).stack_size(STACK_BYTES);
    let code = match command.spawn(|| panic::guarded(command_of_arguments)) {
        // The panic hook has said what happened.
        Ok(thread) => thread.join().unwrap_or(Kind::Internal.exit_code()),
        Err(_) => panic::guarded(command_of_arguments),
    };
    ExitCode::from(code)
}

fn command_of_arguments() -> u8 {
    match Cli::try_parse() {
        Ok(cli) => dispatch(cli.command),
        Err(error) => {
            // Help and version go to standard output, which may be gone: nobody to tell then.
            let _ = error.print();
            u8::try_from(error.exit_code()).unwrap_or(Kind::Usage.exit_code())
        }
    }
}

fn dispatch(command: Command) -> u8 {
    match command {
        Command::Run(args) => {
            let (mode, output) = (args.progress.progress, args.output.output);
            long(mode, output, true, |here, sink, stop| ops::run(&here.run(args)?, sink, stop))
        }
        Command::Sql(args) => {
            let (mode, output, kept) =
                (args.progress.progress, args.output.output, args.places.out.is_some());
            long(mode, output, kept, |here, sink, stop| ops::sql(&here.sql(args), sink, stop))
        }
        Command::Plan(args) => {
            let (mode, output) = (args.progress.progress, args.output.output);
            long(mode, output, false, |here, sink, stop| ops::plan(&here.plan(args)?, sink, stop))
        }
        Command::Status(args) => {
            let output = args.output.output;
            // A bare name without a place is that of a run in the cluster.
            if args.run.contains('/') || args.places.out.is_some() || args.places.work.is_some() {
                short(output, |here| ops::status(&here.find(args.run, args.places)))
            } else {
                short(output, |here| ops::cluster_status(&here.cluster(args.run, args.access)))
            }
        }
        Command::List(args) if args.places.out.is_some() || args.places.work.is_some() => {
            short(args.output.output, |here| ops::list(&here.list(args.places)))
        }
        Command::List(args) => short(args.output.output, |_| ops::cluster_list(&args.access.into())),
        Command::Cluster(command) => on_cluster(command),
        Command::Gc(args) => short(args.output.output, |here| ops::gc(&here.find(args.run, args.places))),
        Command::Schema => {
            exit(ops::schema().and_then(|text| print::to_stdout(format!("{text}\n").as_bytes())))
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "dp", &mut script);
            exit(print::to_stdout(&script))
        }
    }
}

fn on_cluster(command: ClusterCommand) -> u8 {
    match command {
        ClusterCommand::Submit(args) => {
            let (mode, output) = (args.progress.progress, args.output.output);
            long(mode, output, args.attach, |here, sink, stop| ops::submit(&here.submit(args)?, sink, stop))
        }
        ClusterCommand::Render(args) => {
            let mode = args.progress.progress;
            long(mode, OutputMode::Text, false, |here, sink, stop| {
                ops::render(&here.render(args)?, sink, stop)
            })
        }
        ClusterCommand::Worker => pod(|here, log, sink, stop| ops::worker(&here.worker(log)?, sink, stop)),
        ClusterCommand::Driver => pod(|here, _, sink, stop| match here.schedule()? {
            Some(firing) => ops::fire(&firing, sink, stop),
            None => ops::drive(&here.driver()?, sink, stop).map(drop),
        }),
        ClusterCommand::Wait(args) => {
            let output = args.output.output;
            long(ProgressMode::None, output, false, |here, _, stop| {
                ops::wait(&here.cluster(args.run, args.access), args.timeout, stop)
            })
        }
        ClusterCommand::Logs(args) => {
            exit(Surroundings::read().and_then(|here| cluster::print_logs(&here.logs(args))))
        }
        ClusterCommand::Retry(args) => {
            let output = args.output.output;
            long(ProgressMode::Plain, output, false, |here, sink, _| {
                ops::retry(&here.cluster(args.run, args.access), args.memory, sink)
            })
        }
        ClusterCommand::Cancel(args) => {
            exit(Surroundings::read().and_then(|here| ops::cancel(&here.cluster(args.run, args.access))))
        }
        ClusterCommand::Trigger(args) => exit(Surroundings::read().and_then(|here| {
            let job = ops::trigger(&here.cluster(args.name, args.access), None)?;
            print::to_stdout(format!("job {job} started\n").as_bytes())
        })),
        ClusterCommand::Backfill(args) => exit(Surroundings::read().and_then(|here| {
            let asked = Backfill { from: args.from, to: args.to, parallel: args.parallel, redo: args.redo };
            let job = ops::trigger(&here.cluster(args.name, args.access), Some(asked))?;
            print::to_stdout(format!("job {job} started\n").as_bytes())
        })),
        ClusterCommand::Doctor(args) => {
            let output = args.output.output;
            exit(Surroundings::read().and_then(|here| {
                let findings = ops::doctor(&here.doctor(args)?);
                show(&findings, output)?;
                let bad = findings.iter().filter(|f| !f.good).count();
                if bad == 0 {
                    Ok(())
                } else {
                    Err(Error::stop(format!("{bad} of {} are not as they must be", findings.len())))
                }
            }))
        }
        ClusterCommand::Rbac(args) => exit(show(&ops::rbac(&args.namespace), OutputMode::Text)),
    }
}

/// A command that answers at once.
fn short<R: print::Report>(output: OutputMode, ask: impl FnOnce(&Surroundings) -> Result<R>) -> u8 {
    exit(Surroundings::read().and_then(|here| show(&ask(&here)?, output)))
}

/// A command that takes its time: with progress, and an end by Ctrl-C. `resumes`: started again, it
/// goes on where it stopped.
fn long<R: print::Report>(
    mode: ProgressMode,
    output: OutputMode,
    resumes: bool,
    work: impl FnOnce(&Surroundings, &Sink, &Interrupt) -> Result<R>,
) -> u8 {
    let ending = Arc::new(Ending::new(mode, resumes));
    watched(&ending, |_| Progress::start(mode), work, |report| show(&report, output))
}

/// The work of a pod: lines of JSON, and nothing on standard output.
fn pod(work: impl FnOnce(&Surroundings, &ops::LogTail, &Sink, &Interrupt) -> Result<()>) -> u8 {
    let log = ops::LogTail::default();
    let ending = Arc::new(Ending::new(ProgressMode::Json, false));
    let progress = |here: &Surroundings| Progress::with(cluster::pod_progress(here), here.log_lines(&log));
    watched(&ending, progress, |here, sink, stop| work(here, &log, sink, stop), |()| Ok(()))
}

/// Work that shows its progress and can be interrupted.
fn watched<T>(
    ending: &Arc<Ending>,
    progress: impl FnOnce(&Surroundings) -> Progress,
    work: impl FnOnce(&Surroundings, &Sink, &Interrupt) -> Result<T>,
    show: impl FnOnce(T) -> Result<()>,
) -> u8 {
    let interrupt = Interrupt::default();
    let at_signal = Arc::clone(ending);
    let outcome = Surroundings::read().and_then(|here| {
        let kill_at = here.variable(kill::VARIABLE).map(kill::KillAt::parse).transpose()?;
        let progress = progress(&here);
        let wipe = progress.wiper();
        signal::listen(interrupt.clone(), move || at_signal.cut_short(&wipe))?;
        let sink = match kill_at {
            Some(at) => at.watch(progress.sink(), kill::kill_self),
            None => progress.sink(),
        };
        let outcome = work(&here, &sink, &interrupt);
        progress.finish();
        outcome
    });
    if !ending.claim() {
        // The signal's thread is ending the process this very moment.
        loop {
            std::thread::park();
        }
    }
    match outcome.and_then(show) {
        Ok(()) => 0,
        Err(error) => ending.failed(&error),
    }
}

fn show(report: &impl print::Report, output: OutputMode) -> Result<()> {
    print::to_stdout(print::render(report, output)?.as_bytes())
}

fn exit(outcome: Result<()>) -> u8 {
    match outcome {
        Ok(()) => 0,
        Err(error) => Ending::new(ProgressMode::None, false).failed(&error),
    }
}

/// The end of a command: its work and a signal race for it, and one of them speaks.
struct Ending {
    json: bool,
    resume: Option<String>,
    claimed: AtomicBool,
}

impl Ending {
    fn new(mode: ProgressMode, resumes: bool) -> Self {
        let resume = resumes.then(|| command_line(std::env::args_os().skip(1)));
        Self { json: mode == ProgressMode::Json, resume, claimed: AtomicBool::new(false) }
    }

    /// Whether the caller is the one who ends the command.
    fn claim(&self) -> bool {
        !self.claimed.swap(true, Ordering::AcqRel)
    }

    /// The work did not end in time: says so, unless it has ended meanwhile.
    fn cut_short(&self, wipe: impl Fn()) -> bool {
        let mine = self.claim();
        if mine {
            wipe();
            self.failed(&Error::new(Kind::Interrupted, "interrupted"));
        }
        mine
    }

    /// Shows the error and gives its exit code.
    fn failed(&self, error: &Error) -> u8 {
        let text = if self.json {
            format!("{}\n", failure::json(error, self.resume.as_deref()))
        } else {
            failure::text(error, self.resume.as_deref())
        };
        // With standard error gone the exit code still tells.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
        error.kind().exit_code()
    }
}

/// The command as one would type it into a shell.
fn command_line(args: impl Iterator<Item = std::ffi::OsString>) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    let quoted = args.map(|arg| match arg.to_string_lossy() {
        arg if !arg.is_empty() && arg.chars().all(plain) => arg.into_owned(),
        arg => format!("'{}'", arg.replace('\'', "'\\''")),
    });
    std::iter::once("dp".to_owned()).chain(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_work_and_signal_ends_the_command() {
        let ending = Ending::new(ProgressMode::None, true);
        assert!(ending.claim());
        assert!(!ending.cut_short(|| ()));
    }

    #[test]
    fn a_command_is_quoted_for_the_shell() {
        let args = ["sql", "SELECT 'a'", "--set", "x=1", "", "$HOME"];
        assert_eq!(
            command_line(args.iter().map(Into::into)),
            "dp sql 'SELECT '\\''a'\\''' --set x=1 '' '$HOME'"
        );
    }
}
