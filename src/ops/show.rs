//! The first rows of a published result, read back from its files.

use std::io::Cursor;

use arrow::array::RecordBatch;

use crate::error::{Error, Result};
use crate::job::sql::BATCH_ROWS;
use crate::plan::{Extent, Header, Split, Table};
use crate::spec::{BadRecords, Dataset, Format, OutputFormat};
use crate::store::client::Stores;
use crate::store::commit::RunFolder;
use crate::store::manifest::Manifest;
use crate::store::read::open_split;
use crate::store::scan::scan;

/// Arrow files are read whole to be shown, up to this size.
const ARROW_BYTES_MAX: u64 = 64 << 20;

/// At most `wanted` first rows.
///
/// # Errors
/// The result cannot be read back.
pub fn first_rows(
    stores: &Stores,
    header: &Header,
    run: &RunFolder,
    manifest: &Manifest,
    wanted: usize,
) -> Result<Vec<RecordBatch>> {
    let Some(output) = &header.job.output else { return Ok(Vec::new()) };
    let mut rows = Vec::new();
    let mut left = wanted;
    for file in &manifest.files {
        if left == 0 {
            break;
        }
        let format = match output.format {
            OutputFormat::Parquet => Format::Parquet,
            OutputFormat::Csv => Format::Csv,
            OutputFormat::Jsonl => Format::Jsonl,
            OutputFormat::Arrow => {
                if file.bytes <= ARROW_BYTES_MAX
                    && let Some(bytes) = run.output.get(&file.name)?
                {
                    let reader = arrow::ipc::reader::FileReader::try_new(Cursor::new(bytes), None)
                        .map_err(unreadable)?;
                    take(reader.map(|b| b.map_err(unreadable)), &mut left, &mut rows)?;
                }
                continue;
            }
        };
        let mut dataset = Dataset::new("result", vec![run.output.location().join(&file.name)]);
        dataset.format = Some(format);
        dataset.hive = false;
        let scanned = scan(stores, &dataset)?;
        for found in &scanned.files {
            let table: &[Table] = std::slice::from_ref(&scanned.table);
            let columns: Vec<usize> = (0..scanned.table.schema.fields().len()).collect();
            let groups = u32::try_from(found.row_groups.len()).unwrap_or(u32::MAX);
            let extent = match format {
                Format::Parquet => Extent::RowGroups { start: 0, end: groups },
                Format::Csv | Format::Jsonl => Extent::Whole,
            };
            let split = Split {
                input: 0,
                path: found.path.clone(),
                file_bytes: found.bytes,
                etag: found.etag.clone(),
                extent,
                compression: found.compression,
                folder_values: Vec::new(),
                rows: Some(file.rows),
                bytes: found.bytes,
            };
            let reader = open_split(stores, table, &split, &columns, None, BadRecords::Fail, BATCH_ROWS)?;
            take(reader, &mut left, &mut rows)?;
        }
    }
    Ok(rows)
}

fn take(
    batches: impl Iterator<Item = Result<RecordBatch>>,
    left: &mut usize,
    rows: &mut Vec<RecordBatch>,
) -> Result<()> {
    for batch in batches {
        let batch = batch?;
        let count = batch.num_rows().min(*left);
        if count > 0 {
            rows.push(batch.slice(0, count));
        }
        *left -= count;
        if *left == 0 {
            break;
        }
    }
    Ok(())
}

fn unreadable(error: arrow::error::ArrowError) -> Error {
    Error::internal("the result cannot be read back").because(error)
}
