//! Results on standard output: each report as text, JSON or YAML.

mod cluster;
mod plan;
mod run;
mod runs;
mod table;
mod yaml;

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::ops::{
    ClusterRun, ClusterStatus, Finding, GcReport, PlanReport, RunReport, RunSummary, StatusReport, Submitted,
};

use super::args::OutputMode;

/// A result as text for standard output.
pub(super) trait Report {
    /// For people.
    fn text(&self, wide: bool) -> Result<String>;
    /// For programs.
    fn json(&self) -> Result<Value>;
    /// The names in it, of runs.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Report for RunReport {
    fn text(&self, wide: bool) -> Result<String> {
        run::text(self, wide)
    }
    fn json(&self) -> Result<Value> {
        run::json(self)
    }
    fn names(&self) -> Vec<String> {
        vec![self.run.clone()]
    }
}

impl Report for PlanReport {
    fn text(&self, wide: bool) -> Result<String> {
        Ok(plan::text(self, wide))
    }
    fn json(&self) -> Result<Value> {
        plan::json(self)
    }
    fn names(&self) -> Vec<String> {
        vec![self.run.clone()]
    }
}

impl Report for StatusReport {
    fn text(&self, wide: bool) -> Result<String> {
        Ok(runs::status(self, wide))
    }
    fn json(&self) -> Result<Value> {
        as_is(self)
    }
    fn names(&self) -> Vec<String> {
        vec![self.summary.run.clone()]
    }
}

impl Report for Vec<RunSummary> {
    fn text(&self, wide: bool) -> Result<String> {
        Ok(runs::list(self, wide))
    }
    fn json(&self) -> Result<Value> {
        as_is(self)
    }
    fn names(&self) -> Vec<String> {
        self.iter().map(|r| r.run.clone()).collect()
    }
}

impl Report for GcReport {
    fn text(&self, _wide: bool) -> Result<String> {
        Ok(runs::gc(self))
    }
    fn json(&self) -> Result<Value> {
        as_is(self)
    }
    fn names(&self) -> Vec<String> {
        vec![self.run.clone()]
    }
}

impl Report for Submitted {
    fn text(&self, wide: bool) -> Result<String> {
        cluster::submitted(self, wide)
    }
    fn json(&self) -> Result<Value> {
        cluster::submitted_json(self)
    }
    fn names(&self) -> Vec<String> {
        cluster::submitted_names(self)
    }
}

impl Report for ClusterStatus {
    fn text(&self, wide: bool) -> Result<String> {
        Ok(cluster::status(self, wide))
    }
    fn json(&self) -> Result<Value> {
        as_is(self)
    }
    fn names(&self) -> Vec<String> {
        vec![self.name.clone()]
    }
}

impl Report for Vec<ClusterRun> {
    fn text(&self, wide: bool) -> Result<String> {
        Ok(cluster::list(self, wide))
    }
    fn json(&self) -> Result<Value> {
        as_is(self)
    }
    fn names(&self) -> Vec<String> {
        self.iter().map(|r| r.name.clone()).collect()
    }
}

impl Report for Vec<Finding> {
    fn text(&self, _wide: bool) -> Result<String> {
        Ok(cluster::findings(self))
    }
    fn json(&self) -> Result<Value> {
        as_is(self)
    }
}

/// Objects for `kubectl apply`: as YAML documents.
impl Report for Vec<Value> {
    fn text(&self, _wide: bool) -> Result<String> {
        Ok(self.iter().map(|object| format!("---\n{}", yaml::document(object))).collect())
    }
    fn json(&self) -> Result<Value> {
        Ok(Value::Array(self.clone()))
    }
}

/// The report in the format asked for, ended by a line end.
pub(super) fn render(report: &impl Report, mode: OutputMode) -> Result<String> {
    match mode {
        OutputMode::Text => report.text(false),
        OutputMode::Wide => report.text(true),
        OutputMode::Json => Ok(format!("{:#}\n", report.json()?)),
        OutputMode::Yaml => Ok(yaml::document(&report.json()?)),
        OutputMode::Name => Ok(report.names().iter().map(|name| format!("{name}\n")).collect()),
    }
}

/// Writes to standard output. Whoever reads it may stop doing so: that is no error.
pub(super) fn to_stdout(text: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::stop("cannot write to standard output").because(e))
        }
        _ => Ok(()),
    }
}

fn as_is(report: &impl Serialize) -> Result<Value> {
    serde_json::to_value(report).map_err(|e| Error::internal("the report cannot be printed").because(e))
}
