//! What a run did. Pure.

use serde_json::{Map, Value, json};

use crate::error::Result;
use crate::ops::{Outcome, RunReport};

use super::super::failure::printable;
use super::super::units::{count, counted};
use super::table;

/// For people: the first rows, then how many there are and where.
pub(super) fn text(report: &RunReport, wide: bool) -> Result<String> {
    if let Outcome::Replayed { shard, same } = report.outcome {
        let verdict = match same {
            Some(true) => "its bytes equal those that are committed",
            Some(false) => "ITS BYTES DIFFER from those that are committed",
            None => "it is not committed yet, so there is nothing to compare with",
        };
        return Ok(format!("shard {shard}: {} computed again; {verdict}\n", counted(report.rows, "row")));
    }
    let shown: u64 = report.first.iter().map(|b| b.num_rows() as u64).sum();
    let mut lines = vec![table::table(&report.schema, &report.first, wide)?];
    if shown < report.rows {
        lines.push(format!("{} more\n", counted(report.rows - shown, "row")));
    }
    let place = report.output.as_ref();
    let place = place.map(|url| format!(" in {} at {}", counted(report.files, "file"), printable(url)));
    let already = if report.outcome == Outcome::AlreadyDone { " (done already)" } else { "" };
    lines.push(format!("{}{}{already}\n", counted(report.rows, "row"), place.unwrap_or_default()));
    if report.rejected > 0 {
        lines.push(format!("{} left out: not readable\n", counted(report.rejected, "record")));
    }
    Ok(lines.concat())
}

/// For programs.
pub(super) fn json(report: &RunReport) -> Result<Value> {
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| drop(object.insert(key.to_owned(), value));
    put("run", json!(report.run));
    put("folder", json!(report.folder));
    match report.outcome {
        Outcome::Done => put("outcome", json!("done")),
        Outcome::AlreadyDone => put("outcome", json!("already-done")),
        Outcome::Replayed { shard, same } => {
            put("outcome", json!("replayed"));
            put("shard", json!(shard));
            put("same", json!(same));
        }
    }
    put("output", json!(report.output));
    put("files", json!(report.files));
    put("rows", json!(report.rows));
    put("bytes", json!(report.bytes));
    put("rejected", json!(report.rejected));
    put("wallSeconds", json!(report.wall.as_secs_f64()));
    put("firstRows", Value::Array(table::objects(&report.first)?));
    Ok(Value::Object(object))
}

/// In a table of runs: `12/40`.
pub(super) fn share(done: u32, all: u32) -> String {
    format!("{}/{}", count(u64::from(done)), count(u64::from(all)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use arrow::array::{ArrayRef, Int64Array, RecordBatch};

    use super::*;
    use crate::id::ShardId;

    fn report(outcome: Outcome) -> RunReport {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let first = RecordBatch::try_from_iter([("n", column)]).unwrap();
        RunReport {
            run: "r-12".to_owned(),
            folder: "/o/_dp/r-12".to_owned(),
            outcome,
            output: Some("/o".to_owned()),
            files: 1,
            rows: 2000,
            bytes: 900,
            rejected: 0,
            wall: Duration::from_millis(1500),
            schema: first.schema(),
            first: vec![first],
        }
    }

    #[test]
    fn the_last_line_says_how_much_is_where() {
        let table = "+---+\n| n |\n+---+\n| 1 |\n| 2 |\n+---+\n";
        let done = report(Outcome::Done);
        assert_eq!(
            text(&done, false).unwrap(),
            format!("{table}1,998 rows more\n2,000 rows in 1 file at /o\n")
        );
        let whole = RunReport { rows: 2, rejected: 1, ..report(Outcome::AlreadyDone) };
        assert_eq!(
            text(&whole, false).unwrap(),
            format!("{table}2 rows in 1 file at /o (done already)\n1 record left out: not readable\n")
        );
        let kept_nowhere = RunReport { rows: 2, output: None, ..done };
        assert_eq!(text(&kept_nowhere, false).unwrap(), format!("{table}2 rows\n"));
    }

    #[test]
    fn a_replay_gives_a_verdict() {
        for (same, want) in [(Some(true), "equal"), (Some(false), "DIFFER"), (None, "not committed")] {
            let replayed = report(Outcome::Replayed { shard: ShardId(7), same });
            let text = text(&replayed, false).unwrap();
            assert!(text.starts_with("shard 000007: 2,000 rows") && text.contains(want), "{text}");
        }
    }

    #[test]
    fn json_has_stable_fields() {
        assert_eq!(
            json(&report(Outcome::Done)).unwrap().to_string(),
            "{\"run\":\"r-12\",\"folder\":\"/o/_dp/r-12\",\"outcome\":\"done\",\"output\":\"/o\",\"files\":1,\
             \"rows\":2000,\"bytes\":900,\"rejected\":0,\"wallSeconds\":1.5,\"firstRows\":[{\"n\":1},{\"n\":2}]}"
        );
        let replayed = json(&report(Outcome::Replayed { shard: ShardId(7), same: None })).unwrap();
        assert_eq!((&replayed["shard"], &replayed["same"]), (&json!(7), &Value::Null));
    }
}
