//! A panic is a defect of dp: one line says so, and the process ends like any internal error.

use std::io::Write;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};

use crate::error::Kind;

use super::failure::printable;

/// From now on a panic prints one line on standard error.
pub(super) fn install_hook() {
    panic::set_hook(Box::new(|info| {
        let mut stderr = std::io::stderr().lock();
        // With standard error gone there is nobody to tell.
        let _ = writeln!(stderr, "{}", line(info));
    }));
}

/// Runs `f`; a panic in it, already reported by the hook, becomes the exit code of [`Kind::Internal`].
pub(super) fn guarded(f: impl FnOnce() -> u8) -> u8 {
    panic::catch_unwind(AssertUnwindSafe(f)).unwrap_or(Kind::Internal.exit_code())
}

fn line(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let text = payload
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "unknown panic".to_owned());
    let place = info.location().map_or_else(String::new, |l| format!(" at {}:{}", l.file(), l.line()));
    format!(
        "error: defect of dp {}: {}{place}; please report it with the command",
        env!("CARGO_PKG_VERSION"),
        printable(&text.replace('\n', " "))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_exit_code() {
        assert_eq!(guarded(|| 7), 7);
        assert_eq!(guarded(|| panic!("as a test: this line is expected")), 1);
    }
}
