//! Tables and splits for tests.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use proptest::prelude::*;

use super::scanned::{NoStats, RowGroup, ScannedFile, ScannedTable};
use super::types::{Extent, Split, Table};
use crate::spec::{BadRecords, Csv, Errors, Format, Job, Kubernetes, Resources, Shards, TextCompression};

pub(super) fn file(path: &str, bytes: u64) -> ScannedFile {
    ScannedFile {
        path: path.into(),
        bytes,
        etag: Some("e".into()),
        compression: TextCompression::None,
        folder_values: Vec::new(),
        row_groups: Vec::new(),
    }
}

/// Row groups of two columns, given as rows and bytes of both.
pub(super) fn parquet_file(path: &str, groups: &[(u64, u64)]) -> ScannedFile {
    let group = |(rows, bytes): &(u64, u64)| RowGroup { rows: *rows, column_bytes: [*bytes, *bytes].into() };
    let bytes = 100 + groups.iter().map(|g| 2 * g.1).sum::<u64>();
    ScannedFile { row_groups: groups.iter().map(group).collect(), ..file(path, bytes) }
}

/// A table of the columns `a` and `b`, both int64.
pub(super) fn table(format: Format, files: Vec<ScannedFile>) -> ScannedTable {
    let columns = ["a", "b"].map(|n| Field::new(n, DataType::Int64, true));
    let schema = Arc::new(Schema::new(columns.to_vec()));
    let table = Table { name: "input".into(), format, csv: Csv::default(), schema, hive_columns: 0 };
    ScannedTable { table, files, rows: None, notes: Vec::new(), stats: Arc::new(NoStats) }
}

pub(super) fn split(path: &str, start: u32, bytes: u64) -> Split {
    Split {
        input: 0,
        path: path.into(),
        file_bytes: bytes,
        etag: None,
        extent: Extent::RowGroups { start, end: start + 1 },
        compression: TextCompression::None,
        folder_values: Vec::new(),
        rows: Some(1),
        bytes,
    }
}

pub(super) fn job(shards: Shards) -> Job {
    Job {
        name: "j".into(),
        inputs: Vec::new(),
        tables: Vec::new(),
        sql: "SELECT 1".into(),
        params: std::collections::BTreeMap::new(),
        output: None,
        shards,
        errors: Errors { attempts: 3, bad_records: BadRecords::Fail, max_bad_records: None },
        resources: Resources::default(),
        work: None,
        kubernetes: Kubernetes::default(),
        schedule: None,
    }
}

pub(super) fn parquet_files() -> impl Strategy<Value = Vec<ScannedFile>> {
    let group = (0..2_000_000_u64, 0..40_000_000_u64);
    prop::collection::vec(prop::collection::vec(group, 0..8), 0..12).prop_map(|files| {
        let named = files.iter().enumerate().map(|(i, groups)| parquet_file(&format!("/f{i:03}"), groups));
        named.collect()
    })
}
