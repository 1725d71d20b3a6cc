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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{file, parquet_file, parquet_files, table};
    use super::super::units;
    use super::*;

    fn ranges(splits: &[Split]) -> Vec<(String, u64, u64)> {
        let range = |s: &Split| match s.extent {
            Extent::RowGroups { start, end } => (s.path.clone(), u64::from(start), u64::from(end)),
            Extent::Bytes { start, end } => (s.path.clone(), start, end),
            Extent::Whole => (s.path.clone(), 0, u64::MAX),
        };
        splits.iter().map(range).collect()
    }

    const SIZES: Sizes = Sizes { parquet_bytes: 100, text_bytes: 10 };

    #[test]
    fn texts_are_cut_and_the_last_piece_takes_a_small_rest() {
        let cases: [(u64, &[(u64, u64)]); 6] = [
            (0, &[]),
            (1, &[(0, 1)]),
            (14, &[(0, 14)]),
            (15, &[(0, 10), (10, 15)]),
            (24, &[(0, 10), (10, 24)]),
            (25, &[(0, 10), (10, 20), (20, 25)]),
        ];
        for (bytes, expected) in cases {
            let table = table(Format::Csv, vec![file("/a", bytes)]);
            let found = ranges(&splits(0, &table, &[true], None, SIZES));
            assert_eq!(found.iter().map(|r| (r.1, r.2)).collect::<Vec<_>>(), expected, "{bytes}");
        }
        let mut packed = file("/a.gz", 1000);
        packed.compression = TextCompression::Gzip;
        let found = splits(3, &table(Format::Csv, vec![packed]), &[true], None, SIZES);
        assert_eq!(
            (found.len(), found[0].extent, found[0].bytes, found[0].input),
            (1, Extent::Whole, 1000, 3)
        );
    }

    #[test]
    fn adjacent_row_groups_are_packed_up_to_the_limits() {
        let table = table(
            Format::Parquet,
            vec![
                parquet_file("/a", &[(10, 20), (10, 30), (10, 1), (10, 500), (10, 1)]),
                parquet_file("/b", &[(SPLIT_ROWS, 1), (1, 1), (1, 1)]),
                parquet_file("/c", &[]),
            ],
        );
        let mut kept = vec![true; 9];
        let cut = |kept: &[bool], projection: Option<&[usize]>| {
            let found = splits(0, &table, kept, projection, SIZES);
            found.iter().map(|s| (s.path.clone(), s.extent, s.rows, s.bytes)).collect::<Vec<_>>()
        };
        let group = |path: &str, start, end, rows, bytes| {
            (path.to_owned(), Extent::RowGroups { start, end }, Some(rows), bytes)
        };
        let expected = [
            group("/a", 0, 2, 20, 100),
            group("/a", 2, 3, 10, 2),
            group("/a", 3, 4, 10, 1000),
            group("/a", 4, 5, 10, 2),
            group("/b", 0, 1, SPLIT_ROWS, 2),
            group("/b", 1, 3, 2, 4),
        ];
        assert_eq!(cut(&kept, None), expected);
        kept[1] = false;
        kept[5] = false;
        let expected = [
            group("/a", 0, 1, 10, 20),
            group("/a", 2, 3, 10, 1),
            group("/a", 3, 4, 10, 500),
            group("/a", 4, 5, 10, 1),
            group("/b", 1, 3, 2, 2),
        ];
        assert_eq!(cut(&kept, Some(&[1])), expected);
        assert_eq!(cut(&kept, Some(&[])).len(), 3);
    }

    proptest! {
        #[test]
        fn every_kept_row_group_is_in_one_split(
            files in parquet_files(),
            drop in prop::collection::vec(any::<bool>(), 100),
            count in prop::option::of(1..50_u32),
        ) {
            let table = table(Format::Parquet, files);
            let units = units(&table.files);
            let kept: Vec<bool> = drop.iter().copied().cycle().take(units.len()).collect();
            let total = total_bytes(&table, &kept, None);
            let sizes = Sizes::for_job(&Shards { target_bytes: 1, count }, total);
            let found = splits(0, &table, &kept, None, sizes);
            let mut covered = Vec::new();
            for split in &found {
                let Extent::RowGroups { start, end } = split.extent else { panic!("row groups") };
                let file = table.files.iter().position(|f| f.path == split.path).expect("a file");
                prop_assert!(start < end);
                let groups = &table.files[file].row_groups[start as usize..end as usize];
                prop_assert_eq!(split.rows, Some(groups.iter().map(|g| g.rows).sum()));
                let single = end - start == 1;
                prop_assert!(single || (split.bytes <= sizes.parquet_bytes && split.rows <= Some(SPLIT_ROWS)));
                covered.extend((start..end).map(|g| (file, Some(g as usize))));
            }
            let expected = units.iter().zip(&kept).filter(|(u, k)| **k && u.row_group.is_some());
            let expected: Vec<_> = expected.map(|(u, _)| (u.file, u.row_group)).collect();
            prop_assert_eq!(covered, expected);
            prop_assert_eq!(found.iter().map(|s| s.bytes).sum::<u64>(), total);
        }

        #[test]
        fn every_byte_of_a_text_is_in_one_split(
            bytes in prop::collection::vec(0..5000_u64, 1..20),
            count in 1..200_u32,
        ) {
            let files = bytes.iter().enumerate().map(|(i, b)| file(&format!("/f{i:03}"), *b)).collect();
            let table = table(Format::Jsonl, files);
            let kept = vec![true; bytes.len()];
            let total = total_bytes(&table, &kept, None);
            let sizes = Sizes::for_job(&Shards { target_bytes: 1, count: Some(count) }, total);
            let found = splits(0, &table, &kept, None, sizes);
            let mut all = ranges(&found).into_iter();
            for (i, bytes) in bytes.iter().enumerate() {
                let mut at = 0;
                while at < *bytes {
                    let (path, start, end) = all.next().expect("a split");
                    prop_assert_eq!((path, start), (format!("/f{i:03}"), at));
                    prop_assert!(end > start);
                    at = end;
                }
                prop_assert_eq!(at, *bytes);
            }
            prop_assert!(all.next().is_none());
        }
    }
}
