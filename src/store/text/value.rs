//! Columns from text.

use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryViewBuilder, BooleanBuilder, NullArray, PrimitiveBuilder,
    StringBuilder, StringViewBuilder,
};
use arrow::compute::kernels::cast_utils::{Parser, string_to_datetime};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

use super::parse::{boolean, date, decimal, float, has_digit, integer};
use crate::error::{Error, Result};

/// A column, and the rows whose text is no value of its type (NULL in the column).
pub(super) type Column = (ArrayRef, Vec<usize>);

/// A column in the making. `None` is NULL; so is an empty text, unless the type is text.
pub(super) struct Builder {
    kind: Kind,
    rows: usize,
    bad: Vec<usize>,
}

enum Kind {
    Null,
    Boolean(BooleanBuilder),
    Int8(PrimitiveBuilder<Int8Type>),
    Int16(PrimitiveBuilder<Int16Type>),
    Int32(PrimitiveBuilder<Int32Type>),
    Int64(PrimitiveBuilder<Int64Type>),
    UInt8(PrimitiveBuilder<UInt8Type>),
    UInt16(PrimitiveBuilder<UInt16Type>),
    UInt32(PrimitiveBuilder<UInt32Type>),
    UInt64(PrimitiveBuilder<UInt64Type>),
    Float32(PrimitiveBuilder<Float32Type>),
    Float64(PrimitiveBuilder<Float64Type>),
    Decimal(PrimitiveBuilder<Decimal128Type>, u8, i32),
    Date(PrimitiveBuilder<Date32Type>),
    Seconds(PrimitiveBuilder<TimestampSecondType>, Tz),
    Millis(PrimitiveBuilder<TimestampMillisecondType>, Tz),
    Micros(PrimitiveBuilder<TimestampMicrosecondType>, Tz),
    Nanos(PrimitiveBuilder<TimestampNanosecondType>, Tz),
    Text(StringViewBuilder),
    PlainText(StringBuilder),
    Binary(BinaryViewBuilder),
}

/// Makes a column of `cells` at one go.
///
/// # Errors
/// As [`Builder::new`].
pub(super) fn column<'a>(
    cells: impl ExactSizeIterator<Item = Option<&'a str>>,
    data_type: &DataType,
) -> Result<Column> {
    let mut builder = Builder::new(data_type, cells.len())?;
    builder.append(cells);
    Ok(builder.finish())
}

impl Builder {
    /// An empty column with room for `rows` rows.
    ///
    /// # Errors
    /// `Usage` for a type that text cannot be read as.
    pub(super) fn new(data_type: &DataType, rows: usize) -> Result<Self> {
        use DataType as T;
        let t = data_type;
        let kind = match t {
            T::Null => Kind::Null,
            T::Boolean => Kind::Boolean(BooleanBuilder::with_capacity(rows)),
            T::Int8 => Kind::Int8(primitive(t, rows)),
            T::Int16 => Kind::Int16(primitive(t, rows)),
            T::Int32 => Kind::Int32(primitive(t, rows)),
            T::Int64 => Kind::Int64(primitive(t, rows)),
            T::UInt8 => Kind::UInt8(primitive(t, rows)),
            T::UInt16 => Kind::UInt16(primitive(t, rows)),
            T::UInt32 => Kind::UInt32(primitive(t, rows)),
            T::UInt64 => Kind::UInt64(primitive(t, rows)),
            T::Float32 => Kind::Float32(primitive(t, rows)),
            T::Float64 => Kind::Float64(primitive(t, rows)),
            T::Decimal128(p, s) => Kind::Decimal(primitive(t, rows), *p, i32::from(*s)),
            T::Date32 => Kind::Date(primitive(t, rows)),
            T::Timestamp(unit, name) => {
                let zone = zone(name.as_deref())?;
                match unit {
                    TimeUnit::Second => Kind::Seconds(primitive(t, rows), zone),
                    TimeUnit::Millisecond => Kind::Millis(primitive(t, rows), zone),
                    TimeUnit::Microsecond => Kind::Micros(primitive(t, rows), zone),
                    TimeUnit::Nanosecond => Kind::Nanos(primitive(t, rows), zone),
                }
            }
            T::Utf8View => Kind::Text(StringViewBuilder::with_capacity(rows)),
            T::Utf8 => Kind::PlainText(StringBuilder::new()),
            T::BinaryView => Kind::Binary(BinaryViewBuilder::with_capacity(rows)),
            other => {
                return Err(Error::usage(format!(
                    "text cannot be read as {other}: state another type under schema"
                )));
            }
        };
        Ok(Self { kind, rows: 0, bad: Vec::new() })
    }

