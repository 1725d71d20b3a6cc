//! From scanned tables to a plan: prune, cut, pack, add up, and give it its digest.

use std::sync::Arc;

use serde::Serialize;

use super::limits::SIDE_TABLE_BYTES;
use super::pack::pack;
use super::prune::{Excludes, Unit, prune, units};
use super::scanned::{ScannedFile, ScannedTable};
use super::split::{Sizes, per_file, projected_bytes, splits, total_bytes, whole_files};
use super::types::{Header, PLAN_FORMAT, Plan, SHARDS_PER_BLOCK, Shard, SideTable, Table, Totals};
use crate::error::{Error, Result};
use crate::spec::{Format, Job};

/// Builds the plan of a job. The same arguments give the same plan.
///
/// - `inputs`, `side`: the scanned tables in the order of [`Job::inputs`] and [`Job::tables`].
/// - `excludes`: the predicate on each input, or empty: nothing is pruned.
/// - `projections`: for each input the columns that the job reads (positions in its schema);
///   `None`: all.
/// - `now_micros`, `buckets`: as in [`Header`].
///
/// # Errors
/// `Usage` if a side table is too large; those of pruning.
pub fn build(
    job: &Job,
    inputs: &[ScannedTable],
    side: &[ScannedTable],
    excludes: &[Arc<dyn Excludes>],
    projections: Option<&[Vec<usize>]>,
    now_micros: Option<i64>,
    buckets: u32,
) -> Result<Plan> {
    let mut totals = Totals::default();
    let mut parts = Vec::with_capacity(inputs.len());
    for (number, table) in inputs.iter().enumerate() {
        let projection = projections.and_then(|p| p.get(number)).map(Vec::as_slice);
        let kept = keep(table, excludes.get(number).map(AsRef::as_ref), projection, &mut totals)?;
        totals.bytes += total_bytes(table, &kept, projection);
        parts.push((table, kept, projection));
    }
    let sizes = Sizes::for_job(&job.shards, totals.bytes);
    let mut all = Vec::new();
    for (number, (table, kept, projection)) in (0_u32..).zip(parts) {
        all.append(&mut splits(number, table, &kept, projection, sizes));
    }
    if u32::try_from(all.len()).is_err() {
        return Err(Error::usage("the plan has more than 4,294,967,295 splits: read fewer or larger files"));
    }
    totals.splits = all.len() as u64;
    totals.rows = all.iter().map(|s| s.rows).sum();
    let shards = pack(all, &job.shards);
    let read = |s: &Shard| s.splits.iter().map(|s| s.bytes).sum::<u64>();
    totals.largest_shard = shards.iter().map(read).max().unwrap_or(0);
    let tables = side.iter().zip(0_u32..).map(|(table, number)| side_table(number, table));
    let mut header = Header {
        format: PLAN_FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        digest: String::new(),
        created_millis: None,
        job: job.clone(),
        now_micros,
        inputs: inputs.iter().map(|t| t.table.clone()).collect(),
        tables: tables.collect::<Result<_>>()?,
        buckets,
        shards: u32::try_from(shards.len()).unwrap_or(u32::MAX),
        block_costs: block_costs(&shards),
        totals,
    };
    header.digest = digest(&header, &shards)?;
    Ok(Plan { header, shards })
}

/// Which units are read; adds what is not to `totals`.
fn keep(
    table: &ScannedTable,
    by: Option<&dyn Excludes>,
    projection: Option<&[usize]>,
    totals: &mut Totals,
) -> Result<Vec<bool>> {
    totals.files += table.files.len() as u64;
    totals.file_bytes += table.files.iter().map(|f| f.bytes).sum::<u64>();
    let units = units(&table.files);
    let Some(by) = by else { return Ok(vec![true; units.len()]) };
    let reasons = prune(table, &units, by)?;
    let kept: Vec<bool> = reasons.iter().map(Option::is_none).collect();
    for (unit, reason) in units.iter().zip(reasons) {
        let file = table.files.get(unit.file);
        if let (Some(reason), Some(file)) = (reason, file) {
            count(*unit, file, table.table.format, projection, totals);
            *totals.pruned_by.entry(reason).or_default() += 1;
        }
    }
    let all_pruned = |(file, kept): &(&ScannedFile, &[bool])| file.bytes > 0 && !kept.contains(&true);
    totals.pruned_files += per_file(table, &kept).filter(all_pruned).count() as u64;
    Ok(kept)
}

fn count(unit: Unit, file: &ScannedFile, format: Format, projection: Option<&[usize]>, totals: &mut Totals) {
    match unit.row_group.and_then(|g| file.row_groups.get(g)) {
        Some(group) => {
            totals.pruned_row_groups += 1;
            totals.pruned_rows += group.rows;
            totals.pruned_bytes += projected_bytes(group, projection);
        }
        None if format != Format::Parquet => totals.pruned_bytes += file.bytes,
        None => (),
    }
}

fn side_table(number: u32, table: &ScannedTable) -> Result<SideTable> {
    let bytes: u64 = table.files.iter().map(|f| f.bytes).sum();
    if bytes > SIDE_TABLE_BYTES {
        return Err(too_large(bytes).with("table", &table.table.name));
    }
    let splits = whole_files(number, table);
    let stated = splits.iter().map(|s| s.rows).sum::<Option<u64>>();
    let rows = table.rows.or(stated).ok_or_else(|| {
        Error::internal("the rows of a side table were not counted").with("table", &table.table.name)
    })?;
    Ok(SideTable { table: table.table.clone(), splits, rows, bytes })
}

