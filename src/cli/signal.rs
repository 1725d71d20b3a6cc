//! Ctrl-C and SIGTERM: the first asks the run to end, the second ends the process.

use std::io;
use std::sync::mpsc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::{Error, Kind, Result};
use crate::event::Interrupt;

/// The work has this long to notice the interrupt. What is committed is safe at any moment, so the
/// process may then end in the middle of anything.
const GRACE: Duration = Duration::from_millis(900);

/// Listens for SIGINT and SIGTERM on a thread of its own. The first one sets `interrupt`. At the end of
/// [`GRACE`] the process ends as interrupted if `cut_short` says that the work has not ended; a second
/// signal ends it at once in any case.
///
/// # Errors
/// The system gives no thread or no signal handler.
pub(super) fn listen(interrupt: Interrupt, cut_short: impl Fn() -> bool + Send + 'static) -> Result<()> {
    let (ready, listening) = mpsc::channel();
    let failed = |e: io::Error| Error::stop("cannot listen for signals").because(e);
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(e) => return drop(ready.send(Err(e))),
            };
            runtime.block_on(async {
                let handlers = Signals::new();
                let Signals { mut int, mut term } = match handlers {
                    Ok(handlers) => handlers,
                    Err(e) => return drop(ready.send(Err(e))),
                };
                // The receiver waits below until this is sent.
                let _ = ready.send(Ok(()));
                either(&mut int, &mut term).await;
                interrupt.set();
                let second = tokio::time::timeout(GRACE, either(&mut int, &mut term)).await;
                if !cut_short() && second.is_err() {
                    // The work has ended and is printing its result: only one more signal may end that.
                    either(&mut int, &mut term).await;
                }
                #[expect(clippy::disallowed_methods, reason = "the work did not end in time")]
                std::process::exit(i32::from(Kind::Interrupted.exit_code()));
            });
        })
        .map_err(failed)?;
    match listening.recv() {
        Ok(outcome) => outcome.map_err(failed),
        Err(_) => Err(Error::internal("the thread for signals ended at once")),
    }
}

struct Signals {
    int: Signal,
    term: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { int: signal(SignalKind::interrupt())?, term: signal(SignalKind::terminate())? })
    }
}

async fn either(int: &mut Signal, term: &mut Signal) {
    tokio::select! {
        _ = int.recv() => (),
        _ = term.recv() => (),
    }
}
