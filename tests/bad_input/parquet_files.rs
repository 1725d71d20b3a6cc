//! Parquet files that the cases need.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Float64Array, Int8Array, Int32Array, Int64Array, ListArray, RecordBatch,
    StringArray, StructArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Int64Type};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{Int96, Int96Type};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>, properties: WriterProperties) {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true)))
        .expect("columns of one length");
    let file = File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("a batch");
    writer.close().expect("a file");
}

fn ints(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

/// One column `a` of `1..=rows`, in row groups of a thousand, with zstd.
pub fn integers(path: &Path, rows: i64) {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(1000))
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    write(path, vec![("a", ints(1..=rows))], properties);
}

/// One column `a` of text.
pub fn texts(path: &Path) {
    write(path, vec![("a", Arc::new(StringArray::from(vec!["x"])))], WriterProperties::default());
}

/// 3,000 rows in three row groups: a number, a text in a dictionary, a text without one, a list.
pub fn mixed(path: &Path, compression: Compression, statistics: bool) {
    let rows = || 0..3000_i64;
    let few: Vec<String> = rows().map(|i| format!("s{}", i % 13)).collect();
    let many: Vec<String> = rows().map(|i| format!("text number {}", i * 7919)).collect();
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(
        rows().map(|i| (i % 5 != 0).then(|| (0..i % 4).map(Some).collect::<Vec<_>>())),
    );
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(1000))
        .set_compression(compression)
        .set_statistics_enabled(if statistics { EnabledStatistics::Page } else { EnabledStatistics::None })
        .set_column_dictionary_enabled("many".into(), false)
        .build();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("n", ints(rows())),
        ("few", Arc::new(StringArray::from(few))),
        ("many", Arc::new(StringArray::from(many))),
        ("list", Arc::new(lists)),
    ];
    write(path, columns, properties);
}

/// Numbers at the ends of their types.
pub fn numbers(path: &Path) {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("i", ints([i64::MAX, 1, i64::MIN])),
        ("j", Arc::new(Int32Array::from(vec![i32::MAX, 1, i32::MIN]))),
        ("t", Arc::new(Int8Array::from(vec![127, 1, -128]))),
        ("u", Arc::new(UInt64Array::from(vec![u64::MAX, 1, 0]))),
        ("z", ints([0, 0, 0])),
        ("f", Arc::new(Float64Array::from(vec![1.5, 1e300, f64::NAN]))),
        ("s", Arc::new(StringArray::from(vec!["1", "x", "3"]))),
    ];
    write(path, columns, WriterProperties::default());
}

/// A column `d` of the largest decimals of 38 digits.
pub fn decimals(path: &Path) {
    let largest = 10_i128.pow(38) - 1;
    let array = Decimal128Array::from(vec![largest; 3]).with_precision_and_scale(38, 2).expect("38 digits");
    write(path, vec![("d", Arc::new(array))], WriterProperties::default());
}

/// A struct, a list and a number, two rows.
pub fn nested(path: &Path) {
    let field = Arc::new(Field::new("x", DataType::Int64, true));
    let structs = StructArray::from(vec![(field, ints([1, 2]))]);
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None]), None]);
    let columns: Vec<(&str, ArrayRef)> =
        vec![("s", Arc::new(structs)), ("l", Arc::new(lists)), ("n", ints([5, 6]))];
    write(path, columns, WriterProperties::default());
}

/// A column `a` without a row, and without a row group.
pub fn no_rows(path: &Path) {
    write(path, vec![("a", ints([]))], WriterProperties::default());
}

/// 10,000 columns `c0`… of one row.
pub fn wide(path: &Path) {
    let names: Vec<String> = (0..10_000).map(|i| format!("c{i}")).collect();
    let columns = names.iter().zip(0..).map(|(name, i)| (name.as_str(), ints([i]))).collect();
    write(path, columns, WriterProperties::default());
}

/// A timestamp as old writers have it: noon of 1970-01-02.
pub fn int96(path: &Path) {
    let schema = parse_message_type("message m { optional int96 ts; }").expect("a schema");
    let file = File::create(path).expect("a file");
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::default()).expect("a writer");
    let mut group = writer.next_row_group().expect("a row group");
    let mut column = group.next_column().expect("no error").expect("a column");
    let mut noon = Int96::new();
    let nanos = 12 * 3_600_000_000_000_u64;
    noon.set_data(low(nanos), low(nanos >> 32), 2_440_589);
    column.typed::<Int96Type>().write_batch(&[noon], Some(&[1]), None).expect("a value");
    column.close().expect("a column");
    group.close().expect("a row group");
    writer.close().expect("a file");
}

/// The lower half of a word.
fn low(word: u64) -> u32 {
    u32::try_from(word & u64::from(u32::MAX)).expect("the upper half is cleared")
}
