//! How an error is shown: once, with where it happened, its causes and what to do next. Pure.

use std::error::Error as StdError;

use serde_json::{Value, json};

use crate::error::{Error, Kind};

/// The context key whose value is shown as the hint.
const HINT: &str = "hint";

/// Lines for a person, the last one ended. `resume` is the command that goes on with the work.
pub(super) fn text(error: &Error, resume: Option<&str>) -> String {
    // All problems of a spec are one error with a line each.
    let mut lines: Vec<String> =
        printable(error.message()).lines().map(|line| format!("error: {line}")).collect();
    let places = error.context().iter().filter(|(key, _)| *key != HINT);
    lines.extend(places.map(|(key, value)| format!("  {key}: {}", printable(value))));
    lines.extend(causes(error).iter().map(|cause| format!("caused by: {}", printable(cause))));
    lines.extend(hint(error, resume).map(|hint| format!("hint: {}", printable(&hint))));
    lines.push(String::new());
    lines.join("\n")
}

/// One JSON object, for `--progress json`.
pub(super) fn json(error: &Error, resume: Option<&str>) -> Value {
    let places = error.context().iter().filter(|(key, _)| *key != HINT);
    json!({
        "event": "error",
        "kind": kind_name(error.kind()),
        "exitCode": error.kind().exit_code(),
        "message": error.message(),
        "context": places.map(|(key, value)| ((*key).to_owned(), json!(value))).collect::<serde_json::Map<_, _>>(),
        "causes": causes(error),
        "hint": hint(error, resume),
    })
}

/// Texts of the causes, outermost first; a cause that the text before it repeats is left out.
fn causes(error: &Error) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    let mut before = error.message().to_owned();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !before.contains(&text) {
            texts.push(text.clone());
            before = text;
        }
        next = cause.source();
    }
    texts
}

fn hint(error: &Error, resume: Option<&str>) -> Option<String> {
    if let Some((_, hint)) = error.context().iter().find(|(key, _)| *key == HINT) {
        return Some(hint.clone());
    }
    match error.kind() {
        Kind::Internal => {
            Some("this is a defect of dp; please report it with this text and the command".to_owned())
        }
        Kind::Interrupted => resume.map(|command| format!("to go on where it stopped: {command}")),
        Kind::Transient => resume.map(|command| format!("to try again where it stopped: {command}")),
        Kind::Usage | Kind::BadData | Kind::Stop => None,
    }
}

const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Internal => "internal",
        Kind::Usage => "usage",
        Kind::BadData => "bad-data",
        Kind::Stop => "stop",
        Kind::Transient => "transient",
        Kind::Interrupted => "interrupted",
    }
}

/// The text without what could move the cursor or colour the terminal: names of files and values of
/// records come from outside. Line ends stay.
pub(super) fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\n' {
            clean.extend(c.escape_default());
        } else {
            clean.push(c);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested() -> Error {
        let deepest = std::io::Error::other("disk is gone");
        let middle = Error::transient("cannot read the footer").with("file", "a.parquet").because(deepest);
        Error::stop("cannot plan").with("input", "lake").because(middle)
    }

    #[test]
    fn causes_are_shown_once_in_order() {
        assert_eq!(
            text(&nested(), None),
            "error: cannot plan\n  input: lake\ncaused by: cannot read the footer (file=a.parquet)\n\
             caused by: disk is gone\n"
        );
        let repeated =
            Error::stop("cannot open: disk is gone").because(std::io::Error::other("disk is gone"));
        assert_eq!(text(&repeated, None), "error: cannot open: disk is gone\n");
    }

    #[test]
    fn every_kind_has_its_hint() {
        for (kind, want) in [
            (Kind::Internal, Some("this is a defect of dp; please report it with this text and the command")),
            (Kind::Interrupted, Some("to go on where it stopped: dp run j")),
            (Kind::Transient, Some("to try again where it stopped: dp run j")),
            (Kind::Usage, None),
            (Kind::Stop, None),
            (Kind::BadData, None),
        ] {
            assert_eq!(hint(&Error::new(kind, "x"), Some("dp run j")).as_deref(), want, "{kind:?}");
        }
        let own = Error::usage("no such column 'dely'").with("line", 3).with("hint", "did you mean 'delay'?");
        assert_eq!(
            text(&own, None),
            "error: no such column 'dely'\n  line: 3\nhint: did you mean 'delay'?\n"
        );
    }

    #[test]
    fn each_problem_of_a_spec_has_its_line() {
        let problems = Error::usage("a.yaml:3:1: spec.sq: unknown key\na.yaml:4:1: spec.sql: is missing");
        assert_eq!(
            text(&problems, None),
            "error: a.yaml:3:1: spec.sq: unknown key\nerror: a.yaml:4:1: spec.sql: is missing\n"
        );
    }

    #[test]
    fn terminal_codes_in_data_are_harmless() {
        assert_eq!(text(&Error::bad_data("bad \u{1b}[31mred\r\n"), None), "error: bad \\u{1b}[31mred\\r\n");
    }

    #[test]
    fn json_has_stable_fields() {
        assert_eq!(
            json(&nested(), None).to_string(),
            "{\"event\":\"error\",\"kind\":\"stop\",\"exitCode\":11,\"message\":\"cannot plan\",\
             \"context\":{\"input\":\"lake\"},\"causes\":[\"cannot read the footer (file=a.parquet)\",\
             \"disk is gone\"],\"hint\":null}"
        );
    }
}
