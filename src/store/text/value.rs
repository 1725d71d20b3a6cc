//! Text as values of a column's type: exact, or not at all.

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

use crate::error::{Error, Result};

/// A column, and the rows whose text is no value of its type (NULL in the column).
pub(super) type Column = (ArrayRef, Vec<usize>);

/// Makes a column of `cells`; `None` is NULL. An empty text is NULL, too, unless the type is text.
///
/// # Errors
/// `Usage` for a type that text cannot be read as.
pub(super) fn column<'a>(
    cells: impl ExactSizeIterator<Item = Option<&'a str>>,
    data_type: &DataType,
) -> Result<Column> {
    use DataType as T;
    let t = data_type;
    Ok(match t {
        T::Null => nulls(cells),
        T::Boolean => booleans(cells),
        T::Int8 => primitives::<Int8Type>(cells, t, integer::<Int8Type>),
        T::Int16 => primitives::<Int16Type>(cells, t, integer::<Int16Type>),
        T::Int32 => primitives::<Int32Type>(cells, t, integer::<Int32Type>),
        T::Int64 => primitives::<Int64Type>(cells, t, integer::<Int64Type>),
        T::UInt8 => primitives::<UInt8Type>(cells, t, integer::<UInt8Type>),
        T::UInt16 => primitives::<UInt16Type>(cells, t, integer::<UInt16Type>),
        T::UInt32 => primitives::<UInt32Type>(cells, t, integer::<UInt32Type>),
        T::UInt64 => primitives::<UInt64Type>(cells, t, integer::<UInt64Type>),
        T::Float32 => primitives::<Float32Type>(cells, t, |s| {
            Float32Type::parse(s).filter(|v| v.is_finite() || !has_digit(s))
        }),
        T::Float64 => primitives::<Float64Type>(cells, t, float),
        T::Decimal128(p, s) => {
            primitives::<Decimal128Type>(cells, t, |text| decimal(text, *p, i32::from(*s)))
        }
        T::Date32 => primitives::<Date32Type>(cells, t, date),
        T::Timestamp(unit, zone) => return timestamps(cells, t, *unit, zone.as_deref()),
        T::Utf8View => {
            let mut builder = StringViewBuilder::with_capacity(cells.len());
            cells.for_each(|cell| builder.append_option(cell));
            (Arc::new(builder.finish()), Vec::new())
        }
        T::Utf8 => {
            let mut builder = StringBuilder::new();
            cells.for_each(|cell| builder.append_option(cell));
            (Arc::new(builder.finish()), Vec::new())
        }
        T::BinaryView => {
            let mut builder = BinaryViewBuilder::with_capacity(cells.len());
            cells.for_each(|cell| builder.append_option(cell));
            (Arc::new(builder.finish()), Vec::new())
        }
        other => {
            return Err(Error::usage(format!(
                "text cannot be read as {other}: state another type under schema"
            )));
        }
    })
}

fn nulls<'a>(cells: impl ExactSizeIterator<Item = Option<&'a str>>) -> Column {
    let length = cells.len();
    let bad = cells.enumerate().filter_map(|(row, cell)| cell.filter(|s| !s.is_empty()).map(|_| row));
    let bad = bad.collect();
    (Arc::new(NullArray::new(length)), bad)
}

fn booleans<'a>(cells: impl ExactSizeIterator<Item = Option<&'a str>>) -> Column {
    let mut builder = BooleanBuilder::with_capacity(cells.len());
    let mut bad = Vec::new();
    for (row, cell) in cells.enumerate() {
        let cell = cell.filter(|s| !s.is_empty());
        let value = cell.and_then(boolean);
        if value.is_none() && cell.is_some() {
            bad.push(row);
        }
        builder.append_option(value);
    }
    (Arc::new(builder.finish()), bad)
}

fn primitives<'a, T: ArrowPrimitiveType>(
    cells: impl ExactSizeIterator<Item = Option<&'a str>>,
    data_type: &DataType,
    parse: impl Fn(&str) -> Option<T::Native>,
) -> Column {
    let mut builder = PrimitiveBuilder::<T>::with_capacity(cells.len()).with_data_type(data_type.clone());
    let mut bad = Vec::new();
    for (row, cell) in cells.enumerate() {
        match cell {
            None | Some("") => builder.append_null(),
            Some(text) => match parse(text) {
                Some(value) => builder.append_value(value),
                None => {
                    bad.push(row);
                    builder.append_null();
                }
            },
        }
    }
    (Arc::new(builder.finish()), bad)
}

