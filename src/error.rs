//! Kinds of error, and the one table from kind to retry to exit code.

use std::any::Any;
use std::cell::Cell;
use std::error::Error as StdError;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What went wrong, as far as the platform has to know it: each kind decides whether a retry can
/// help and with which code the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A defect of dp itself.
    Internal,
    /// The command line or the job spec is wrong.
    Usage,
    /// The data of a shard is bad; trying again cannot help.
    BadData,
    /// The run cannot go on: changed input, another plan, no permission, missing file, full budget.
    Stop,
    /// The store or the machine failed for the moment; trying again can help.
    Transient,
    /// Stopped from outside before the work was committed.
    Interrupted,
}

/// What the platform should do with a failed task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// End the whole run.
    FailRun,
    /// Give this shard up, go on with the others.
    FailShard,
    /// Try the task again.
    Again,
}

impl Kind {
    /// Every kind, for tables and docs.
    pub const ALL: [Self; 6] =
        [Self::Internal, Self::Usage, Self::BadData, Self::Stop, Self::Transient, Self::Interrupted];

    /// The exit code of a process that ends with this kind. 0 is success.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Usage => 2,
            Self::BadData => 10,
            Self::Stop => 11,
            Self::Transient => 12,
            Self::Interrupted => 75,
        }
    }

    /// The kind whose exit code this is.
    #[must_use]
    pub fn of_exit_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.exit_code() == code)
    }

    /// Whether and how the task is tried again.
    #[must_use]
    pub const fn retry(self) -> Retry {
        match self {
            Self::Usage | Self::Stop => Retry::FailRun,
            Self::BadData => Retry::FailShard,
            Self::Internal | Self::Transient | Self::Interrupted => Retry::Again,
        }
    }
}

type Source = Box<dyn StdError + Send + Sync>;

/// An error: its kind, one sentence, where it happened, and what caused it.
///
/// The text says what, and what to do; `context` says where; the source is never repeated in the
/// text and is printed once, by the terminal layer.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    message: String,
    context: Vec<(&'static str, String)>,
    source: Option<Source>,
}

/// The result of everything in dp that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind` with a text in lower case and without a full stop.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), context: Vec::new(), source: None }))
    }

    /// [`Kind::Usage`].
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// [`Kind::BadData`].
    pub fn bad_data(message: impl Into<String>) -> Self {
        Self::new(Kind::BadData, message)
    }

    /// [`Kind::Stop`].
    pub fn stop(message: impl Into<String>) -> Self {
        Self::new(Kind::Stop, message)
    }

    /// [`Kind::Transient`].
    pub fn transient(message: impl Into<String>) -> Self {
        Self::new(Kind::Transient, message)
    }

    /// [`Kind::Internal`].
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
    }

    /// Adds where it happened: `file`, `shard`, `line`, …
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((key, value.to_string()));
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The sentence, without context and cause.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where it happened.
    #[must_use]
    pub fn context(&self) -> &[(&'static str, String)] {
        &self.0.context
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        // The hint says what to do, not where: the terminal layer shows it in a line of its own.
        let mut before = " (";
        for (key, value) in self.0.context.iter().filter(|(key, _)| *key != "hint") {
            write!(f, "{before}{key}={value}")?;
            before = ", ";
        }
        if before == ", " { f.write_str(")") } else { Ok(()) }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|s| s as &(dyn StdError + 'static))
    }
}

thread_local! {
    static CATCHING: Cell<u32> = const { Cell::new(0) };
}

/// Runs a step of an outside library that may fail an assertion of its own on hostile data, which is
/// no defect of dp.
///
/// # Errors
/// The text of its panic.
pub fn catch<T>(step: impl FnOnce() -> T) -> Result<T, String> {
    CATCHING.set(CATCHING.get() + 1);
    let done = catch_unwind(AssertUnwindSafe(step));
    CATCHING.set(CATCHING.get() - 1);
    done.map_err(|panic| panic_text(panic.as_ref()).to_owned())
}

/// Whether a panic of this thread would be caught by [`catch`], so that nobody need hear of it.
#[must_use]
pub fn is_catching() -> bool {
    CATCHING.get() > 0
}

/// What a panic says.
#[must_use]
pub fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("unknown panic")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_distinct_and_not_success() {
        let mut codes: Vec<u8> = Kind::ALL.iter().map(|k| k.exit_code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Kind::ALL.len());
        assert!(!codes.contains(&0));
    }

    #[test]
    fn a_caught_panic_is_its_text() {
        assert_eq!(catch(|| 7), Ok(7));
        assert_eq!(catch(is_catching), Ok(true));
        assert_eq!(catch(|| -> u8 { panic!("row {}", 3) }), Err("row 3".to_owned()));
        assert!(!is_catching());
    }

    #[test]
    fn display_names_the_place_once() {
        let e = Error::bad_data("row has 3 fields, expected 4").with("file", "a.csv").with("line", 7);
        assert_eq!(e.to_string(), "row has 3 fields, expected 4 (file=a.csv, line=7)");
        let e = Error::bad_data("no row").with("hint", "add one");
        assert_eq!(e.to_string(), "no row");
        assert_eq!(e.with("line", 1).to_string(), "no row (line=1)");
    }
}
