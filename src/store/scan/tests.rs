//! Lakes made here, scanned, planned and read back.

use std::fs;
use std::path::Path;

use arrow::array::*;
use arrow::compute::concat_batches;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::*;
use crate::error::Kind;
use crate::plan::{Bounds, Excludes, Sizes, Unit, UnitStats, prune, splits, units};
use crate::spec::{Column, Csv, Location};
use crate::store::client::StoreOptions;

fn stores() -> Stores {
    Stores::new(StoreOptions::default()).expect("stores")
}

struct Lake(tempfile::TempDir);

impl Lake {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn text(&self, name: &str, text: &str) -> &Self {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("mkdir");
        fs::write(path, text).expect("write");
        self
    }

    fn parquet(&self, name: &str, columns: Vec<(&str, ArrayRef)>, group_rows: usize) -> &Self {
        self.text(name, "");
        let columns = columns.into_iter().map(|(n, a)| (n, a, true));
        let batch = RecordBatch::try_from_iter_with_nullable(columns).expect("a batch");
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(group_rows))
            .set_statistics_truncate_length(Some(4))
            .build();
        let file = fs::File::create(self.0.path().join(name)).expect("create");
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a writer");
        writer.write(&batch).expect("written");
        writer.close().expect("closed");
        self
    }

    fn dataset(&self) -> Dataset {
        Dataset {
            name: "input".into(),
            urls: vec![
                Location::parse(&self.0.path().to_string_lossy(), Path::new("/")).expect("a location"),
            ],
            format: None,
            compression: None,
            schema: None,
            hive: true,
            csv: Csv::default(),
            allow_empty: false,
        }
    }

    fn scan(&self) -> Result<ScannedTable> {
        scan(&stores(), &self.dataset())
    }

    fn refused(&self) -> String {
        let error = self.scan().expect_err("refused");
        assert!(matches!(error.kind(), Kind::Usage | Kind::Stop | Kind::BadData), "{error}");
        error.to_string()
    }
}

