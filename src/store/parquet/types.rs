//! From the types that a file states to those that are read: plain values instead of dictionaries,
//! views for strings, one spelling of UTC.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, TimeUnit};
use parquet::basic::Type as Physical;
use parquet::schema::types::SchemaDescriptor;

/// The schema to ask the decoder for, given the one that it would choose itself.
pub(super) fn hint(schema: &Schema, parquet: &SchemaDescriptor) -> Schema {
    let fields = schema.fields().iter().enumerate().map(|(root, field)| {
        let int96 = (0..parquet.num_columns()).any(|leaf| {
            parquet.get_column_root_idx(leaf) == root
                && parquet.column(leaf).physical_type() == Physical::INT96
        });
        let data_type = asked(field.data_type(), int96, true);
        Arc::new(field.as_ref().clone().with_data_type(data_type))
    });
    Schema::new(fields.collect::<Fields>())
}

fn asked(data_type: &DataType, int96: bool, top: bool) -> DataType {
    let inner =
        |f: &FieldRef| Arc::new(f.as_ref().clone().with_data_type(asked(f.data_type(), int96, false)));
    match data_type {
        DataType::Dictionary(_, value) => asked(value, int96, top),
        DataType::RunEndEncoded(_, value) => asked(value.data_type(), int96, top),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if top => DataType::Utf8View,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView if top => DataType::BinaryView,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) => DataType::Decimal128(*p, *s),
        DataType::Timestamp(TimeUnit::Nanosecond, None) if int96 => {
            DataType::Timestamp(TimeUnit::Microsecond, None)
        }
        DataType::Timestamp(unit, Some(zone)) if matches!(zone.as_ref(), "+00:00" | "Z" | "Etc/UTC") => {
            DataType::Timestamp(*unit, Some("UTC".into()))
        }
        DataType::List(f) | DataType::LargeList(f) | DataType::ListView(f) | DataType::LargeListView(f) => {
            DataType::List(inner(f))
        }
        DataType::FixedSizeList(f, n) => DataType::FixedSizeList(inner(f), *n),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
        DataType::Map(f, sorted) => DataType::Map(inner(f), *sorted),
        other => other.clone(),
    }
}

/// The column as the table has it: nullable, without metadata, of a type that the engine takes.
pub(super) fn table_field(field: &Field) -> Field {
    Field::new(field.name(), plain(&asked(field.data_type(), false, true)), true)
}

fn plain(data_type: &DataType) -> DataType {
    let inner = |f: &FieldRef, nullable| Arc::new(Field::new(f.name(), plain(f.data_type()), nullable));
    match data_type {
        DataType::Float16 => DataType::Float32,
        DataType::List(f) => DataType::List(inner(f, true)),
        DataType::FixedSizeList(f, n) => DataType::FixedSizeList(inner(f, true), *n),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|f| inner(f, true)).collect()),
        DataType::Map(entries, sorted) => {
            let DataType::Struct(pair) = entries.data_type() else { return data_type.clone() };
            // The Arrow format wants entries and keys without NULL.
            let pair = pair.iter().enumerate().map(|(i, f)| inner(f, i > 0)).collect();
            DataType::Map(Arc::new(Field::new(entries.name(), DataType::Struct(pair), false)), *sorted)
        }
        other => other.clone(),
    }
}
