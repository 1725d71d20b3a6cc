//! DataFusion's errors in dp's words.

use arrow::error::ArrowError;
use datafusion::common::{DataFusionError, Result as DfResult, SchemaError};
use datafusion::sql::sqlparser::parser::ParserError;

use super::refuse;
use crate::error::{Error, Kind, catch};

/// What to do, by a part of what Arrow's and DataFusion's functions say.
const HINTS: [(&str, &str); 5] = [
    ("ivide by zero", "NULL in place of an error: divide by nullif(divisor, 0)"),
    ("verflow", "cast the operands to a wider type before, such as DECIMAL(38, 0) or DOUBLE"),
    (
        "too large to store",
        "cast to a wider type, or use TRY_CAST for NULL in place of values that do not fit",
    ),
    ("ast error", "TRY_CAST gives NULL in place of values that do not fit; a WHERE before leaves them out"),
    ("annot cast", "TRY_CAST gives NULL in place of values that do not fit; a WHERE before leaves them out"),
];

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

/// The error for a table that is none of `known`; `None`: `error` is another one.
pub(super) fn unknown_table(error: &DataFusionError, known: &[String]) -> Option<Error> {
    let message = error.strip_backtrace();
    let (_, rest) = message.split_once("table 'datafusion.public.")?;
    let (name, _) = rest.split_once("' not found")?;
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let hint = match nearest(name, &known) {
        Some(near) => format!("did you mean '{near}'?"),
        None if known.is_empty() => "a path stands in single quotes, as in FROM 'data/*.parquet'".to_owned(),
        None => format!("the tables here are {}", known.join(", ")),
    };
    Some(Error::usage(format!("the SQL statement is not understood: there is no table '{name}'; {hint}")))
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
        Ours::No(error) => {
            let text = text(&error);
            let hint =
                HINTS.iter().find(|(part, _)| text.contains(part) && !text.contains("cast the argument"));
            let error = Error::bad_data(format!("the statement fails on this data: {text}"));
            hint.iter().fold(error, |e, (_, hint)| e.with("hint", hint))
        }
    }
}

/// An error of an expression that was computed over no rows: no data can make it right.
pub(super) fn on_no_rows(error: DataFusionError) -> Error {
    match find_ours(error) {
        Ours::Yes(error) => error,
        Ours::No(error) => Error::usage(format!("the SQL statement fails on any data: {}", text(&error))),
    }
}

/// Runs a step of DataFusion; a function that panics on the values of a row fails on this data.
pub(super) fn caught<T>(step: impl FnOnce() -> DfResult<T>) -> DfResult<T> {
    let panicked = |panic| {
        Err(DataFusionError::Execution(format!("a function failed an assertion of its own: {panic}")))
    };
    catch(step).unwrap_or_else(panicked)
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
    match error.find_root() {
        DataFusionError::SchemaError(schema, _) => {
            if let SchemaError::FieldNotFound { field, valid_fields } = schema.as_ref() {
                let known: Vec<&str> = valid_fields.iter().map(|c| c.name.as_str()).collect();
                return unknown_column(&field.name, &known);
            }
        }
        DataFusionError::SQL(parser, _) => match parser.as_ref() {
            ParserError::ParserError(text) | ParserError::TokenizerError(text) => return text.clone(),
            ParserError::RecursionLimitExceeded => {
                return "it is more than 50 levels deep: name its parts in a WITH clause".to_owned();
            }
        },
        _ => (),
    }
    let message = error.strip_backtrace();
    let message = message.trim_start_matches("External error: ");
    // Which rule of the optimizer met the error tells a reader nothing.
    let message = message.rsplit("\ncaused by\n").next().unwrap_or(message);
    let prefixes = [
        "Error during planning: ",
        "SQL error: ",
        "Execution error: ",
        "Arrow error: ",
        "Schema error: ",
        "This feature is not implemented: ",
    ];
    let message = prefixes.iter().fold(message, |m, prefix| m.strip_prefix(prefix).unwrap_or(m));
    shorter(message.trim_end_matches(['.', '\n']))
}

/// DataFusion's longest messages without what only its developers need.
fn shorter(message: &str) -> String {
    const NO_MATCH: &str = "No function matches the given name and argument types '";
    const NOT_GROUPED: &str =
        "Column in SELECT must be in GROUP BY or an aggregate function: While expanding wildcard, ";
    if message.contains("which would be ambiguous") || message.contains("require unique expression names") {
        return "two columns of a SELECT have one name: name one of them with AS".to_owned();
    }
    if let Some((_, rest)) = message.split_once(NO_MATCH)
        && let Some((call, _)) = rest.split_once("'.")
    {
        return format!("there is no function {call}: cast its arguments to types that it takes");
    }
    if let Some(rest) = message.strip_prefix(NOT_GROUPED) {
        return rest.split(", currently only").next().unwrap_or(rest).to_owned();
    }
    message.replace(".\nDid you mean ", "; did you mean ").replace('\n', " ")
}

/// The known name that `name` most likely means.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(&k.to_lowercase(), &name.to_lowercase()), *k))
        .min()
        .filter(|(distance, k)| *distance <= 1 + k.len() / 3)
        .map(|(_, k)| k)
}

fn unknown_column(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(near) if near.to_lowercase() == name.to_lowercase() => format!(
            "there is no column '{name}'; did you mean \"{near}\"? (names with capitals need double quotes)"
        ),
        Some(near) => format!("there is no column '{name}'; did you mean '{near}'?"),
        None => {
            let shown: Vec<&str> = known.iter().take(20).copied().collect();
            let more = if known.len() > shown.len() { ", …" } else { "" };
            format!("there is no column '{name}'; the columns here are {}{more}", shown.join(", "))
        }
    }
}
