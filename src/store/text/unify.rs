//! One schema for several text files.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};

use super::infer::timestamp;
use crate::error::{Error, Result};
use crate::spec::types;

/// The columns of both schemas, by name: those of `a`, then those that only `b` has.
///
/// # Errors
/// As [`unify_types`], with the column.
pub fn unify(a: &Schema, b: &Schema) -> Result<SchemaRef> {
    let mut fields: Vec<Field> = a.fields().iter().map(|f| f.as_ref().clone()).collect();
    merge(&mut fields, b.fields())?;
    Ok(Arc::new(Schema::new(fields)))
}

/// The type that holds the texts of both: Null gives way to any other, integers and floats are
/// floats, dates and timestamps are timestamps, anything else is text. Lists and structs are
/// unified inside.
///
/// # Errors
/// `BadData` when one is a list or struct and the other is not.
pub fn unify_types(a: &DataType, b: &DataType) -> Result<DataType> {
    use DataType as T;
    Ok(match (a, b) {
        (a, b) if a == b => a.clone(),
        (T::Null, other) | (other, T::Null) => other.clone(),
        (T::Int64, T::Float64) | (T::Float64, T::Int64) => T::Float64,
        (T::Date32, T::Timestamp(_, None)) | (T::Timestamp(_, None), T::Date32) => timestamp(false),
        (T::List(a), T::List(b)) => {
            let item = unify_types(a.data_type(), b.data_type())?;
            T::List(Arc::new(Field::new(a.name(), item, true)))
        }
        (T::Struct(a), T::Struct(b)) => {
            let mut fields: Vec<Field> = a.iter().map(|f| f.as_ref().clone()).collect();
            merge(&mut fields, b)?;
            T::Struct(fields.into())
        }
        (a, b) if a.is_nested() || b.is_nested() => {
            return Err(Error::bad_data(format!(
                "values of types {} and {} cannot be one column: leave one kind out, or rename it",
                types::name(a),
                types::name(b)
            )));
        }
        _ => T::Utf8View,
    })
}

fn merge(fields: &mut Vec<Field>, more: &Fields) -> Result<()> {
    let known: std::collections::HashMap<String, usize> =
        fields.iter().enumerate().map(|(i, f)| (f.name().clone(), i)).collect();
    for field in more {
        match known.get(field.name()).and_then(|i| fields.get_mut(*i)) {
            Some(old) => {
                let both = unify_types(old.data_type(), field.data_type());
                let both = both.map_err(|e| e.with("column", field.name()))?;
                *old = Field::new(old.name(), both, true);
            }
            None => fields.push(field.as_ref().clone()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_widen_or_become_text() {
        use DataType as T;
        let cases = [
            (T::Null, T::Int64, T::Int64),
            (T::Int64, T::Int64, T::Int64),
            (T::Int64, T::Float64, T::Float64),
            (T::Date32, timestamp(false), timestamp(false)),
            (T::Date32, timestamp(true), T::Utf8View),
            (timestamp(false), timestamp(true), T::Utf8View),
            (T::Int64, T::Boolean, T::Utf8View),
            (T::Int64, T::Date32, T::Utf8View),
        ];
        for (a, b, both) in cases {
            assert_eq!(unify_types(&a, &b).expect("scalars"), both, "{a} {b}");
            assert_eq!(unify_types(&b, &a).expect("scalars"), both, "{b} {a}");
        }
    }

    #[test]
    fn schemas_unify_by_name_and_inside() {
        use DataType as T;
        let point = |z| {
            let z = Field::new("z", z, true);
            T::Struct(vec![z].into())
        };
        let a = Schema::new(vec![Field::new("a", T::Null, true), Field::new("p", point(T::Int64), true)]);
        let b =
            Schema::new(vec![Field::new("p", point(T::Float64), true), Field::new("b", T::Boolean, true)]);
        let both = unify(&a, &b).expect("they unify");
        let expected = Schema::new(vec![
            Field::new("a", T::Null, true),
            Field::new("p", point(T::Float64), true),
            Field::new("b", T::Boolean, true),
        ]);
        assert_eq!(*both, expected);
        let c = Schema::new(vec![Field::new("p", T::Int64, true)]);
        let error = unify(&a, &c).expect_err("a struct is no integer").to_string();
        assert!(error.contains("cannot be one column") && error.contains("column=p"), "{error}");
    }
}
