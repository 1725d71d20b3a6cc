//! Which logical intervals of a schedule are done: create-only records, so that firings which are missed,
//! doubled or late can neither lose nor double one.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};

use super::folder::Folder;
use super::record::{self, Outcome, Record};
use crate::error::Result;

/// How an interval is named in files: its first instant.
const NAME: &str = "%Y%m%dT%H%M%SZ";

/// The name of the interval that begins at `start`.
#[must_use]
pub fn interval_name(start: DateTime<Utc>) -> String {
    start.format(NAME).to_string()
}

/// A stretch of time during which a schedule's expression stays the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Series {
    /// [`Series::FORMAT`].
    pub format: u32,
    /// The expression.
    pub cron: String,
    /// The name of its time zone.
    pub time_zone: String,
    /// Its first interval begins here; the series before it ends here.
    pub start: DateTime<Utc>,
}

impl Record for Series {
    const FORMAT: u32 = 1;
    const WHAT: &'static str = "series of a schedule";
}

/// An interval that needs no run any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finished {
    /// [`Finished::FORMAT`].
    pub format: u32,
    /// Its first instant.
    pub start: DateTime<Utc>,
    /// The first instant behind it.
    pub end: DateTime<Utc>,
    /// The run that did it; `None`: it was skipped, as `catchUp` says.
    pub run: Option<String>,
}

impl Record for Finished {
    const FORMAT: u32 = 1;
    const WHAT: &'static str = "record of an interval";
}

/// The records of one schedule: `<work>/schedules/<name>/`.
#[derive(Debug, Clone)]
pub struct Intervals(Folder);

impl Intervals {
    /// Of the schedule `name` under a work folder.
    #[must_use]
    pub fn new(work: &Folder, name: &str) -> Self {
        Self(work.sub(&format!("schedules/{name}")))
    }

    /// All series, in order.
    ///
    /// # Errors
    /// As [`record::read`].
    pub fn series(&self) -> Result<Vec<Series>> {
        let folder = self.0.sub("series");
        let names = folder.list("")?;
        names.iter().filter_map(|e| record::read(&folder, &e.name).transpose()).collect()
    }

    /// Adds a series behind `count` others; if another process was first, its series counts.
    ///
    /// # Errors
    /// As [`record::create_once`].
    pub fn add_series(&self, count: usize, series: &Series) -> Result<Series> {
        let rel = format!("series/{:06}.json", count + 1);
        match record::create_once(&self.0, &rel, &record::encode(series)?)? {
            Outcome::Won => Ok(series.clone()),
            Outcome::Lost(bytes) => record::decode(&bytes, &self.0.name(&rel)),
        }
    }

    /// The first instants of the intervals that are finished.
    ///
    /// # Errors
    /// As [`Folder::get`].
    pub fn finished(&self) -> Result<BTreeSet<DateTime<Utc>>> {
        let listed = self.0.list("finished")?;
        let start = |name: &str| NaiveDateTime::parse_from_str(name.strip_suffix(".json")?, NAME).ok();
        Ok(listed.iter().filter_map(|e| Some(start(&e.name)?.and_utc())).collect())
    }

    /// The end of the last interval that is finished.
    ///
    /// # Errors
    /// As [`record::read`].
    pub fn high_water(&self) -> Result<Option<DateTime<Utc>>> {
        let Some(last) = self.finished()?.last().copied() else { return Ok(None) };
        let rel = format!("finished/{}.json", interval_name(last));
        Ok(record::read::<Finished>(&self.0, &rel)?.map(|f| f.end))
    }

    /// Notes that an interval is finished. `false`: it was already.
    ///
    /// # Errors
    /// As [`record::create_once`].
    pub fn finish(&self, finished: &Finished) -> Result<bool> {
        let rel = format!("finished/{}.json", interval_name(finished.start));
        Ok(record::create_once(&self.0, &rel, &record::encode(finished)?)? == Outcome::Won)
    }

    /// Notes who works on an interval: for people.
    ///
    /// # Errors
    /// As [`Folder::get`].
    pub fn claim(&self, start: DateTime<Utc>, who: &str, now: DateTime<Utc>) -> Result<()> {
        let text = serde_json::json!({ "format": 1, "by": who, "at": now }).to_string();
        self.0.put(&format!("claims/{}.json", interval_name(start)), text.into())
    }
}
