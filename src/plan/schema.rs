//! One schema for all files of a table, when the files state their types.
//!
//! Columns are matched by name, letter case included. Types are widened only where every value
//! keeps its meaning; a column that some files lack is NULL in their rows. Everything else is
//! refused with both files, the column and both types.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::error::{Error, Result};
use crate::spec::types::name;

/// Collects the schemas of files, one after the other.
#[derive(Debug, Default)]
pub struct Unifier {
    columns: Vec<Column>,
    by_name: HashMap<String, usize>,
    last: Option<SchemaRef>,
}

#[derive(Debug)]
struct Column {
    name: String,
    data_type: DataType,
    /// The file that brought the type.
    file: String,
}

impl Unifier {
    /// Adds the schema of `file`.
    ///
    /// # Errors
    /// `Usage` if a column's type cannot be united with that of an earlier file.
    pub fn add(&mut self, schema: &SchemaRef, file: &str) -> Result<()> {
        if self.last.as_ref() == Some(schema) {
            return Ok(());
        }
        for field in schema.fields() {
            match self.by_name.get(field.name()).and_then(|i| self.columns.get_mut(*i)) {
                Some(column) if column.data_type == *field.data_type() => (),
                Some(column) => {
                    let both = widened(&column.data_type, field.data_type())
                        .ok_or_else(|| refused(column, field, file))?;
                    if both != column.data_type {
                        file.clone_into(&mut column.file);
                        column.data_type = both;
                    }
                }
                None => {
                    self.by_name.insert(field.name().clone(), self.columns.len());
                    let (name, data_type) = (field.name().clone(), field.data_type().clone());
                    self.columns.push(Column { name, data_type, file: file.to_owned() });
                }
            }
        }
        self.last = Some(Arc::clone(schema));
        Ok(())
    }

    /// The columns of all files in the order in which they were met; all may be NULL.
    #[must_use]
    pub fn finish(self) -> Schema {
        let fields = self.columns.into_iter().map(|c| Field::new(c.name, c.data_type, true));
        Schema::new(fields.collect::<Vec<_>>())
    }
}

fn refused(column: &Column, field: &Field, file: &str) -> Error {
    Error::usage(format!(
        "the files disagree on the type of a column and neither type holds all values of the other: \
         {} and {}; state a schema, or read the files as two inputs",
        name(&column.data_type),
        name(field.data_type())
    ))
    .with("column", &column.name)
    .with("file", &column.file)
    .with("other", file)
}

/// Checks that each column of `file` that `stated` has can be read as it states.
///
/// # Errors
/// `Usage` naming file, column and both types.
pub fn fits(stated: &Schema, schema: &Schema, file: &str) -> Result<()> {
    for wanted in stated.fields() {
        let Ok(field) = schema.field_with_name(wanted.name()) else { continue };
        if widened(wanted.data_type(), field.data_type()).as_ref() != Some(wanted.data_type()) {
            return Err(Error::usage(format!(
                "the file has a column of type {} which the stated type {} cannot hold",
                name(field.data_type()),
                name(wanted.data_type())
            ))
            .with("column", wanted.name())
            .with("file", file));
        }
    }
    Ok(())
}

