//! Runs that exist: how far one is, a list of them, what was removed. Pure.

use crate::ops::{GcReport, RunSummary, StatusReport};

use super::super::failure::printable;
use super::super::units::{bytes, counted};
use super::run::share;

/// Failed shards that are named one by one unless `wide`.
const MAX_FAILED: usize = 20;

/// How far a run is.
pub(super) fn status(report: &StatusReport, wide: bool) -> String {
    let run = &report.summary;
    let mut rows = vec![
        ("run", run.run.clone()),
        ("folder", run.folder.clone()),
        ("state", run.state.name().to_owned()),
        ("shards", format!("{} committed", share(run.committed, run.shards))),
        ("read", format!("{}, {} fetched", counted(report.rows_read, "row"), bytes(report.bytes_read))),
    ];
    if report.rejected > 0 {
        rows.push(("left out", format!("{}: not readable", counted(report.rejected, "record"))));
    }
    let shown = if wide { report.failed.len() } else { MAX_FAILED };
    rows.extend(
        report.failed.iter().take(shown).map(|(shard, why)| ("failed", format!("shard {shard:06}: {why}"))),
    );
    if report.failed.len() > shown {
        rows.push(("failed", format!("{} more: -o wide", report.failed.len() - shown)));
    }
    if let Some(created) = &run.created {
        rows.push(("created", format!("{created} by dp {}", report.version)));
    }
    if let (Some(output), Some(p)) = (&run.output, &report.published) {
        let size = format!("{} in {}, {}", counted(p.rows, "row"), counted(p.files, "file"), bytes(p.bytes));
        rows.push(("output", format!("{output}: {size}")));
    }
    rows.iter().map(|(name, fact)| format!("{name:8}  {}\n", one_line(fact))).collect::<Vec<_>>().concat()
}

/// Runs as columns; `wide` adds their places.
pub(super) fn list(runs: &[RunSummary], wide: bool) -> String {
    let mut head = vec!["RUN", "STATE", "SHARDS", "CREATED"];
    if wide {
        head.extend(["FOLDER", "OUTPUT"]);
    }
    let mut rows = vec![head.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    for run in runs {
        let or_dash = |text: &Option<String>| text.as_deref().map_or_else(|| "-".to_owned(), one_line);
        let mut row = vec![
            one_line(&run.run),
            run.state.name().to_owned(),
            share(run.committed, run.shards),
            or_dash(&run.created),
        ];
        if wide {
            row.extend([one_line(&run.folder), or_dash(&run.output)]);
        }
        rows.push(row);
    }
    columns(&rows)
}

/// What was removed.
pub(super) fn gc(report: &GcReport) -> String {
    format!("{}: {} removed, {}\n", one_line(&report.run), counted(report.files, "file"), bytes(report.bytes))
}

fn one_line(text: &str) -> String {
    printable(text).replace('\n', " ")
}

/// Cells in columns three blanks apart, as kubectl prints them.
pub(super) fn columns(rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (i, cell) in row.iter().enumerate() {
            let width = cell.chars().count();
            match widths.get_mut(i) {
                Some(widest) => *widest = width.max(*widest),
                None => widths.push(width),
            }
        }
    }
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}   "));
        format!("{}\n", cells.collect::<Vec<_>>().concat().trim_end())
    };
    rows.iter().map(line).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::ops::{Published, State};

    fn summary(run: &str, state: State) -> RunSummary {
        RunSummary {
            run: run.to_owned(),
            folder: format!("/o/_dp/{run}"),
            state,
            shards: 40,
            committed: 12,
            created: (state == State::Started).then(|| "2026-11-22T10:00:00Z".to_owned()),
            output: Some("/o".to_owned()),
        }
    }

    #[test]
    fn a_list_is_aligned() {
        let runs = [summary("delays-0a1b2c3d", State::Started), summary("r", State::Done)];
        assert_eq!(
            list(&runs, false),
            "RUN               STATE     SHARDS   CREATED\n\
             delays-0a1b2c3d   started   12/40    2026-11-22T10:00:00Z\n\
             r                 done      12/40    -\n"
        );
        assert!(list(&runs, true).ends_with("-                      /o/_dp/r                 /o\n"));
        assert_eq!(list(&[], false), "RUN   STATE   SHARDS   CREATED\n");
    }

    #[test]
    fn a_status_names_what_failed() {
        let report = StatusReport {
            summary: summary("r", State::Started),
            version: "0.1.0".to_owned(),
            plan_bytes: 2048,
            rows_read: 7,
            bytes_read: 1024,
            rejected: 1,
            failed: BTreeMap::from([(3, "row has 3 fields\nfile a.csv".to_owned())]),
            published: None,
        };
        assert_eq!(
            status(&report, false),
            "run       r\nfolder    /o/_dp/r\nstate     started\nshards    12/40 committed\n\
             read      7 rows, 1.00 KiB fetched\nleft out  1 record: not readable\n\
             failed    shard 000003: row has 3 fields file a.csv\n\
             created   2026-11-22T10:00:00Z by dp 0.1.0\n"
        );
        let published = Some(Published { files: 1, rows: 2, bytes: 3 });
        let many = (0..25).map(|i| (i, "x".to_owned())).collect();
        let text = status(&StatusReport { published, failed: many, ..report }, false);
        assert!(text.contains("failed    5 more: -o wide\n"), "{text}");
        assert!(text.ends_with("output    /o: 2 rows in 1 file, 3 B\n"), "{text}");
    }
}