/// The error of a side table whose files have `bytes` bytes.
#[must_use]
pub fn too_large(bytes: u64) -> Error {
    Error::usage(format!(
        "the table's files have {bytes} bytes, but a side table is read whole by every process and may have at \
         most {SIDE_TABLE_BYTES}: make it the input and the smaller one the table, or reduce it by another job \
         first"
    ))
}

fn block_costs(shards: &[Shard]) -> Vec<u64> {
    let cost = |block: &[Shard]| block.iter().map(Shard::cost).fold(0, u64::saturating_add);
    shards.chunks(SHARDS_PER_BLOCK as usize).map(cost).collect()
}

/// Covers all that decides the output's bytes: version, job, schemas, files, cuts, pinned time.
fn digest(header: &Header, shards: &[Shard]) -> Result<String> {
    #[derive(Serialize)]
    struct Form<'a> {
        format: u32,
        version: &'a str,
        job: serde_json::Value,
        now_micros: Option<i64>,
        inputs: &'a [Table],
        tables: &'a [SideTable],
        buckets: u32,
    }
    let Header { format, version, job, now_micros, inputs, tables, buckets, .. } = header;
    let job = job.digest_form();
    let form =
        Form { format: *format, version, job, now_micros: *now_micros, inputs, tables, buckets: *buckets };
    let mut hasher = blake3::Hasher::new();
    let failed = |e| Error::internal("the plan has no form as JSON").because(e);
    serde_json::to_writer(&mut hasher, &form).map_err(failed)?;
    for shard in shards {
        serde_json::to_writer(&mut hasher, shard).map_err(failed)?;
    }
    Ok(hasher.finalize().to_hex().to_string())
}

#[cfg(test)]
mod tests {
    use super::super::prune::UnitStats;
    use super::super::testing::{file, job, parquet_file, table};
    use super::super::types::Extent;
    use super::*;
    use crate::error::Kind;
    use crate::spec::Shards;

    /// Excludes units by the parity of their number of rows, or of their position.
    struct Odd(Vec<String>);

    impl Excludes for Odd {
        fn columns(&self) -> &[String] {
            &self.0
        }

        fn excluded(&self, units: &UnitStats) -> Result<Vec<Option<String>>> {
            let odd = |rows: Option<u64>| rows.is_some_and(|r| r % 2 == 1).then(|| "odd rows".to_owned());
            Ok(units.rows.iter().map(odd).collect())
        }

        fn is_trivial(&self) -> bool {
            false
        }
    }

    const SHARDS: Shards = Shards { target_bytes: 1 << 20, count: None };

    #[test]
    fn totals_add_up_and_say_what_was_pruned() {
        let files = vec![
            parquet_file("/a", &[(1, 10), (2, 20), (3, 30)]),
            parquet_file("/b", &[(5, 50)]),
            parquet_file("/c", &[(4, 40)]),
            parquet_file("/empty", &[]),
        ];
        let input = table(crate::spec::Format::Parquet, files);
        let by: Arc<dyn Excludes> = Arc::new(Odd(vec!["a".into()]));
        let plan = build(&job(SHARDS), std::slice::from_ref(&input), &[], &[by], Some(&[vec![1]]), None, 1)
            .expect("a plan");
        let totals = &plan.header.totals;
        assert_eq!((totals.files, totals.pruned_files, totals.pruned_row_groups), (4, 1, 3));
        assert_eq!((totals.rows, totals.pruned_rows), (Some(6), 9));
        assert_eq!((totals.bytes, totals.pruned_bytes), (60, 90));
        assert_eq!(totals.pruned_by.get("odd rows"), Some(&3));
        assert_eq!((totals.splits, totals.largest_shard, plan.header.shards), (2, 60, 1));
        let all = build(&job(SHARDS), &[input], &[], &[], None, None, 1).expect("a plan");
        assert_eq!((all.header.totals.rows, all.header.totals.bytes), (Some(15), 300));
        assert_ne!(all.header.digest, plan.header.digest);
    }

    #[test]
    fn inputs_follow_one_another_and_text_states_no_rows() {
        let text = table(crate::spec::Format::Csv, vec![file("/a", 10), file("/none", 0)]);
        let parquet = table(crate::spec::Format::Parquet, vec![parquet_file("/p", &[(1, 1)])]);
        let plan = build(&job(SHARDS), &[text, parquet], &[], &[], None, None, 1).expect("a plan");
        let splits: Vec<_> =
            plan.shards.iter().flat_map(|s| &s.splits).map(|s| (s.input, s.extent)).collect();
        assert_eq!(
            splits,
            [(0, Extent::Bytes { start: 0, end: 10 }), (1, Extent::RowGroups { start: 0, end: 1 })]
        );
        assert_eq!(plan.header.totals.rows, None);
        let none = build(&job(SHARDS), &[], &[], &[], None, None, 1).expect("a plan");
        assert_eq!((none.header.shards, none.shards.len(), none.header.totals.rows), (0, 0, Some(0)));
    }

    #[test]
    fn side_tables_are_whole_counted_and_bounded() {
        let mut side = table(crate::spec::Format::Csv, vec![file("/s", 10)]);
        let plan =
            |side: &ScannedTable| build(&job(SHARDS), &[], std::slice::from_ref(side), &[], None, None, 1);
        assert_eq!(plan(&side).expect_err("not counted").kind(), Kind::Internal);
        side.rows = Some(3);
        let table = &plan(&side).expect("a plan").header.tables[0];
        assert_eq!((table.rows, table.bytes, table.splits[0].extent), (3, 10, Extent::Whole));
        side.files[0].bytes = SIDE_TABLE_BYTES + 1;
        assert_eq!(plan(&side).expect_err("too large").kind(), Kind::Usage);
    }
}