    /// Adds rows.
    pub(super) fn append<'a>(&mut self, cells: impl ExactSizeIterator<Item = Option<&'a str>>) {
        use Kind as K;
        let (first, bad) = (self.rows, &mut self.bad);
        self.rows += cells.len();
        match &mut self.kind {
            K::Null => fill(cells, first, bad, |cell| cell.is_none()),
            K::Boolean(b) => fill(cells, first, bad, |cell| {
                let value = cell.and_then(boolean);
                b.append_option(value);
                value.is_some() || cell.is_none()
            }),
            K::Int8(b) => values(b, cells, first, bad, integer::<Int8Type>),
            K::Int16(b) => values(b, cells, first, bad, integer::<Int16Type>),
            K::Int32(b) => values(b, cells, first, bad, integer::<Int32Type>),
            K::Int64(b) => values(b, cells, first, bad, integer::<Int64Type>),
            K::UInt8(b) => values(b, cells, first, bad, integer::<UInt8Type>),
            K::UInt16(b) => values(b, cells, first, bad, integer::<UInt16Type>),
            K::UInt32(b) => values(b, cells, first, bad, integer::<UInt32Type>),
            K::UInt64(b) => values(b, cells, first, bad, integer::<UInt64Type>),
            K::Float32(b) => values(b, cells, first, bad, |s| {
                Float32Type::parse(s).filter(|v| v.is_finite() || !has_digit(s))
            }),
            K::Float64(b) => values(b, cells, first, bad, float),
            K::Decimal(b, p, s) => values(b, cells, first, bad, |text| decimal(text, *p, *s)),
            K::Date(b) => values(b, cells, first, bad, date),
            K::Seconds(b, zone) => values(b, cells, first, bad, |s| Some(instant(s, *zone)?.timestamp())),
            K::Millis(b, zone) => {
                values(b, cells, first, bad, |s| Some(instant(s, *zone)?.timestamp_millis()));
            }
            K::Micros(b, zone) => {
                values(b, cells, first, bad, |s| Some(instant(s, *zone)?.timestamp_micros()));
            }
            K::Nanos(b, zone) => values(b, cells, first, bad, |s| instant(s, *zone)?.timestamp_nanos_opt()),
            K::Text(b) => cells.for_each(|cell| b.append_option(cell)),
            K::PlainText(b) => cells.for_each(|cell| b.append_option(cell)),
            K::Binary(b) => cells.for_each(|cell| b.append_option(cell)),
        }
    }

    /// The column.
    pub(super) fn finish(self) -> Column {
        use Kind as K;
        let array: ArrayRef = match self.kind {
            K::Null => Arc::new(NullArray::new(self.rows)),
            K::Boolean(mut b) => Arc::new(b.finish()),
            K::Int8(mut b) => Arc::new(b.finish()),
            K::Int16(mut b) => Arc::new(b.finish()),
            K::Int32(mut b) => Arc::new(b.finish()),
            K::Int64(mut b) => Arc::new(b.finish()),
            K::UInt8(mut b) => Arc::new(b.finish()),
            K::UInt16(mut b) => Arc::new(b.finish()),
            K::UInt32(mut b) => Arc::new(b.finish()),
            K::UInt64(mut b) => Arc::new(b.finish()),
            K::Float32(mut b) => Arc::new(b.finish()),
            K::Float64(mut b) => Arc::new(b.finish()),
            K::Decimal(mut b, ..) => Arc::new(b.finish()),
            K::Date(mut b) => Arc::new(b.finish()),
            K::Seconds(mut b, _) => Arc::new(b.finish()),
            K::Millis(mut b, _) => Arc::new(b.finish()),
            K::Micros(mut b, _) => Arc::new(b.finish()),
            K::Nanos(mut b, _) => Arc::new(b.finish()),
            K::Text(mut b) => Arc::new(b.finish()),
            K::PlainText(mut b) => Arc::new(b.finish()),
            K::Binary(mut b) => Arc::new(b.finish()),
        };
        (array, self.bad)
    }
}

fn primitive<T: ArrowPrimitiveType>(data_type: &DataType, rows: usize) -> PrimitiveBuilder<T> {
    PrimitiveBuilder::with_capacity(rows).with_data_type(data_type.clone())
}

/// Gives each cell, an empty one as NULL, to `append`, which says whether it could be read.
#[inline]
fn fill<'a>(
    cells: impl Iterator<Item = Option<&'a str>>,
    first: usize,
    bad: &mut Vec<usize>,
    mut append: impl FnMut(Option<&'a str>) -> bool,
) {
    for (row, cell) in cells.enumerate() {
        if !append(cell.filter(|text| !text.is_empty())) {
            bad.push(first + row);
        }
    }
}

