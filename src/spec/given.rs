//! What the command line or a schedule adds to a job spec.

use std::path::PathBuf;

use chrono::{DateTime, FixedOffset, SecondsFormat};

use crate::error::{Error, Result};

use super::problem::{Pos, Problems};
use super::tree::{Data, Entry, Node};

/// What the command line or a schedule adds to a job spec.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// `--set name=value`, in order; a name may be set once.
    pub sets: Vec<(String, String)>,
    /// `--in URL`: stands for `spec.input.url`. Parameters are filled in as in the spec.
    pub input: Option<String>,
    /// `--out URL`: stands for `spec.output.url`. Parameters are filled in as in the spec.
    pub output: Option<String>,
    /// `--work URL`: stands for `spec.work.url`.
    pub work: Option<String>,
    /// Relative places of these flags lie under this absolute folder: the working directory.
    pub base: PathBuf,
    /// The logical interval of a scheduled run.
    pub interval: Option<Interval>,
}

/// The logical interval of a run: from one instant of a schedule to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    start: DateTime<FixedOffset>,
    end: DateTime<FixedOffset>,
}

impl Interval {
    /// From `start` up to `end`, in the offset of the schedule's time zone, which decides the date.
    ///
    /// # Errors
    /// `end` does not lie after `start`.
    pub fn new(start: DateTime<FixedOffset>, end: DateTime<FixedOffset>) -> Result<Self> {
        if start < end {
            return Ok(Self { start, end });
        }
        Err(Error::usage(format!("an interval must end after its start, not at {end} after {start}")))
    }

    /// Its bounds in RFC 3339.
    #[must_use]
    pub fn bounds(&self) -> (String, String) {
        (self.start.to_rfc3339(), self.end.to_rfc3339())
    }

    /// Of bounds in RFC 3339.
    ///
    /// # Errors
    /// They are no instants, or not in order.
    pub fn of_bounds((start, end): &(String, String)) -> Result<Self> {
        let at = |text: &str| {
            DateTime::parse_from_rfc3339(text)
                .map_err(|e| Error::usage("no instant").with("text", text).because(e))
        };
        Self::new(at(start)?, at(end)?)
    }

    /// The parameters that it sets: `date` (`YYYY-MM-DD` of the start), `interval.start` and
    /// `interval.end` (RFC 3339).
    #[must_use]
    pub fn values(&self) -> [(&'static str, String); 3] {
        let text = |t: &DateTime<FixedOffset>| t.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let date = self.start.date_naive().to_string();
        [("date", date), ("interval.start", text(&self.start)), ("interval.end", text(&self.end))]
    }
}

impl Given {
    /// Puts the flags' places into the tree, over those of the file.
    pub(super) fn overlay(&self, root: &mut Node, problems: &mut Problems) {
        if self.input.is_some() && root.get("spec.inputs").is_some() {
            let message = "stands for `spec.input`, but the spec has `inputs`; change them there";
            return problems.add(Pos::flag("--in"), "", message);
        }
        if root.get("spec").is_none_or(|spec| !matches!(spec.data, Data::Map(_))) {
            return;
        }
        let flags = [
            ("input", "--in", &self.input),
            ("output", "--out", &self.output),
            ("work", "--work", &self.work),
        ];
        for (block, flag, value) in flags {
            if let Some(url) = value {
                put(root, &["spec", block, "url"], Node::of_flag(flag, url));
            }
        }
    }
}

/// Sets the value at `path`, making blocks that are not there. What is no block stays as it is: the
/// check of the tree reports it.
fn put(node: &mut Node, path: &[&str], value: Node) {
    let pos = value.pos;
    let (Some((key, rest)), Data::Map(entries)) = (path.split_first(), &mut node.data) else { return };
    if !entries.iter().any(|e| e.key == *key) {
        let empty = Node { pos, data: Data::Map(Vec::new()) };
        entries.push(Entry { key: (*key).to_owned(), pos, value: empty });
    }
    let Some(entry) = entries.iter_mut().find(|e| e.key == *key) else { return };
    if rest.is_empty() {
        entry.pos = Pos { flag: pos.flag, ..entry.pos };
        entry.value = value;
    } else {
        put(&mut entry.value, rest, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_has_the_date_of_its_own_offset() {
        let at = |t| DateTime::parse_from_rfc3339(t).unwrap();
        let interval =
            Interval::new(at("2024-03-01T00:30:00+02:00"), at("2024-03-02T00:30:00+02:00")).unwrap();
        assert_eq!(
            interval.values().map(|(_, v)| v),
            ["2024-03-01", "2024-03-01T00:30:00+02:00", "2024-03-02T00:30:00+02:00"].map(str::to_owned)
        );
        assert!(Interval::new(at("2024-03-01T00:00:00Z"), at("2024-03-01T00:00:00Z")).is_err());
    }
}
