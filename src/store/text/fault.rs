//! Records that cannot be read, in words.

use arrow::datatypes::DataType;

use super::records::Flaw;
use crate::error::Error;
use crate::spec::types;

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// Broken as text; the number of fields it has and of columns it should have.
    Flaw(Flaw, usize, usize),
    /// It is not UTF-8.
    NotUtf8,
    /// It holds a NUL byte.
    Nul,
    /// A value is not of its column's type.
    Value { column: String, text: String, data_type: DataType },
    /// A line is no JSON object, or one that cannot be read; why.
    Json(String),
}

/// How many characters of bad text are shown.
const SHOWN: usize = 60;

/// A text as an error shows it: its beginning, control characters escaped.
pub(super) fn shown(text: &str) -> String {
    let mut short = String::new();
    for c in text.chars().take(SHOWN) {
        match c {
            '\'' | '"' => short.push(c),
            _ => short.extend(c.escape_debug()),
        }
    }
    if text.chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    short
}

impl Fault {
    /// The sentence, without the place.
    pub(super) fn error(&self) -> Error {
        let skip = "or set errors.badRecords: skip";
        let text = match self {
            Self::Flaw(Flaw::Ragged, fields, columns) => {
                let s = if *fields == 1 { "" } else { "s" };
                format!(
                    "the record has {fields} field{s}, the file has {columns} columns: mend it, check \
                     csv.delimiter and csv.quote, {skip}"
                )
            }
            Self::Flaw(Flaw::BehindQuote, ..) => format!(
                "text follows a closing quote: double the quotes inside the field, check csv.quote and \
                 csv.escape, {skip}"
            ),
            Self::Flaw(Flaw::Unclosed, ..) => {
                "a quote is never closed, so nothing behind it can be read: mend the file, or check csv.quote \
                 and csv.escape"
                    .to_owned()
            }
            Self::NotUtf8 => format!("the record is not UTF-8: convert the file, {skip}"),
            Self::Nul => format!("the record holds a NUL byte: is the file UTF-16, or no text? mend it, {skip}"),
            Self::Value { text, data_type, .. } => format!(
                "'{}' is no {}: state the column's type under schema, {skip}",
                shown(text),
                types::name(data_type)
            ),
            Self::Json(why) => format!("the line is no JSON object that can be read, {why}: mend it, {skip}"),
        };
        let error = Error::bad_data(text);
        match self {
            Self::Value { column, .. } => error.with("column", column),
            _ => error,
        }
    }

    /// Whether what follows the record is lost with it, so that it cannot be skipped.
    pub(super) const fn is_fatal(&self) -> bool {
        matches!(self, Self::Flaw(Flaw::Unclosed, ..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let cases = [
            (
                Fault::Flaw(Flaw::Ragged, 1, 4),
                "the record has 1 field, the file has 4 columns: mend it, check csv.delimiter and csv.quote, \
                 or set errors.badRecords: skip",
            ),
            (
                Fault::Value {
                    column: "price".into(),
                    text: "a\n\u{0}b".into(),
                    data_type: DataType::Float64,
                },
                "'a\\n\\0b' is no float64: state the column's type under schema, or set errors.badRecords: \
                 skip (column=price)",
            ),
            (
                Fault::Flaw(Flaw::Unclosed, 1, 1),
                "a quote is never closed, so nothing behind it can be read: mend the file, or check csv.quote \
                 and csv.escape",
            ),
            (
                Fault::Nul,
                "the record holds a NUL byte: is the file UTF-16, or no text? mend it, or set \
                 errors.badRecords: skip",
            ),
        ];
        for (fault, expected) in cases {
            assert_eq!(fault.error().to_string(), expected);
        }
        assert_eq!(shown(&"é".repeat(100)), format!("{}…", "é".repeat(60)));
    }
}
