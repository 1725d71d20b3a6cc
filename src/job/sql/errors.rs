//! DataFusion's errors in dp's words.

use arrow::error::ArrowError;
use datafusion::common::{DataFusionError, SchemaError};

use super::refuse;
use crate::error::{Error, Kind};

/// An error while the statement is planned: the statement is wrong.
pub(super) fn planning(error: DataFusionError) -> Error {
    match find_ours(error) {
        Ours::Yes(error) => error,
        Ours::No(error) => {
            let text = text(&error);
            refuse::not_planned(&text)
                .unwrap_or_else(|| Error::usage(format!("the SQL statement is not understood: {text}")))
        }
    }
}

/// An error while rows are processed: our own (reading), or the statement fails on the data.
pub(super) fn running(error: DataFusionError) -> Error {
    match find_ours(error) {
        Ours::Yes(error) => error,
        Ours::No(DataFusionError::ResourcesExhausted(text)) => {
            Error::new(Kind::Stop, format!("out of memory: {text}; allow more with --memory"))
        }
        Ours::No(error) if matches!(error.find_root(), DataFusionError::Internal(_)) => {
            Error::internal(text(&error))
        }
        Ours::No(error) => Error::bad_data(format!("the statement fails on this data: {}", text(&error))),
    }
}

enum Ours {
    Yes(Error),
    No(DataFusionError),
}

/// Readers' errors travel through DataFusion as external ones, possibly wrapped or shared.
fn find_ours(error: DataFusionError) -> Ours {
    match error {
        DataFusionError::External(inner) => match inner.downcast::<Error>() {
            Ok(ours) => Ours::Yes(*ours),
            Err(other) => Ours::No(DataFusionError::External(other)),
        },
        DataFusionError::ArrowError(inner, backtrace) => match *inner {
            ArrowError::ExternalError(inner) => match inner.downcast::<Error>() {
                Ok(ours) => Ours::Yes(*ours),
                Err(other) => Ours::No(DataFusionError::External(other)),
            },
            other => Ours::No(DataFusionError::ArrowError(Box::new(other), backtrace)),
        },
        DataFusionError::Context(text, inner) => match find_ours(*inner) {
            Ours::Yes(ours) => Ours::Yes(ours),
            Ours::No(inner) => Ours::No(inner.context(text)),
        },
        DataFusionError::Shared(shared) => match shared.find_root() {
            DataFusionError::External(inner) => match inner.downcast_ref::<Error>() {
                Some(ours) => Ours::Yes(copy(ours)),
                None => Ours::No(DataFusionError::Shared(shared)),
            },
            _ => Ours::No(DataFusionError::Shared(shared)),
        },
        other => Ours::No(other),
    }
}

/// A shared error cannot be taken out of its box: several morsels wait for one side table.
fn copy(error: &Error) -> Error {
    error.context().iter().fold(Error::new(error.kind(), error.message()), |e, (k, v)| e.with(k, v))
}

fn text(error: &DataFusionError) -> String {
    if let DataFusionError::SchemaError(schema, _) = error.find_root()
        && let SchemaError::FieldNotFound { field, valid_fields } = schema.as_ref()
    {
        return unknown_column(&field.name, valid_fields.iter().map(|c| c.name.as_str()));
    }
    let message = error.strip_backtrace();
    let message = message.trim_start_matches("External error: ");
    ["Error during planning: ", "SQL error: ", "Execution error: ", "Arrow error: ", "Schema error: "]
        .iter()
        .fold(message, |m, prefix| m.strip_prefix(prefix).unwrap_or(m))
        .trim_end_matches(['.', '\n'])
        .to_owned()
}

fn unknown_column<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let nearest = known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(&k.to_lowercase(), &name.to_lowercase()), *k))
        .min()
        .filter(|(distance, k)| *distance <= 1 + k.len() / 3);
    match nearest {
        Some((0, k)) => format!(
            "there is no column '{name}'; did you mean \"{k}\"? (names with capitals need double quotes)"
        ),
        Some((_, k)) => format!("there is no column '{name}'; did you mean '{k}'?"),
        None => {
            let shown: Vec<&str> = known.iter().take(20).copied().collect();
            let more = if known.len() > shown.len() { ", …" } else { "" };
            format!("there is no column '{name}'; the columns here are {}{more}", shown.join(", "))
        }
    }
}
