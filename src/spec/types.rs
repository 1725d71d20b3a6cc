//! Column types of a stated schema, as text: `int64`, `float64`, `decimal(15,2)`, `timestamp`, …

use arrow::datatypes::{DataType, TimeUnit};

use crate::error::{Error, Result};

const KNOWN: &str = "is no column type: use bool, int8 … int64, uint8 … uint64, float32, float64, decimal(p,s), \
                     string, binary, date, timestamp or timestamptz";

/// Reads a column type.
///
/// # Errors
/// An unknown name, with the list of the known ones.
pub fn parse(text: &str) -> Result<DataType> {
    read(text).map_err(|why| Error::usage(format!("'{text}' {why}")))
}

/// Reads a column type; the error is the end of a sentence that begins with the text.
pub(super) fn read(text: &str) -> Result<DataType, &'static str> {
    let lower = text.trim().to_ascii_lowercase();
    if let Some(args) = lower.strip_prefix("decimal(").and_then(|t| t.strip_suffix(')')) {
        let mut parts = args.split(',').map(str::trim);
        let precision = parts.next().and_then(|p| p.parse::<u8>().ok());
        let scale = parts.next().map_or(Some(0), |s| s.parse::<i8>().ok());
        if let (Some(p @ 1..=38), Some(s), None) = (precision, scale, parts.next())
            && s >= 0
            && s.unsigned_abs() <= p
        {
            return Ok(DataType::Decimal128(p, s));
        }
        return Err("is no decimal type: write decimal(precision, scale) with precision up to 38");
    }
    Ok(match lower.as_str() {
        "bool" | "boolean" => DataType::Boolean,
        "int8" | "tinyint" => DataType::Int8,
        "int16" | "smallint" => DataType::Int16,
        "int32" | "int" | "integer" => DataType::Int32,
        "int64" | "bigint" | "long" => DataType::Int64,
        "uint8" => DataType::UInt8,
        "uint16" => DataType::UInt16,
        "uint32" => DataType::UInt32,
        "uint64" => DataType::UInt64,
        "float32" | "float" | "real" => DataType::Float32,
        "float64" | "double" => DataType::Float64,
        "string" | "text" | "varchar" | "utf8" => DataType::Utf8View,
        "binary" | "bytes" => DataType::BinaryView,
        "date" => DataType::Date32,
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "timestamptz" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        _ => return Err(KNOWN),
    })
}

/// The text of a type that [`parse`] gives.
#[must_use]
pub fn name(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8View => "string".to_owned(),
        DataType::BinaryView => "binary".to_owned(),
        DataType::Boolean => "bool".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Decimal128(p, s) => format!("decimal({p},{s})"),
        DataType::Timestamp(_, None) => "timestamp".to_owned(),
        DataType::Timestamp(_, Some(_)) => "timestamptz".to_owned(),
        other => other.to_string().to_ascii_lowercase(),
    }
}

/// serde form of a column type: its text.
pub(super) mod as_text {
    use arrow::datatypes::DataType;
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(in super::super) fn serialize<S: Serializer>(t: &DataType, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::name(t))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<DataType, D::Error> {
        super::parse(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}
