//! Rows of every kind of type, for the tests of this layer.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryViewArray, BooleanArray, DictionaryArray, Int64Builder,
    ListArray, MapBuilder, NullArray, PrimitiveArray, RecordBatch, StringArray, StringBuilder,
    StringViewArray, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Fields, Float32Type, Float64Type, Int8Type, Int32Type,
    Int64Type, Schema, Time64MicrosecondType, TimestampMicrosecondType, TimestampNanosecondType, UInt64Type,
};

/// `rows` rows from number `from` on: the same number gives the same row in every batch, but what
/// NULLs hide differs with `garbage`.
pub fn all_types(from: usize, rows: usize, garbage: u8) -> RecordBatch {
    let mut columns = plain_columns(from, rows, garbage);
    columns.extend(nested_columns(from, rows, garbage));
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("columns of one length")
}

/// The columns without lists, structs and maps.
pub fn flat_types(from: usize, rows: usize, garbage: u8) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(
        plain_columns(from, rows, garbage).into_iter().map(|(name, array)| (name, array, true)),
    )
    .expect("columns of one length")
}

fn nulls(from: usize, rows: usize, every: usize) -> NullBuffer {
    (from..from + rows).map(|i| i % every != 1).collect()
}

fn numbers<T: ArrowPrimitiveType>(
    from: usize,
    rows: usize,
    garbage: u8,
    value: impl Fn(usize) -> T::Native,
) -> PrimitiveArray<T> {
    let nulls = nulls(from, rows, 5);
    let hidden = value(usize::from(garbage));
    let values: ScalarBuffer<T::Native> =
        (0..rows).map(|i| if nulls.is_valid(i) { value(from + i) } else { hidden }).collect();
    PrimitiveArray::new(values, Some(nulls))
}

fn text(i: usize) -> Option<String> {
    match i % 7 {
        0 => None,
        1 => Some(String::new()),
        2 => Some(format!("comma, \"quote\" and\nline {i}")),
        3 => Some(format!("a text that is longer than twelve bytes {i}")),
        4 => Some("ä€😀\r".to_owned()),
        _ => Some((i % 100).to_string()),
    }
}

fn plain_columns(from: usize, rows: usize, garbage: u8) -> Vec<(&'static str, ArrayRef)> {
    let n = |i: usize| i64::try_from(i).expect("small") - 1000;
    let all = || from..from + rows;
    let dictionary: DictionaryArray<Int32Type> = all()
        .map(text)
        .map(|t| t.map(|t| t.chars().take(3).collect::<String>()))
        .collect::<Vec<_>>()
        .iter()
        .map(|t| t.as_deref())
        .collect();
    vec![
        ("i8", Arc::new(numbers::<Int8Type>(from, rows, garbage, |i| i8::try_from(i % 100).expect("small")))),
        ("i64", Arc::new(numbers::<Int64Type>(from, rows, garbage, n))),
        ("u64", Arc::new(numbers::<UInt64Type>(from, rows, garbage, |i| u64::MAX - i as u64))),
        ("f32", Arc::new(numbers::<Float32Type>(from, rows, garbage, |i| i as f32 / 8.0 - 100.0))),
        ("f64", Arc::new(numbers::<Float64Type>(from, rows, garbage, |i| i as f64 / 3.0 - 100.0))),
        ("bool", Arc::new(BooleanArray::from_iter(all().map(|i| (i % 4 > 0).then_some(i % 2 == 0))))),
        (
            "dec",
            Arc::new(
                numbers::<Decimal128Type>(from, rows, garbage, |i| i128::from(n(i)))
                    .with_precision_and_scale(15, 2)
                    .expect("fits"),
            ),
        ),
        (
            "date",
            Arc::new(numbers::<Date32Type>(from, rows, garbage, |i| {
                i32::try_from(i % 30_000).expect("small")
            })),
        ),
        ("time", Arc::new(numbers::<Time64MicrosecondType>(from, rows, garbage, |i| n(i % 86_400) + 1000))),
        ("ts", Arc::new(numbers::<TimestampMicrosecondType>(from, rows, garbage, |i| n(i) * 1_000_003))),
        (
            "tstz",
            Arc::new(
                numbers::<TimestampNanosecondType>(from, rows, garbage, |i| n(i) * 1_000_003)
                    .with_timezone("UTC"),
            ),
        ),
        ("text", Arc::new(all().map(text).collect::<StringArray>())),
        ("view", Arc::new(all().map(|i| text(i + 1)).collect::<StringViewArray>())),
        ("bin", Arc::new(all().map(|i| text(i).map(String::into_bytes)).collect::<BinaryViewArray>())),
        ("dict", Arc::new(dictionary)),
        ("null", Arc::new(NullArray::new(rows))),
    ]
}

fn nested_columns(from: usize, rows: usize, garbage: u8) -> Vec<(&'static str, ArrayRef)> {
    let lengths: Vec<usize> = (from..from + rows).map(|i| i % 4).collect();
    let items: usize = lengths.iter().sum();
    // Items count on from those of the rows before.
    let before: usize = (0..from).map(|i| i % 4).sum();
    let item = Arc::new(Field::new("item", DataType::Utf8View, true));
    let texts = Arc::new((before..before + items).map(text).collect::<StringViewArray>());
    let list = ListArray::new(item, OffsetBuffer::from_lengths(lengths), texts, Some(nulls(from, rows, 3)));
    let fields: Fields =
        vec![Field::new("a", DataType::Int64, true), Field::new("b", DataType::Utf8, true)].into();
    let inner: Vec<ArrayRef> = vec![
        Arc::new(numbers::<Int64Type>(from, rows, garbage, |i| i64::try_from(i).expect("small"))),
        Arc::new((from..from + rows).map(|i| text(i + 2)).collect::<StringArray>()),
    ];
    let structs = StructArray::new(fields, inner, Some(nulls(from, rows, 6)));
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    for i in from..from + rows {
        for key in 0..i % 3 {
            map.keys().append_value(format!("key {key}"));
            map.values().append_option((i % 2 == 0).then(|| i64::try_from(i).expect("small")));
        }
        map.append(i % 5 > 0).expect("keys and values");
    }
    vec![("list", Arc::new(list)), ("struct", Arc::new(structs)), ("map", Arc::new(map.finish()))]
}

/// Texts of all values, to compare rows whatever holds them.
pub fn rows_of(batches: &[RecordBatch]) -> Vec<String> {
    let options = arrow::util::display::FormatOptions::new().with_null("NULL");
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|c| arrow::util::display::ArrayFormatter::try_new(c, &options).expect("shown"))
            .collect();
        for row in 0..batch.num_rows() {
            let cells: Vec<String> = columns.iter().map(|c| c.value(row).to_string()).collect();
            rows.push(cells.join("|"));
        }
    }
    rows
}