/// The narrowest type that holds all values of both, without loss and with the same meaning.
#[must_use]
pub fn widened(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType as T;
    Some(match (a, b) {
        _ if a == b => a.clone(),
        (T::Null, other) | (other, T::Null) => other.clone(),
        (T::Date32, T::Timestamp(unit, None)) | (T::Timestamp(unit, None), T::Date32) => {
            T::Timestamp(*unit, None)
        }
        (T::Timestamp(unit, None), T::Timestamp(other, None)) => T::Timestamp(*finer(unit, other), None),
        (T::Timestamp(unit, Some(zone)), T::Timestamp(other, Some(theirs))) => {
            // Both are instants; the zone only decides how they are shown.
            let zone = if zone == theirs { Arc::clone(zone) } else { "UTC".into() };
            T::Timestamp(*finer(unit, other), Some(zone))
        }
        (T::Time32(unit) | T::Time64(unit), T::Time32(other) | T::Time64(other)) => {
            match finer(unit, other) {
                unit @ (TimeUnit::Second | TimeUnit::Millisecond) => T::Time32(*unit),
                unit => T::Time64(*unit),
            }
        }
        (T::Duration(unit), T::Duration(other)) => T::Duration(*finer(unit, other)),
        (T::Decimal128(p, s), T::Decimal128(q, t)) if s == t => T::Decimal128(*p.max(q), *s),
        (T::Decimal128(p, s) | T::Decimal256(p, s), T::Decimal128(q, t) | T::Decimal256(q, t)) if s == t => {
            T::Decimal256(*p.max(q), *s)
        }
        (T::Utf8 | T::LargeUtf8 | T::Utf8View, T::Utf8 | T::LargeUtf8 | T::Utf8View) => T::Utf8View,
        (T::Binary | T::LargeBinary | T::BinaryView, T::Binary | T::LargeBinary | T::BinaryView) => {
            T::BinaryView
        }
        (T::List(item), T::List(other)) => {
            T::List(Arc::new(Field::new(item.name(), widened(item.data_type(), other.data_type())?, true)))
        }
        (T::Struct(fields), T::Struct(others)) if fields.len() == others.len() => {
            let fields = fields.iter().zip(others).map(|(field, other)| {
                let both = widened(field.data_type(), other.data_type())?;
                (field.name() == other.name()).then(|| Field::new(field.name(), both, true))
            });
            T::Struct(fields.collect::<Option<Vec<_>>>()?.into())
        }
        _ => return number(a, b),
    })
}

const fn finer<'a>(a: &'a TimeUnit, b: &'a TimeUnit) -> &'a TimeUnit {
    const fn rank(unit: TimeUnit) -> u8 {
        match unit {
            TimeUnit::Second => 0,
            TimeUnit::Millisecond => 1,
            TimeUnit::Microsecond => 2,
            TimeUnit::Nanosecond => 3,
        }
    }
    if rank(*a) >= rank(*b) { a } else { b }
}

/// Bits of the whole numbers that a type holds, and whether negative ones too.
const fn integer(data_type: &DataType) -> Option<(u8, bool)> {
    Some(match data_type {
        DataType::Int8 => (8, true),
        DataType::Int16 => (16, true),
        DataType::Int32 => (32, true),
        DataType::Int64 => (64, true),
        DataType::UInt8 => (8, false),
        DataType::UInt16 => (16, false),
        DataType::UInt32 => (32, false),
        DataType::UInt64 => (64, false),
        _ => return None,
    })
}

fn number(a: &DataType, b: &DataType) -> Option<DataType> {
    let float = |t: &DataType| matches!(t, DataType::Float32 | DataType::Float64);
    match (integer(a), integer(b)) {
        (Some((x, true)), Some((y, true))) => signed(x.max(y)),
        (Some((x, false)), Some((y, false))) => Some(if x > y { a.clone() } else { b.clone() }),
        (Some((s, true)), Some((u, false))) | (Some((u, false)), Some((s, true))) => {
            signed(s.max(u.checked_mul(2)?))
        }
        // A float64 holds whole numbers of 53 bits. Which float and which numbers does not matter, so
        // that the order of the files does not; 32 bits without sign would, as they may become int64.
        (Some((8 | 16, _) | (32, true)), None) if float(b) => Some(DataType::Float64),
        (None, Some((8 | 16, _) | (32, true))) if float(a) => Some(DataType::Float64),
        (None, None) if float(a) && float(b) => Some(DataType::Float64),
        _ => None,
    }
}

