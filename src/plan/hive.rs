//! Columns from `key=value` folders: their types and their values.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, StringViewArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field};
use chrono::NaiveDate;

use crate::error::{Error, Result};

/// The type of a folder column, from its values in all files (`None` is NULL): `int64` if all are
/// whole numbers, `date` if all are dates as `2013-01-31`, otherwise string.
pub fn infer<'a>(values: impl Iterator<Item = Option<&'a str>>) -> DataType {
    let (mut ints, mut dates, mut any) = (true, true, false);
    for value in values.flatten() {
        any = true;
        ints = ints && integer(value).is_some();
        dates = dates && date(value).is_some();
        if !ints && !dates {
            break;
        }
    }
    match (any, ints, dates) {
        (true, true, _) => DataType::Int64,
        (true, _, true) => DataType::Date32,
        _ => DataType::Utf8View,
    }
}

/// The values of a folder column as `field` wants them.
///
/// # Errors
/// `Stop` if a text is no value of the field's type, which [`infer`] rules out.
pub fn array<'a>(field: &Field, values: impl Iterator<Item = Option<&'a str>>) -> Result<ArrayRef> {
    let bad = |text: &str| {
        Error::stop(format!("'{text}' in a folder's name is no {}", field.data_type()))
            .with("column", field.name())
    };
    Ok(match field.data_type() {
        DataType::Int64 => {
            let ints = values.map(|v| v.map(|t| integer(t).ok_or_else(|| bad(t))).transpose());
            Arc::new(ints.collect::<Result<Int64Array>>()?)
        }
        DataType::Date32 => {
            let days = values.map(|v| v.map(|t| date(t).ok_or_else(|| bad(t))).transpose());
            Arc::new(days.collect::<Result<Date32Array>>()?)
        }
        DataType::Utf8View => Arc::new(values.collect::<StringViewArray>()),
        // Only a stated schema asks for other types.
        other => {
            let texts: StringViewArray = values.collect();
            let strict = CastOptions { safe: false, ..CastOptions::default() };
            cast_with_options(&texts, other, &strict).map_err(|e| {
                Error::stop(format!("a value in a folder's name is no {other}"))
                    .with("column", field.name())
                    .because(e)
            })?
        }
    })
}

/// `rows` times the value of a folder column.
///
/// # Errors
/// As [`array()`].
pub fn constant(field: &Field, value: Option<&str>, rows: usize) -> Result<ArrayRef> {
    array(field, std::iter::repeat_n(value, rows))
}

fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Days since 1970-01-01.
fn date(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 10
        && bytes
            .iter()
            .enumerate()
            .all(|(i, b)| if i == 4 || i == 7 { *b == b'-' } else { b.is_ascii_digit() });
    let day = if shaped { NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()? } else { return None };
    i32::try_from(day.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_inferred_over_all_values() {
        let cases: [(&[Option<&str>], DataType); 10] = [
            (&[Some("1"), Some("-20"), None], DataType::Int64),
            (&[Some("01")], DataType::Int64),
            (&[Some("9223372036854775808")], DataType::Utf8View),
            (&[Some("1"), Some("x")], DataType::Utf8View),
            (&[Some("1"), Some("2013-01-01")], DataType::Utf8View),
            (&[Some("2013-01-01"), None], DataType::Date32),
            (&[Some("2013-02-30")], DataType::Utf8View),
            (&[Some("+1")], DataType::Utf8View),
            (&[Some("")], DataType::Utf8View),
            (&[None], DataType::Utf8View),
        ];
        for (values, expected) in cases {
            assert_eq!(infer(values.iter().copied()), expected, "{values:?}");
        }
    }

    #[test]
    fn constants_have_the_type_and_the_value() {
        let cases = [
            (DataType::Int64, Some("-7"), "-7"),
            (DataType::Date32, Some("2013-01-31"), "2013-01-31"),
            (DataType::Utf8View, Some("a b"), "a b"),
            (DataType::Int32, Some("7"), "7"),
            (DataType::Float64, Some("1.5"), "1.5"),
            (DataType::Int64, None, ""),
        ];
        for (data_type, value, expected) in cases {
            let array = constant(&Field::new("k", data_type.clone(), true), value, 3).expect("a constant");
            assert_eq!((array.len(), array.data_type()), (3, &data_type));
            let shown = arrow::util::display::array_value_to_string(&array, 2).expect("shown");
            assert_eq!(shown, expected);
        }
        for bad in [DataType::Int64, DataType::Int8, DataType::Date32] {
            assert!(constant(&Field::new("k", bad, true), Some("300x"), 1).is_err());
        }
    }
}
