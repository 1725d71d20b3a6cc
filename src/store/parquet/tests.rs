//! Files written here, read back.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, Fields, Int32Type, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::{footer, open};
use crate::error::{Error, Kind, Result};
use crate::plan::{Extent, Split, Table};
use crate::spec::{Csv, Format, TextCompression};
use crate::store::source::ByteSource;

mod damage;

struct Memory(Bytes);

fn at(byte: u64) -> usize {
    usize::try_from(byte).expect("a small file")
}

impl ByteSource for Memory {
    fn path(&self) -> &'static str {
        "memory.parquet"
    }

    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        if range.start > range.end || range.end > self.size() {
            return Err(Error::internal("outside of the file"));
        }
        Ok(self.0.slice(at(range.start)..at(range.end)))
    }
}

fn written(batch: &RecordBatch, group_rows: usize, compression: Compression) -> Bytes {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group_rows))
        .set_compression(compression)
        .set_data_page_row_count_limit(7)
        .set_write_batch_size(7)
        .build();
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), Some(properties)).expect("a writer");
    writer.write(batch).expect("written");
    writer.close().expect("closed");
    file.into()
}

fn table(schema: SchemaRef, hive_columns: usize) -> Table {
    Table { name: "t".into(), format: Format::Parquet, csv: Csv::default(), schema, hive_columns }
}

fn split(extent: Extent, folder_values: Vec<Option<String>>) -> Split {
    Split {
        input: 0,
        path: "memory.parquet".into(),
        file_bytes: 0,
        etag: None,
        extent,
        compression: TextCompression::None,
        folder_values,
        rows: None,
        bytes: 0,
    }
}

fn read(file: &Bytes, table: &Table, split: &Split, projection: &[usize]) -> Result<RecordBatch> {
    let reader = open(Arc::new(Memory(file.clone())), table, split, projection, 5)?;
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>>>()?;
    assert!(batches.iter().all(|b| b.num_rows() <= 5 && b.schema() == schema));
    concat_batches(&schema, &batches).map_err(|e| Error::internal("concat").because(e))
}

fn own_schema(file: &Bytes) -> SchemaRef {
    Arc::clone(&footer(&Memory(file.clone()), None).expect("a footer").schema)
}

fn simple(rows: i64) -> RecordBatch {
    let ids: Int64Array = (0..rows).collect();
    let names: StringArray = (0..rows).map(|i| (i % 3 != 0).then(|| format!("name {}", i % 5))).collect();
    let values: Float64Array = (0..rows).map(|i| i as f64 / 2.0).collect();
    RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(ids) as ArrayRef, false),
        ("name", Arc::new(names), true),
        ("value", Arc::new(values), true),
    ])
    .expect("a batch")
}