fn ints(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn small(values: &[i32]) -> ArrayRef {
    Arc::new(Int32Array::from(values.to_vec()))
}

fn words(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn columns(table: &ScannedTable) -> Vec<String> {
    table.table.schema.fields().iter().map(|f| format!("{} {}", f.name(), f.data_type())).collect()
}

fn all_rows(table: &ScannedTable) -> RecordBatch {
    let kept = vec![true; units(&table.files).len()];
    let sizes = Sizes { parquet_bytes: 1, text_bytes: 1 << 20 };
    let projection: Vec<usize> = (0..table.table.schema.fields().len()).collect();
    let tables = std::slice::from_ref(&table.table);
    let mut batches = Vec::new();
    for split in splits(0, table, &kept, None, sizes) {
        let reader = open_split(&stores(), tables, &split, &projection, None, BadRecords::Fail, 100);
        batches.extend(reader.expect("open").collect::<Result<Vec<_>>>().expect("read"));
    }
    concat_batches(&table.table.schema, &batches).expect("concat")
}

fn shown(batch: &RecordBatch) -> Vec<String> {
    let row = |r| {
        let value = |c: &ArrayRef| arrow::util::display::array_value_to_string(c, r).expect("shown");
        batch.columns().iter().map(value).collect::<Vec<_>>().join("|")
    };
    (0..batch.num_rows()).map(row).collect()
}

#[test]
fn parquet_files_of_different_schemas_are_one_table() {
    let lake = Lake::new();
    lake.parquet("y=2013/m=1/a.parquet", vec![("id", small(&[1, 2, 3])), ("s", words(&["a", "b", "c"]))], 2)
        .parquet("y=2013/m=__HIVE_DEFAULT_PARTITION__/b.parquet", vec![("id", ints(&[1 << 40]))], 2)
        .parquet(
            "y=2014/m=2/c.parquet",
            vec![("x", ints(&[7])), ("m", words(&["own"])), ("id", small(&[5]))],
            2,
        )
        .text("y=2014/m=2/empty.parquet", "");
    let table = lake.scan().expect("scanned");
    assert_eq!(columns(&table), ["id Int64", "s Utf8View", "x Int64", "y Int64", "m Int64"]);
    assert_eq!(table.table.hive_columns, 2);
    assert!(table.notes.len() == 1 && table.notes[0].contains("'m'"), "{:?}", table.notes);
    assert_eq!(
        shown(&all_rows(&table)),
        ["1|a||2013|1", "2|b||2013|1", "3|c||2013|1", "1099511627776|||2013|", "5||7|2014|2"]
    );
    let groups: Vec<usize> = table.files.iter().map(|f| f.row_groups.len()).collect();
    assert_eq!(groups, [2, 1, 1, 0]);
    assert_eq!(table.files[0].row_groups[0].column_bytes.len(), 3);
    assert_eq!(table.files[0].row_groups[0].column_bytes[2], 0);
}

#[test]
fn texts_of_different_columns_are_one_table() {
    let lake = Lake::new();
    lake.text("a.csv", "id,v\n1,2\n3,\n").text("b.csv", "v,extra,id\n2.5,x,9\n").text("c.csv", "");
    let table = lake.scan().expect("scanned");
    assert_eq!(columns(&table), ["id Int64", "v Float64", "extra Utf8View"]);
    assert_eq!(shown(&all_rows(&table)), ["1|2.0|", "3||", "9|2.5|x"]);
    let side = scan_side(&stores(), &lake.dataset()).expect("a side table");
    assert_eq!(side.rows, Some(3));
}

#[test]
fn what_cannot_be_one_table_is_refused_by_name() {
    let lake = Lake::new();
    lake.parquet("a.parquet", vec![("id", ints(&[1]))], 1).parquet(
        "b.parquet",
        vec![("id", words(&["x"]))],
        1,
    );
    let error = lake.refused();
    for part in ["column=id", "a.parquet", "b.parquet", "int64", "string"] {
        assert!(error.contains(part), "{error}");
    }
    let lake = Lake::new();
    lake.text("y=1/a.csv", "a\n1\n").text("y=1/m=2/b.csv", "a\n1\n");
    let error = lake.refused();
    assert!(error.contains("y and y/m") && error.contains("a.csv") && error.contains("b.csv"), "{error}");
    let lake = Lake::new();
    lake.text("a.parquet", "this is no Parquet file at all");
    assert!(lake.refused().contains("a.parquet"));
    let lake = Lake::new();
    lake.text("a.csv", "");
    assert!(lake.refused().contains("state the table's schema"));
    let lake = Lake::new();
    lake.text("k=1/k=2/a.csv", "a\n1\n");
    assert!(lake.refused().contains("twice"));
}

#[test]
fn a_stated_schema_wins_where_files_fit() {
    let lake = Lake::new();
    lake.parquet("d=2013-01-01/a.parquet", vec![("id", small(&[1])), ("s", words(&["a"]))], 1);
    let mut dataset = lake.dataset();
    let column = |name: &str, data_type| Column { name: name.into(), data_type };
    dataset.schema = Some(vec![
        column("new", DataType::Date32),
        column("id", DataType::Int64),
        column("d", DataType::Utf8View),
    ]);
    let table = scan(&stores(), &dataset).expect("scanned");
    assert_eq!(columns(&table), ["new Date32", "id Int64", "d Utf8View"]);
    assert_eq!(shown(&all_rows(&table)), ["|1|2013-01-01"]);
    dataset.schema = Some(vec![column("id", DataType::Int8)]);
    assert!(scan(&stores(), &dataset).expect_err("too narrow").to_string().contains("int32"));
    dataset.schema = Some(vec![column("d", DataType::Int64)]);
    assert!(scan(&stores(), &dataset).expect_err("no number").to_string().contains("column=d"));
    dataset.schema = Some(vec![column("id", DataType::Int64)]);
    dataset.urls = vec![Location::parse(&format!("{}/*.csv", dataset.urls[0]), Path::new("/")).expect("url")];
    dataset.allow_empty = true;
    let none = scan(&stores(), &dataset).expect("empty");
    assert_eq!((columns(&none), none.files.len()), (vec!["id Int64".to_owned()], 0));
}

/// Shows bounds instead of deciding anything.
fn bounds(table: &ScannedTable, names: &[&str]) -> UnitStats {
    let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
    let units: Vec<Unit> = units(&table.files);
    table.stats.stats(&table.table, &table.files, &units, &names).expect("statistics")
}

fn column(bounds: &Bounds) -> Vec<String> {
    let value = |a: &ArrayRef, i| arrow::util::display::array_value_to_string(a, i).expect("shown");
    let nulls = |i| if bounds.nulls.is_valid(i) { bounds.nulls.value(i).to_string() } else { String::new() };
    let row = |i| format!("{}..{} {}", value(&bounds.min, i), value(&bounds.max, i), nulls(i));
    (0..bounds.min.len()).map(row).collect()
}

#[test]
fn statistics_are_those_that_can_be_trusted() {
    let lake = Lake::new();
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.0, f64::NAN, 3.0]));
    let some: ArrayRef = Arc::new(Int32Array::from(vec![Some(5), None, Some(-7)]));
    lake.parquet(
        "a.parquet",
        vec![("n", some), ("f", floats), ("s", words(&["abcdefgh", "abcdefgx", "zzzzzzz"]))],
        2,
    )
    .parquet("b.parquet", vec![("n", ints(&[i64::MAX]))], 1);
    let table = lake.scan().expect("scanned");
    let stats = bounds(&table, &["n", "f", "s"]);
    assert_eq!(stats.rows, UInt64Array::from(vec![2, 1, 1]));
    let max = i64::MAX;
    assert_eq!(column(&stats.columns["n"]), ["5..5 1", "-7..-7 0", &format!("{max}..{max} 0")]);
    assert_eq!(stats.columns["n"].min.data_type(), &DataType::Int64);
    assert_eq!(column(&stats.columns["f"]), [".. 0", ".. 0", ".. 1"]);
    // Truncated bounds still are bounds.
    assert_eq!(column(&stats.columns["s"]), ["abcd..abce 0", "zzzz..zzz{ 0", ".. 1"]);
}