fn timestamps<'a>(
    cells: impl ExactSizeIterator<Item = Option<&'a str>>,
    data_type: &DataType,
    unit: TimeUnit,
    zone: Option<&str>,
) -> Result<Column> {
    let zone: Tz = zone.unwrap_or("+00:00").parse().map_err(|e| {
        Error::usage(format!("'{}' is no time zone", zone.unwrap_or_default())).because(Box::new(e))
    })?;
    let instant = |text: &str| {
        // The parser slices text by bytes.
        if text.is_ascii() { string_to_datetime(&zone, text).ok() } else { None }
    };
    let t = data_type;
    Ok(match unit {
        TimeUnit::Second => {
            primitives::<TimestampSecondType>(cells, t, |s| instant(s).map(|i| i.timestamp()))
        }
        TimeUnit::Millisecond => {
            primitives::<TimestampMillisecondType>(cells, t, |s| instant(s).map(|i| i.timestamp_millis()))
        }
        TimeUnit::Microsecond => {
            primitives::<TimestampMicrosecondType>(cells, t, |s| instant(s).map(|i| i.timestamp_micros()))
        }
        TimeUnit::Nanosecond => primitives::<TimestampNanosecondType>(cells, t, |s| {
            instant(s).and_then(|i| i.timestamp_nanos_opt())
        }),
    })
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// An integer, also when written as `2.0` or `1e3`, if it fits the type.
fn integer<T>(text: &str) -> Option<T::Native>
where
    T: Parser,
    T::Native: TryFrom<i128>,
{
    T::parse(text).or_else(|| T::Native::try_from(decimal(text.trim_ascii(), 38, 0)?).ok())
}

/// A number; one that is written in digits must not overflow to infinity.
pub(super) fn float(text: &str) -> Option<f64> {
    Float64Type::parse(text).filter(|value| value.is_finite() || !has_digit(text))
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit())
}

/// A date without a time, `year-month-day` (or eight digits).
pub(super) fn date(text: &str) -> Option<i32> {
    // A longer text would lose its time of day.
    let plain = text.len() <= 10 || text.starts_with(['+', '-']);
    if plain && text.is_ascii() { Date32Type::parse(text) } else { None }
}

/// A decimal as its unscaled integer; `None` when digits would be lost or do not fit.
fn decimal(text: &str, precision: u8, scale: i32) -> Option<i128> {
    if let Some(unscaled) = short_decimal(text, precision, scale) {
        return Some(unscaled);
    }
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    let (digits, exponent) = match digits.iter().position(|b| matches!(b, b'e' | b'E')) {
        None => (digits, 0),
        Some(at) => {
            let exponent: i32 = std::str::from_utf8(&digits[at + 1..]).ok()?.parse().ok()?;
            (&digits[..at], exponent)
        }
    };
    let point = digits.iter().position(|b| *b == b'.').unwrap_or(digits.len());
    let fraction = digits.get(point + 1..).unwrap_or_default();
    if point + fraction.len() == 0 {
        return None;
    }
    // The value is `unscaled` times ten to the power of `shift`.
    let mut unscaled = 0_i128;
    let mut shift = exponent.checked_add(scale)?;
    let mut zeros = 0_i32;
    for (i, byte) in digits[..point].iter().chain(fraction).enumerate() {
        if !byte.is_ascii_digit() {
            return None;
        }
        if i >= point {
            shift = shift.checked_sub(1)?;
        }
        // Zeros are kept back, so that those at the end cost no digits.
        zeros = zeros.checked_add(1)?;
        if *byte != b'0' {
            unscaled = times_ten(unscaled, zeros)?.checked_add(i128::from(byte - b'0'))?;
            zeros = 0;
        }
    }
    let value = times_ten(unscaled, shift.checked_add(zeros)?)?;
    let fits = value < 10_i128.checked_pow(u32::from(precision))?;
    fits.then_some(if negative { -value } else { value })
}

/// The common case of [`decimal`]: up to 18 digits, no exponent, no more fraction than the scale.
fn short_decimal(text: &str, precision: u8, scale: i32) -> Option<i128> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    if digits.len() > 18 || !digits.first()?.is_ascii_digit() {
        return None;
    }
    let (mut value, mut fraction) = (0_i64, None);
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                value = value * 10 + i64::from(byte - b'0');
                fraction = fraction.map(|f: i32| f + 1);
            }
            b'.' if fraction.is_none() => fraction = Some(0),
            _ => return None,
        }
    }
    let power = u32::try_from(scale - fraction.unwrap_or(0)).ok()?;
    let value = i128::from(value).checked_mul(*POWERS.get(power as usize)?)?;
    let fits = value < *POWERS.get(usize::from(precision))?;
    fits.then_some(if negative { -value } else { value })
}

/// Powers of ten from 0 to 38.
const POWERS: [i128; 39] = {
    let mut powers = [1; 39];
    let mut i = 1;
    while i < powers.len() {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// `value` times ten to the power of `shift`; for a negative power only if it divides.
fn times_ten(value: i128, shift: i32) -> Option<i128> {
    if value == 0 {
        return Some(0);
    }
    match 10_i128.checked_pow(shift.unsigned_abs()) {
        Some(power) if shift >= 0 => value.checked_mul(power),
        Some(power) => (value % power == 0).then_some(value / power),
        None => None,
    }
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
