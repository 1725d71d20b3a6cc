//! A hook for tests: the process kills itself at a named step.
//!
//! `DP_TEST_KILL_AT=<step>[:<n>]` sends SIGKILL to the process when the n-th (default: first) step of
//! that name is reported, so that a test can end a run at every point at which a crash matters.
//! Other threads that report anything meanwhile wait for the end.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::event::{Event, Sink, Step};

/// The environment variable.
pub(super) const VARIABLE: &str = "DP_TEST_KILL_AT";

/// At which step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KillAt {
    step: Step,
    /// Counted from 1.
    nth: u64,
}

impl KillAt {
    /// Reads the variable's value.
    ///
    /// # Errors
    /// An unknown step, or a count that is no number from 1.
    pub fn parse(text: &str) -> Result<Self> {
        let (name, nth) = text.split_once(':').unwrap_or((text, "1"));
        let step = Step::ALL.into_iter().find(|s| s.name() == name);
        match (step, nth.parse()) {
            (Some(step), Ok(nth)) if nth > 0 => Ok(Self { step, nth }),
            _ => {
                let names: Vec<&str> = Step::ALL.iter().map(|s| s.name()).collect();
                Err(Error::usage(format!("{VARIABLE} is <step>[:<n>] with a step of: {}", names.join(", ")))
                    .with("value", text))
            }
        }
    }

    /// A sink that passes everything on to `inner`, until the step comes: then it calls `kill`.
    pub fn watch(self, inner: Sink, kill: impl Fn() + Send + Sync + 'static) -> Sink {
        let seen = Arc::new(AtomicU64::new(0));
        Sink::new(move |event| {
            let hit = matches!(&event, Event::Step { step, .. } if *step == self.step);
            let count =
                if hit { seen.fetch_add(1, Ordering::SeqCst) + 1 } else { seen.load(Ordering::SeqCst) };
            if count >= self.nth {
                kill();
            }
            inner.emit(event);
        })
    }
}

/// Ends this process by SIGKILL; other threads may reach this too, and wait. A shell sends the
/// signal, because the standard library cannot without unsafe code.
pub(super) fn kill_self() {
    let script = format!("kill -9 {}", std::process::id());
    let sent = Command::new("/bin/sh").args(["-c", &script]).status();
    if sent.is_ok_and(|status| status.success()) {
        loop {
            std::thread::park();
        }
    }
    // No shell: a death as sudden, though by another signal.
    std::process::abort();
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::id::{AttemptId, TaskId};

    fn step(step: Step) -> Event {
        Event::Step { task: TaskId::Reduce, attempt: AttemptId::random(), step }
    }

    #[test]
    fn every_step_can_be_named() {
        for s in Step::ALL {
            assert_eq!(KillAt::parse(s.name()).unwrap(), KillAt { step: s, nth: 1 });
            assert_eq!(KillAt::parse(&format!("{}:12", s.name())).unwrap(), KillAt { step: s, nth: 12 });
        }
        for wrong in ["", "comitted", "committed:0", "committed:", "committed:x", "committed:1:2"] {
            assert!(KillAt::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn it_kills_at_the_nth_step_of_that_name() {
        let log = Arc::new(Mutex::new(Vec::new()));
        let (passed, killed) = (Arc::clone(&log), Arc::clone(&log));
        let inner = Sink::new(move |e| {
            if let Event::Step { step, .. } = e {
                passed.lock().unwrap().push(step.name());
            }
        });
        let sink =
            KillAt::parse("committed:2").unwrap().watch(inner, move || killed.lock().unwrap().push("kill"));
        for s in [Step::Committed, Step::Fetched, Step::Fetched, Step::Committed] {
            sink.emit(step(s));
        }
        assert_eq!(*log.lock().unwrap(), ["committed", "fetched", "fetched", "kill", "committed"]);
    }
}
