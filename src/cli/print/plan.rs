//! What a plan will do. Pure.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::ops::PlanReport;
use crate::plan::{Extent, Shard, Totals};

use super::super::failure::printable;
use super::super::units::{bytes, count, counted};

/// Conditions that pruned, and splits of a shard, that are named one by one unless `wide`.
const MAX_LINES: usize = 20;

/// For people: one fact a line, its name first.
pub(super) fn text(report: &PlanReport, wide: bool) -> String {
    let totals = &report.plan.totals;
    let mut lines = Lines::default();
    lines.add("run", &report.run);
    if let Some(folder) = &report.folder {
        lines.add("folder", &format!("{folder} ({})", if report.frozen { "written" } else { "not written" }));
    }
    lines.add("plan", &report.plan.digest);
    lines.add("input", &format!("{}, {}", counted(totals.files, "file"), bytes(totals.file_bytes)));
    lines.add("reads", &reads(totals, report.plan.shards));
    lines.add("skew", &skew(totals, report.plan.shards));
    pruned(totals, wide, &mut lines);
    for side in &report.plan.tables {
        let size = format!("{}, {}", counted(side.rows, "row"), bytes(side.bytes));
        lines.add(&format!("table {}", side.table.name), &size);
    }
    lines.add("memory", &format!("about {}", bytes(report.memory_bytes)));
    for part in &report.cut {
        for (i, step) in part.steps.iter().enumerate() {
            lines.add(if i == 0 { &part.stage } else { "" }, step);
        }
    }
    if let Some(shard) = &report.shard {
        splits(shard, wide, &mut lines);
    }
    lines.text()
}

/// For programs: the report as it is.
pub(super) fn json(report: &PlanReport) -> Result<Value> {
    serde_json::to_value(report).map_err(|e| Error::internal("the plan cannot be printed").because(e))
}

fn reads(totals: &Totals, shards: u32) -> String {
    let rows = totals.rows.map_or_else(String::new, |n| format!(", {}", counted(n, "row")));
    let (shards, splits) = (counted(u64::from(shards), "shard"), counted(totals.splits, "split"));
    format!("{}{rows} in {shards} ({splits})", bytes(totals.bytes))
}

fn skew(totals: &Totals, shards: u32) -> String {
    let largest = totals.largest_shard;
    let mean = totals.bytes.checked_div(u64::from(shards)).unwrap_or(0);
    match (u128::from(largest) * 100).checked_div(u128::from(mean)) {
        Some(times) => {
            format!("largest shard {}, {}.{:02} x the mean", bytes(largest), times / 100, times % 100)
        }
        None => format!("largest shard {}", bytes(largest)),
    }
}

fn pruned(totals: &Totals, wide: bool, lines: &mut Lines) {
    if totals.pruned_files == 0 && totals.pruned_row_groups == 0 {
        return;
    }
    lines.add(
        "pruned",
        &format!(
            "{}, {}, {}, {}",
            counted(totals.pruned_files, "file"),
            counted(totals.pruned_row_groups, "row group"),
            counted(totals.pruned_rows, "row"),
            bytes(totals.pruned_bytes)
        ),
    );
    let reasons = totals.pruned_by.iter().map(|(why, n)| format!("{}  by  {why}", count(*n)));
    lines.some(&reasons.collect::<Vec<_>>(), wide);
}

fn splits(shard: &Shard, wide: bool, lines: &mut Lines) {
    let size = shard.splits.iter().map(|s| s.bytes).sum();
    lines.add(
        "shard",
        &format!("{}: {}, {}", shard.id, counted(shard.splits.len() as u64, "split"), bytes(size)),
    );
    let each = shard.splits.iter().map(|split| {
        let part = match split.extent {
            Extent::RowGroups { start, end } => format!("row groups {start}..{end}"),
            Extent::Bytes { start, end } => format!("bytes {start}..{end}"),
            Extent::Whole => "whole".to_owned(),
        };
        format!("{}, {part}, {}", split.path, bytes(split.bytes))
    });
    lines.some(&each.collect::<Vec<_>>(), wide);
}

/// Lines of a name and a fact, aligned.
#[derive(Default)]
struct Lines(Vec<(String, String)>);

impl Lines {
    fn add(&mut self, name: &str, fact: &str) {
        self.0.push((printable(name), printable(fact).replace('\n', " ")));
    }

    /// Facts without a name, the first [`MAX_LINES`] unless `wide`.
    fn some(&mut self, facts: &[String], wide: bool) {
        let (all, shown) = (facts.len(), if wide { facts.len() } else { MAX_LINES });
        facts.iter().take(shown).for_each(|fact| self.add("", fact));
        if all > shown {
            self.add("", &format!("{} more: -o wide", count((all - shown) as u64)));
        }
    }

    fn text(&self) -> String {
        let width = self.0.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        self.0.iter().map(|(name, fact)| format!("{name:width$}  {fact}\n")).collect::<Vec<_>>().concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_aligned_and_long_lists_cut() {
        let mut lines = Lines::default();
        lines.add("run", "r");
        lines.add("table carriers", "16 rows\n\u{1b}");
        lines.some(&(0..22).map(|i| format!("f{i}")).collect::<Vec<_>>(), false);
        let text = lines.text();
        assert!(
            text.starts_with("run             r\ntable carriers  16 rows \\u{1b}\n                f0\n"),
            "{text}"
        );
        assert!(text.ends_with("                f19\n                2 more: -o wide\n"), "{text}");
    }

    #[test]
    fn skew_is_against_the_mean() {
        let totals = Totals { bytes: 4 << 20, largest_shard: 3 << 20, ..Totals::default() };
        assert_eq!(skew(&totals, 2), "largest shard 3.00 MiB, 1.50 x the mean");
        assert_eq!(skew(&totals, 0), "largest shard 3.00 MiB");
        assert_eq!(skew(&Totals::default(), 3), "largest shard 0 B");
    }

    #[test]
    fn what_is_pruned_is_told_with_the_reason() {
        let mut lines = Lines::default();
        pruned(&Totals::default(), false, &mut lines);
        assert_eq!(lines.text(), "");
        let mut totals =
            Totals { pruned_files: 1, pruned_row_groups: 12, pruned_rows: 1000, ..Totals::default() };
        totals.pruned_bytes = 2048;
        totals.pruned_by.insert("year >= 2014".to_owned(), 12);
        pruned(&totals, false, &mut lines);
        assert_eq!(
            lines.text(),
            "pruned  1 file, 12 row groups, 1,000 rows, 2.00 KiB\n        12  by  year >= 2014\n"
        );
        assert_eq!(reads(&totals, 0), "0 B in 0 shards (0 splits)");
    }
}
