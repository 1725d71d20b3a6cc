//! A panic is a defect of dp: one line says so, and the process ends like any internal error.

use std::io::Write;
use std::panic::{self, AssertUnwindSafe};

use crate::error::{Kind, is_catching};

use super::failure::printable;

/// From now on a panic that nobody expects prints one line on standard error.
pub(super) fn install_hook() {
    panic::set_hook(Box::new(|info| {
        if is_catching() {
            return;
        }
        let payload = info.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let place = info.location().map(|l| (l.file(), l.line()));
        // With standard error gone there is nobody to tell.
        let _ = writeln!(std::io::stderr().lock(), "{}", line(text.unwrap_or("unknown panic"), place));
    }));
}

/// Runs `f`; a panic in it, already reported by the hook, becomes the exit code of [`Kind::Internal`].
pub(super) fn guarded(f: impl FnOnce() -> u8) -> u8 {
    panic::catch_unwind(AssertUnwindSafe(f)).unwrap_or(Kind::Internal.exit_code())
}

fn line(text: &str, place: Option<(&str, u32)>) -> String {
    let place = place.map_or_else(String::new, |(file, line)| format!(" at {file}:{line}"));
    format!(
        "error: defect of dp {}: {}{place}; please report it with the command",
        env!("CARGO_PKG_VERSION"),
        printable(text).replace('\n', " ")
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

    #[test]
    fn it_is_one_line_with_the_place() {
        assert_eq!(
            line("index 3\nof 2", Some(("src/a.rs", 7))),
            concat!(
                "error: defect of dp ",
                env!("CARGO_PKG_VERSION"),
                ": index 3 of 2 at src/a.rs:7; please report it with the command"
            )
        );
    }
}
