//! What is wrong in a job spec, with its place: all of it at once.

use std::fmt;

use crate::error::{Error, Kind};

/// Problems shown of one file; the rest are counted.
const MAX_SHOWN: usize = 100;

/// Characters shown of a name or value of the file.
const MAX_QUOTED: usize = 60;

/// Something wrong in a job spec, or in what the command line adds to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as the caller named it.
    pub file: String,
    /// Counted from 1; 0 if the value came from the command line.
    pub line: usize,
    /// In characters, counted from 1; 0 if the value came from the command line.
    pub column: usize,
    /// The key, such as `spec.input.url`, or the flag, such as `--out`; empty for the whole file.
    pub path: String,
    /// What is wrong and what to write instead, in lower case.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// One error of kind [`Kind::Usage`] with a line for each problem.
#[must_use]
pub fn problems_to_error(problems: Vec<Problem>) -> Error {
    let more = problems.len().saturating_sub(MAX_SHOWN);
    let mut lines: Vec<String> = problems.into_iter().take(MAX_SHOWN).map(|p| p.to_string()).collect();
    if more > 0 {
        lines.push(format!("… and {more} more problems"));
    }
    Error::new(Kind::Usage, lines.join("\n"))
}

/// Where a value stands: in the file, or in a flag of the command line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pos {
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// The flag that gave the value instead of the file.
    pub flag: Option<&'static str>,
}

impl Pos {
    /// A place in the file.
    pub(super) fn at(line: usize, column: usize) -> Self {
        Self { line, column, flag: None }
    }

    /// A value of the command line.
    pub(super) fn flag(name: &'static str) -> Self {
        Self { line: 0, column: 0, flag: Some(name) }
    }
}

/// Collects the problems of one file.
#[derive(Debug)]
pub(super) struct Problems {
    file: String,
    list: Vec<Problem>,
}

impl Problems {
    pub(super) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), list: Vec::new() }
    }

    /// Adds a problem of the key `path` at `pos`.
    pub(super) fn add(&mut self, pos: Pos, path: &str, message: impl Into<String>) {
        self.list.push(Problem {
            file: self.file.clone(),
            line: pos.line,
            column: pos.column,
            path: pos.flag.unwrap_or(path).to_owned(),
            message: message.into(),
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// In the order of the file; those of the command line first.
    pub(super) fn into_sorted(mut self) -> Vec<Problem> {
        self.list.sort_by_key(|p| (p.line, p.column));
        self.list.dedup();
        self.list
    }
}

/// A name or value of the file for a message: shortened, control characters escaped.
pub(super) fn show(text: &str) -> String {
    shorten(text, MAX_QUOTED)
}

/// The first characters of a text, control characters escaped.
pub(super) fn shorten(text: &str, most: usize) -> String {
    let mut shown: String = text.chars().take(most).flat_map(escape).collect();
    if text.chars().nth(most).is_some() {
        shown.push('…');
    }
    shown
}

fn escape(c: char) -> Box<dyn Iterator<Item = char>> {
    if c.is_control() { Box::new(c.escape_default()) } else { Box::new(std::iter::once(c)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_names_file_place_and_key() {
        let mut problems = Problems::new("job.yaml");
        problems.add(Pos::at(7, 5), "spec.input.urll", "unknown key; did you mean `url`?");
        problems.add(Pos::flag("--out"), "spec.output.url", "is empty");
        problems.add(Pos::at(1, 1), "", "the file is empty");
        let error = problems_to_error(problems.into_sorted());
        assert_eq!(error.kind(), Kind::Usage);
        assert_eq!(
            error.message(),
            "--out: is empty\njob.yaml:1:1: the file is empty\n\
             job.yaml:7:5: spec.input.urll: unknown key; did you mean `url`?"
        );
    }

    #[test]
    fn many_problems_are_counted_not_listed() {
        let mut problems = Problems::new("f");
        for line in 1..=150 {
            problems.add(Pos::at(line, 1), "k", "bad");
        }
        let message = problems_to_error(problems.into_sorted()).message().to_owned();
        assert_eq!(message.lines().count(), MAX_SHOWN + 1);
        assert!(message.ends_with("and 50 more problems"));
    }

    #[test]
    fn hostile_text_is_escaped_and_short() {
        assert_eq!(show("a\u{1b}[31m\n"), "a\\u{1b}[31m\\n");
        assert_eq!(show(&"é".repeat(100)).chars().count(), MAX_QUOTED + 1);
    }
}