struct Below(Vec<String>, i64);

impl Excludes for Below {
    fn columns(&self) -> &[String] {
        &self.0
    }

    fn excluded(&self, units: &UnitStats) -> Result<Vec<Option<String>>> {
        let max = units.columns[&self.0[0]].max.as_primitive::<arrow::datatypes::Int64Type>();
        Ok(max.iter().map(|m| m.is_some_and(|m| m < self.1).then(|| "below".to_owned())).collect())
    }

    fn is_trivial(&self) -> bool {
        false
    }
}

#[test]
fn row_groups_and_folders_are_pruned() {
    let lake = Lake::new();
    lake.parquet("y=1/a.parquet", vec![("n", ints(&[1, 2, 3, 4]))], 2)
        .parquet("y=2/b.parquet", vec![("n", ints(&[9]))], 2)
        .parquet("y=__HIVE_DEFAULT_PARTITION__/c.parquet", vec![("x", ints(&[9]))], 2);
    let table = lake.scan().expect("scanned");
    let units = units(&table.files);
    for (column, least, expected) in [
        ("n", 3, [true, false, false, false]),
        ("y", 2, [true, true, false, false]),
        ("n", 99, [true, true, true, false]),
    ] {
        let reasons = prune(&table, &units, &Below(vec![column.into()], least)).expect("pruned");
        assert_eq!(reasons.iter().map(Option::is_some).collect::<Vec<_>>(), expected, "{column} < {least}");
    }
    let csv = Lake::new();
    csv.text("y=1/a.csv", "n\n1\n").text("y=2/b.csv", "n\n1\n");
    let table = csv.scan().expect("scanned");
    let units = crate::plan::units(&table.files);
    let reasons = prune(&table, &units, &Below(vec!["y".into()], 2)).expect("pruned");
    assert_eq!(reasons, [Some("below".to_owned()), None]);
}

#[test]
fn a_file_that_changed_since_the_scan_stops_the_run() {
    let lake = Lake::new();
    lake.parquet("a.parquet", vec![("n", ints(&[1, 2]))], 2);
    let table = lake.scan().expect("scanned");
    lake.parquet("a.parquet", vec![("n", ints(&[3, 4]))], 2);
    let sizes = Sizes { parquet_bytes: 1, text_bytes: 1 };
    let split = splits(0, &table, &[true], None, sizes).remove(0);
    let tables = std::slice::from_ref(&table.table);
    let error =
        open_split(&stores(), tables, &split, &[0], None, BadRecords::Fail, 10).err().expect("changed");
    assert_eq!(error.kind(), Kind::Stop);
    assert!(error.to_string().contains("a.parquet"), "{error}");
}