fn everything() -> RecordBatch {
    let n = NullBuffer::from(vec![true, false, true]);
    let strings = || StringArray::from(vec![Some("a"), None, Some("a longer text than twelve bytes")]);
    let dictionary: DictionaryArray<Int32Type> = vec![Some("x"), None, Some("y")].into_iter().collect();
    let list = ListArray::new(
        Arc::new(Field::new("element", DataType::LargeUtf8, true)),
        OffsetBuffer::from_lengths([2, 0, 1]),
        cast(&strings(), &DataType::LargeUtf8).expect("cast"),
        Some(n.clone()),
    );
    let inner: Fields =
        vec![Field::new("i", DataType::Int32, false), Field::new("d", dictionary.data_type().clone(), true)]
            .into();
    let pair = StructArray::new(
        inner,
        vec![Arc::new(Int32Array::from(vec![1, 2, 3])), Arc::new(dictionary.clone())],
        Some(n.clone()),
    );
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    map.keys().append_value("k");
    map.values().append_value(1);
    map.append(true).expect("append");
    map.append(false).expect("append");
    map.append(true).expect("append");
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("strings", Arc::new(strings())),
        ("large", cast(&strings(), &DataType::LargeUtf8).expect("cast")),
        ("binary", cast(&strings(), &DataType::Binary).expect("cast")),
        ("dictionary", Arc::new(dictionary)),
        ("list", Arc::new(list)),
        ("pair", Arc::new(pair)),
        ("map", Arc::new(map.finish())),
        ("bool", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ("u8", Arc::new(UInt8Array::from(vec![Some(255), None, Some(0)]))),
        ("u64", Arc::new(UInt64Array::from(vec![Some(u64::MAX), None, Some(0)]))),
        ("half", cast(&Float32Array::from(vec![0.5, 1.5, -2.0]), &DataType::Float16).expect("cast")),
        ("date", Arc::new(Date32Array::from(vec![Some(0), None, Some(-719_162)]))),
        ("date64", Arc::new(Date64Array::from(vec![Some(0), None, Some(86_400_000)]))),
        ("time", Arc::new(Time32SecondArray::from(vec![Some(0), None, Some(86_399)]))),
        (
            "zoned",
            Arc::new(TimestampMicrosecondArray::from(vec![Some(1), None, Some(-1)]).with_timezone("+00:00")),
        ),
        ("nanos", Arc::new(TimestampNanosecondArray::from(vec![Some(1), None, Some(i64::MAX)]))),
        ("seconds", Arc::new(TimestampSecondArray::from(vec![Some(1), None, Some(-1)]))),
        (
            "decimal",
            Arc::new(
                Decimal128Array::from(vec![Some(1), None, Some(-99_999)])
                    .with_precision_and_scale(15, 2)
                    .expect("decimal"),
            ),
        ),
        (
            "small_decimal",
            Arc::new(
                Decimal32Array::from(vec![Some(1), None, Some(-99)])
                    .with_precision_and_scale(5, 2)
                    .expect("decimal"),
            ),
        ),
        (
            "fixed",
            Arc::new(FixedSizeBinaryArray::try_from_iter([[1_u8, 2], [3, 4], [5, 6]].iter()).expect("fixed")),
        ),
        ("null", Arc::new(NullArray::new(3))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).expect("a batch")
}

/// What a column must look like, by casting what was written.
fn expected(written: &RecordBatch, schema: &Schema) -> Vec<String> {
    let text = |array: &ArrayRef| {
        let options = arrow::util::display::FormatOptions::default().with_null("NULL");
        let shown = arrow::util::display::ArrayFormatter::try_new(array, &options).expect("shown");
        (0..array.len()).map(|i| shown.value(i).to_string()).collect::<Vec<_>>().join("|")
    };
    let cast_to = |(array, field): (&ArrayRef, &Arc<Field>)| {
        text(&cast(array, field.data_type()).unwrap_or_else(|_| Arc::clone(array)))
    };
    written.columns().iter().zip(schema.fields()).map(cast_to).collect()
}

#[test]
fn all_types_come_back_as_plain_values() {
    let batch = everything();
    for compression in
        [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::ZSTD(ZstdLevel::default())]
    {
        let file = written(&batch, 2, compression);
        let schema = own_schema(&file);
        let all: Vec<usize> = (0..schema.fields().len()).collect();
        let read =
            read(&file, &table(Arc::clone(&schema), 0), &split(Extent::Whole, vec![]), &all).expect("read");
        assert_eq!(expected(&read, &schema), expected(&batch, &schema));
        let type_of = |name: &str| schema.field_with_name(name).expect("a column").data_type().clone();
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        for (name, data_type) in [
            ("strings", DataType::Utf8View),
            ("large", DataType::Utf8View),
            ("binary", DataType::BinaryView),
            ("dictionary", DataType::Utf8View),
            ("list", DataType::List(Arc::new(Field::new("element", DataType::Utf8, true)))),
            ("zoned", utc),
            ("half", DataType::Float32),
            ("small_decimal", DataType::Decimal128(5, 2)),
        ] {
            assert_eq!(type_of(name), data_type, "{name}");
        }
    }
}

#[test]
fn a_split_is_its_row_groups_and_its_columns() {
    let batch = simple(23);
    let file = written(&batch, 10, Compression::SNAPPY);
    let table = table(own_schema(&file), 0);
    let extent = Extent::RowGroups { start: 1, end: 3 };
    let read = |projection: &[usize]| read(&file, &table, &split(extent, vec![]), projection).expect("read");
    let two = read(&[2, 0]);
    assert_eq!(two.schema().fields().len(), 2);
    assert_eq!(two.column(1).as_ref(), batch.column(0).slice(10, 13).as_ref());
    assert_eq!(two.column(0).as_ref(), batch.column(2).slice(10, 13).as_ref());
    let none = read(&[]);
    assert_eq!((none.num_columns(), none.num_rows()), (0, 13));
}

#[test]
fn only_the_wanted_chunks_are_fetched() {
    let file = written(&simple(100_000), 100_000, Compression::UNCOMPRESSED);
    let table = table(own_schema(&file), 0);
    let split = split(Extent::Whole, vec![]);
    let mut reader = open(Arc::new(Memory(file.clone())), &table, &split, &[1], 8192).expect("open");
    let rows: usize = reader.by_ref().map(|b| b.expect("read").num_rows()).sum();
    let stats = reader.stats();
    assert_eq!((rows, stats.rows, stats.rejected, stats.tile), (100_000, 100_000, 0, None));
    assert!(stats.bytes > 0 && stats.bytes < file.len() as u64 / 2, "{stats:?} of {}", file.len());
}

#[test]
fn columns_are_widened_missing_or_from_the_folder() {
    let file = written(&simple(7), 100, Compression::SNAPPY);
    let schema = Schema::new(vec![
        Field::new("id", DataType::Decimal128(20, 0), true),
        Field::new("added", DataType::Utf8View, true),
        Field::new("value", DataType::Float64, true),
        Field::new("name", DataType::Int64, true),
        Field::new("day", DataType::Date32, true),
    ]);
    // A folder column hides the file's column of the same name.
    let table = table(Arc::new(schema), 2);
    let split = split(Extent::Whole, vec![Some("42".into()), None]);
    let batch = read(&file, &table, &split, &[4, 3, 1, 0]).expect("read");
    let shown = expected(&batch, &batch.schema());
    assert_eq!(shown[0], ["NULL"; 7].join("|"));
    assert_eq!(shown[1], ["42"; 7].join("|"));
    assert_eq!(shown[2], ["NULL"; 7].join("|"));
    assert_eq!(shown[3], "0|1|2|3|4|5|6");
}

#[test]
fn a_value_that_does_not_fit_is_an_error_that_names_the_column() {
    let file = written(&simple(300), 300, Compression::SNAPPY);
    let table = table(Arc::new(Schema::new(vec![Field::new("id", DataType::Int8, true)])), 0);
    let error = read(&file, &table, &split(Extent::Whole, vec![]), &[0]).expect_err("too large");
    assert_eq!(error.kind(), Kind::BadData);
    assert!(
        error.to_string().contains("column=id") && error.to_string().contains("memory.parquet"),
        "{error}"
    );
}

#[test]
fn empty_files_and_empty_row_groups_have_no_rows() {
    let file = written(&simple(0), 10, Compression::SNAPPY);
    let read =
        read(&file, &table(own_schema(&file), 0), &split(Extent::Whole, vec![]), &[0, 1]).expect("read");
    assert_eq!(read.num_rows(), 0);
}

#[test]
fn ten_thousand_columns() {
    let names: Vec<String> = (0..10_000).map(|i| format!("c{i}")).collect();
    let column: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
    let batch = RecordBatch::try_from_iter(names.iter().map(|n| (n, Arc::clone(&column)))).expect("a batch");
    let file = written(&batch, 2, Compression::SNAPPY);
    let table = table(own_schema(&file), 0);
    let all: Vec<usize> = (0..10_000).collect();
    let read = read(&file, &table, &split(Extent::Whole, vec![]), &all).expect("read");
    assert_eq!((read.num_columns(), read.num_rows()), (10_000, 3));
}

/// A file of one INT96 column: Julian days and nanoseconds of the day.
fn int96(days_and_nanos: &[(u32, u64)]) -> Bytes {
    use parquet::data_type::{Int96, Int96Type};
    let schema =
        parquet::schema::parser::parse_message_type("message m { required int96 t; }").expect("a schema");
    let mut file = Vec::new();
    let mut writer =
        parquet::file::writer::SerializedFileWriter::new(&mut file, Arc::new(schema), Arc::default())
            .expect("a writer");
    let values: Vec<Int96> = days_and_nanos
        .iter()
        .map(|(day, nanos)| {
            let mut value = Int96::new();
            let half = |n: u64| u32::try_from(n & u64::from(u32::MAX)).expect("32 bits");
            value.set_data(half(*nanos), half(*nanos >> 32), *day);
            value
        })
        .collect();
    let mut group = writer.next_row_group().expect("a row group");
    let mut column = group.next_column().expect("no error").expect("a column");
    column.typed::<Int96Type>().write_batch(&values, None, None).expect("written");
    column.close().expect("closed");
    group.close().expect("closed");
    writer.close().expect("closed");
    file.into()
}

#[test]
fn int96_holds_all_years() {
    // 1970-01-01, 9999-12-31, 0001-01-01, and a time of day in nanoseconds.
    let file = int96(&[(2_440_588, 0), (5_373_484, 0), (1_721_426, 0), (2_440_588, 86_399_999_999_999)]);
    let schema = own_schema(&file);
    assert_eq!(schema.field(0).data_type(), &DataType::Timestamp(TimeUnit::Microsecond, None));
    let batch = read(&file, &table(schema, 0), &split(Extent::Whole, vec![]), &[0]).expect("read");
    let shown = expected(&batch, &batch.schema());
    let times =
        ["1970-01-01T00:00:00", "9999-12-31T00:00:00", "0001-01-01T00:00:00", "1970-01-01T23:59:59.999999"];
    assert_eq!(shown[0], times.join("|"));
}