#[inline]
fn values<'a, T: ArrowPrimitiveType>(
    builder: &mut PrimitiveBuilder<T>,
    cells: impl Iterator<Item = Option<&'a str>>,
    first: usize,
    bad: &mut Vec<usize>,
    parse: impl Fn(&str) -> Option<T::Native>,
) {
    fill(cells, first, bad, |cell| {
        let value = cell.and_then(&parse);
        builder.append_option(value);
        value.is_some() || cell.is_none()
    });
}

fn zone(name: Option<&str>) -> Result<Tz> {
    let name = name.unwrap_or("+00:00");
    name.parse().map_err(|e| Error::usage(format!("'{name}' is no time zone")).because(Box::new(e)))
}

fn instant(text: &str, zone: Tz) -> Option<chrono::DateTime<Tz>> {
    // The parser slices text by bytes.
    if text.is_ascii() { string_to_datetime(&zone, text).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use arrow::array::Array;
    use arrow::util::display::array_value_to_string;

    use super::*;

    #[test]
    fn values_are_exact_or_refused() {
        use DataType as T;
        let micros = T::Timestamp(TimeUnit::Microsecond, None);
        let zoned = T::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let nines = "9".repeat(300);
        let cases: Vec<(&str, T, Option<&str>)> = vec![
            ("5", T::Int64, Some("5")),
            ("-9223372036854775808", T::Int64, Some("-9223372036854775808")),
            ("9223372036854775808", T::Int64, None),
            ("2.0", T::Int64, Some("2")),
            ("1e3", T::Int16, Some("1000")),
            ("1e5", T::Int16, None),
            ("2.5", T::Int64, None),
            ("", T::Int64, Some("")),
            ("-1", T::UInt8, None),
            ("256", T::UInt8, None),
            ("18446744073709551615", T::UInt64, Some("18446744073709551615")),
            ("abc", T::Float64, None),
            ("1e999", T::Float64, None),
            ("1e39", T::Float32, None),
            ("inf", T::Float64, Some("inf")),
            ("1.5", T::Float64, Some("1.5")),
            ("TRUE", T::Boolean, Some("true")),
            ("yes", T::Boolean, None),
            ("1.23", T::Decimal128(5, 2), Some("1.23")),
            ("1.230", T::Decimal128(5, 2), Some("1.23")),
            ("1.239", T::Decimal128(5, 2), None),
            ("-999.99", T::Decimal128(5, 2), Some("-999.99")),
            ("1000", T::Decimal128(5, 2), None),
            ("123456789012345678", T::Decimal128(38, 20), Some("123456789012345678.00000000000000000000")),
            ("1234567890123456789", T::Decimal128(38, 20), None),
            ("12.3e1", T::Decimal128(5, 2), Some("123.00")),
            ("1e-1", T::Decimal128(5, 2), Some("0.10")),
            ("0e99999", T::Decimal128(5, 2), Some("0.00")),
            (".", T::Decimal128(5, 2), None),
            ("1.2.3", T::Decimal128(5, 2), None),
            ("1e", T::Decimal128(5, 2), None),
            (&nines, T::Decimal128(38, 0), None),
            ("2020-02-29", T::Date32, Some("2020-02-29")),
            ("2021-02-29", T::Date32, None),
            ("2020-02-29T10:00:00", T::Date32, None),
            ("2020-02-29 10:00:00.5", micros.clone(), Some("2020-02-29T10:00:00.500")),
            ("2020-02-29T10:00:00+02:00", zoned, Some("2020-02-29T08:00:00Z")),
            ("2020-02-29T10:00é:00", micros.clone(), None),
            ("2020-02-29", micros, Some("2020-02-29T00:00:00")),
            ("x", T::Null, None),
            ("", T::Utf8View, Some("")),
            ("é", T::Utf8View, Some("é")),
        ];
        for (text, data_type, expected) in cases {
            let (array, bad) = column([Some(text), None].into_iter(), &data_type).expect("a known type");
            assert_eq!(array.len(), 2);
            assert_eq!(array.data_type(), &data_type);
            let shown = array_value_to_string(&array, 0).expect("a value");
            assert_eq!(bad, if expected.is_none() { vec![0] } else { vec![] }, "{text} as {data_type}");
            assert_eq!(shown, expected.unwrap_or_default(), "{text} as {data_type}");
        }
    }

    #[test]
    fn types_without_a_text_form_are_refused() {
        let list = DataType::new_list(DataType::Int8, true);
        assert!(column([Some("[1]")].into_iter(), &list).is_err());
    }
}