const fn signed(bits: u8) -> Option<DataType> {
    match bits {
        8 => Some(DataType::Int8),
        16 => Some(DataType::Int16),
        32 => Some(DataType::Int32),
        64 => Some(DataType::Int64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use DataType as T;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn widening_is_lossless_or_refused() {
        let ts = |unit, zone: Option<&str>| T::Timestamp(unit, zone.map(Into::into));
        let cases = [
            (T::Int8, T::Int64, Some(T::Int64)),
            (T::UInt8, T::Int8, Some(T::Int16)),
            (T::UInt32, T::Int8, Some(T::Int64)),
            (T::UInt8, T::UInt32, Some(T::UInt32)),
            (T::UInt64, T::Int8, None),
            (T::Int32, T::Float64, Some(T::Float64)),
            (T::Int32, T::Float32, Some(T::Float64)),
            (T::Int16, T::Float32, Some(T::Float64)),
            (T::UInt32, T::Float64, None),
            (T::Int64, T::Float64, None),
            (T::Float32, T::Float64, Some(T::Float64)),
            (T::Null, T::Utf8View, Some(T::Utf8View)),
            (T::Utf8, T::LargeUtf8, Some(T::Utf8View)),
            (T::Utf8View, T::BinaryView, None),
            (T::Utf8View, T::Int64, None),
            (T::Date32, ts(TimeUnit::Millisecond, None), Some(ts(TimeUnit::Millisecond, None))),
            (T::Date32, ts(TimeUnit::Millisecond, Some("UTC")), None),
            (
                ts(TimeUnit::Second, None),
                ts(TimeUnit::Microsecond, None),
                Some(ts(TimeUnit::Microsecond, None)),
            ),
            (ts(TimeUnit::Second, None), ts(TimeUnit::Second, Some("UTC")), None),
            (
                ts(TimeUnit::Second, Some("Europe/Rome")),
                ts(TimeUnit::Second, Some("UTC")),
                Some(ts(TimeUnit::Second, Some("UTC"))),
            ),
            (T::Decimal128(10, 2), T::Decimal128(15, 2), Some(T::Decimal128(15, 2))),
            (T::Decimal128(10, 2), T::Decimal128(10, 3), None),
            (T::Decimal128(10, 2), T::Decimal256(40, 2), Some(T::Decimal256(40, 2))),
            (T::Int64, T::Decimal128(20, 0), None),
            (
                T::Time32(TimeUnit::Second),
                T::Time64(TimeUnit::Nanosecond),
                Some(T::Time64(TimeUnit::Nanosecond)),
            ),
            (T::Boolean, T::Int8, None),
        ];
        for (a, b, expected) in cases {
            assert_eq!(widened(&a, &b), expected, "{a} {b}");
            assert_eq!(widened(&b, &a), expected, "{b} {a}");
        }
    }

    fn schema(columns: &[(&str, T)]) -> SchemaRef {
        Arc::new(Schema::new(
            columns.iter().map(|(n, t)| Field::new(*n, t.clone(), true)).collect::<Vec<_>>(),
        ))
    }

    #[test]
    fn missing_and_added_columns_stay_and_conflicts_name_everything() {
        let mut all = Unifier::default();
        all.add(&schema(&[("a", T::Int32), ("b", T::Utf8View)]), "1").expect("first");
        all.add(&schema(&[("A", T::Date32), ("a", T::Int64)]), "2").expect("second");
        let error = all.add(&schema(&[("a", T::Float64)]), "3").expect_err("lossy").to_string();
        for part in ["int64", "float64", "column=a", "file=2", "other=3"] {
            assert!(error.contains(part), "{error}");
        }
        let expected = [("a", T::Int64), ("b", T::Utf8View), ("A", T::Date32)];
        assert_eq!(all.finish(), *schema(&expected));
    }

    #[test]
    fn a_stated_schema_must_hold_what_files_have() {
        let stated = schema(&[("a", T::Int64), ("b", T::Utf8View)]);
        fits(&stated, &schema(&[("a", T::Int32), ("c", T::Date32)]), "f").expect("fits");
        let error = fits(&stated, &schema(&[("a", T::UInt64)]), "f").expect_err("does not fit").to_string();
        assert!(
            error.contains("uint64") && error.contains("file=f") && error.contains("column=a"),
            "{error}"
        );
    }

    fn any_number() -> impl Strategy<Value = T> {
        let all = [
            T::Int8,
            T::Int16,
            T::Int32,
            T::Int64,
            T::UInt8,
            T::UInt16,
            T::UInt32,
            T::UInt64,
            T::Float32,
            T::Float64,
            T::Null,
        ];
        prop::sample::select(all.to_vec())
    }

    proptest! {
        /// The result never depends on the order of the files, nor does whether it is refused.
        #[test]
        fn order_does_not_matter(types in prop::collection::vec(any_number(), 1..5)) {
            let fold = |types: &[T]| types.iter().try_fold(T::Null, |a, b| widened(&a, b));
            let mut reversed = types.clone();
            reversed.reverse();
            let mut rotated = types.clone();
            rotated.rotate_left(1);
            prop_assert_eq!(fold(&types), fold(&reversed));
            prop_assert_eq!(fold(&types), fold(&rotated));
        }
    }
}
