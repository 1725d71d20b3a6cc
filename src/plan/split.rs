//! Cutting files into splits.

use super::limits::{SPLIT_PARQUET_BYTES, SPLIT_ROWS, SPLIT_TEXT_BYTES, SPLITS_PER_SHARD};
use super::scanned::{RowGroup, ScannedFile, ScannedTable};
use super::types::{Extent, Split};
use crate::spec::{Format, Shards, TextCompression};

/// How large splits become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Most projected compressed bytes of adjacent row groups in one split.
    pub parquet_bytes: u64,
    /// Bytes of a split of text.
    pub text_bytes: u64,
}

impl Sizes {
    /// The sizes for a job that reads `total` bytes: with a stated number of shards, small enough
    /// that each shard gets several splits.
    #[must_use]
    pub fn for_job(shards: &Shards, total: u64) -> Self {
        let share = shards
            .count
            .map_or(u64::MAX, |count| (total / u64::from(count.max(1)) / SPLITS_PER_SHARD).max(1));
        Self { parquet_bytes: SPLIT_PARQUET_BYTES.min(share), text_bytes: SPLIT_TEXT_BYTES.min(share) }
    }
}

/// Bytes that a job reads of a row group: those of the projected columns.
#[must_use]
pub fn projected_bytes(group: &RowGroup, projection: Option<&[usize]>) -> u64 {
    match projection {
        None => group.column_bytes.iter().sum(),
        Some(columns) => columns.iter().filter_map(|c| group.column_bytes.get(*c)).sum(),
    }
}

/// Bytes that a job reads of a file of `format` whose kept row groups are `kept`.
fn file_bytes(file: &ScannedFile, format: Format, kept: &[bool], projection: Option<&[usize]>) -> u64 {
    match format {
        Format::Parquet => {
            let groups = file.row_groups.iter().zip(kept).filter(|(_, kept)| **kept);
            groups.map(|(g, _)| projected_bytes(g, projection)).sum()
        }
        Format::Csv | Format::Jsonl if kept.first() == Some(&true) => file.bytes,
        Format::Csv | Format::Jsonl => 0,
    }
}

/// The kept units of each file: its row groups, or one element for a file without any.
pub(super) fn per_file<'a>(
    table: &'a ScannedTable,
    kept: &'a [bool],
) -> impl Iterator<Item = (&'a ScannedFile, &'a [bool])> {
    let mut rest = kept;
    table.files.iter().map(move |file| {
        let (own, behind) = rest.split_at_checked(file.row_groups.len().max(1)).unwrap_or((rest, &[]));
        rest = behind;
        (file, own)
    })
}

/// Bytes that a job reads of a table whose kept units (see [`super::units`]) are `kept`.
#[must_use]
pub fn total_bytes(table: &ScannedTable, kept: &[bool], projection: Option<&[usize]>) -> u64 {
    let format = table.table.format;
    per_file(table, kept).map(|(file, kept)| file_bytes(file, format, kept, projection)).sum()
}

/// The splits of a table in plan order. Each kept row group, and each byte of each kept text file,
/// is in exactly one of them.
#[must_use]
pub fn splits(
    input: u32,
    table: &ScannedTable,
    kept: &[bool],
    projection: Option<&[usize]>,
    sizes: Sizes,
) -> Vec<Split> {
    let mut out = Vec::new();
    for (file, kept) in per_file(table, kept) {
        match table.table.format {
            Format::Parquet => row_groups(input, file, kept, projection, sizes.parquet_bytes, &mut out),
            Format::Csv | Format::Jsonl if kept.first() == Some(&true) => {
                text(input, file, sizes.text_bytes, &mut out);
            }
            Format::Csv | Format::Jsonl => (),
        }
    }
    out
}

/// One split per file: for side tables, whose readers must not guess where a record begins.
#[must_use]
pub fn whole_files(table_number: u32, table: &ScannedTable) -> Vec<Split> {
    let files = table.files.iter().filter(|f| f.bytes > 0);
    let whole = files.map(|file| {
        let rows =
            (table.table.format == Format::Parquet).then(|| file.row_groups.iter().map(|g| g.rows).sum());
        split(table_number, file, Extent::Whole, rows, file.bytes)
    });
    whole.collect()
}

fn split(input: u32, file: &ScannedFile, extent: Extent, rows: Option<u64>, bytes: u64) -> Split {
    Split {
        input,
        path: file.path.clone(),
        file_bytes: file.bytes,
        etag: file.etag.clone(),
        extent,
        compression: file.compression,
        folder_values: file.folder_values.clone(),
        rows,
        bytes,
    }
}

fn row_groups(
    input: u32,
    file: &ScannedFile,
    kept: &[bool],
    projection: Option<&[usize]>,
    most_bytes: u64,
    out: &mut Vec<Split>,
) {
    let mut open: Option<(u32, u64, u64)> = None;
    let mut close = |open: &mut Option<(u32, u64, u64)>, end: u32| {
        if let Some((start, rows, bytes)) = open.take() {
            out.push(split(input, file, Extent::RowGroups { start, end }, Some(rows), bytes));
        }
    };
    for ((number, group), kept) in (0_u32..).zip(&file.row_groups).zip(kept) {
        if !kept {
            close(&mut open, number);
            continue;
        }
        let bytes = projected_bytes(group, projection);
        if open.is_some_and(|(_, r, b)| r + group.rows > SPLIT_ROWS || b + bytes > most_bytes) {
            close(&mut open, number);
        }
        let (start, rows, sum) = open.unwrap_or((number, 0, 0));
        open = Some((start, rows + group.rows, sum + bytes));
    }
    close(&mut open, u32::try_from(file.row_groups.len()).unwrap_or(u32::MAX));
}

fn text(input: u32, file: &ScannedFile, step: u64, out: &mut Vec<Split>) {
    if file.bytes == 0 {
        return;
    }
    if file.compression != TextCompression::None {
        out.push(split(input, file, Extent::Whole, None, file.bytes));
        return;
    }
    let step = step.max(1);
    let mut start = 0;
    while start < file.bytes {
        let left = file.bytes - start;
        // The last one takes a rest of less than half a split.
        let end = if left < step.saturating_add(step.div_ceil(2)) { file.bytes } else { start + step };
        out.push(split(input, file, Extent::Bytes { start, end }, None, end - start));
        start = end;
    }
}
