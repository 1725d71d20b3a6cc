//! What makes sense together: the rules over values that are each right on their own.

use std::collections::HashMap;

use super::location::{Location, Scheme};
use super::overlap;
use super::valid::{Csv, Dataset, Format, Output, OutputCompression, OutputFormat, TextCompression};

/// A broken rule: the key below the block, or an empty one for the whole block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub key: &'static str,
    pub message: String,
}

fn wrong(key: &'static str, message: impl Into<String>) -> Wrong {
    Wrong { key, message: message.into() }
}

/// A place that is read.
pub(super) fn input_place(place: &Location) -> Result<(), String> {
    if is_web(place) && place.is_glob() {
        return Err("a web server cannot be listed; write the files' URLs out".to_owned());
    }
    Ok(())
}

/// A folder that is written to, without the `/` at its end.
pub(super) fn folder(place: &Location) -> Result<Location, String> {
    if is_web(place) {
        return Err("a web server cannot be written to; use a local path, s3://, gs:// or az://".to_owned());
    }
    if place.is_glob() {
        return Err("is a folder to write to and cannot hold a glob (`*`, `?`, `[`, `{`)".to_owned());
    }
    let trimmed = place.path().trim_end_matches('/');
    Ok(if trimmed.is_empty() { place.clone() } else { place.with_path(trimmed) })
}

fn is_web(place: &Location) -> bool {
    matches!(place.scheme(), Scheme::Http | Scheme::Https)
}

/// Rules over one dataset, but for its places and `csv` block.
pub(super) fn dataset(dataset: &Dataset) -> Vec<Wrong> {
    let mut wrongs = Vec::new();
    let compressed = dataset.compression.is_some_and(|c| c != TextCompression::None);
    if compressed && dataset.format == Some(Format::Parquet) {
        wrongs.push(wrong(
            "compression",
            "has no meaning for parquet, which says in each file how it is compressed",
        ));
    }
    wrongs
}

/// Rules over a `csv` block.
pub(super) fn csv(csv: &Csv) -> Vec<Wrong> {
    let mut wrongs = Vec::new();
    if csv.quote == Some(csv.delimiter) {
        wrongs.push(wrong("quote", "is the delimiter too; they must differ"));
    }
    if csv.escape.is_some() && csv.quote.is_none() {
        wrongs.push(wrong("escape", "has no meaning without a quote"));
    }
    if csv.escape == Some(csv.delimiter) {
        wrongs.push(wrong("escape", "is the delimiter too; they must differ"));
    }
    if csv.comment.is_some() && (csv.comment == Some(csv.delimiter) || csv.comment == csv.quote) {
        wrongs.push(wrong("comment", "is the delimiter or quote too; they must differ"));
    }
    if csv.null_strings.iter().any(|t| t.contains(['\n', '\r'])) {
        wrongs.push(wrong("nullStrings", "holds a line break, which ends a record"));
    }
    wrongs
}

/// Rules over the output, but for its place.
pub(super) fn output(output: &Output) -> Vec<Wrong> {
    use OutputCompression::{Gzip, Lz4, None, Snappy, Zstd};
    let (name, allowed, text): (_, &[OutputCompression], _) = match output.format {
        OutputFormat::Parquet => {
            ("parquet", &[None, Zstd, Snappy, Lz4, Gzip], "none, zstd, snappy, lz4 or gzip")
        }
        OutputFormat::Csv => ("csv", &[None, Gzip, Zstd], "none, gzip or zstd"),
        OutputFormat::Jsonl => ("jsonl", &[None, Gzip, Zstd], "none, gzip or zstd"),
        OutputFormat::Arrow => ("arrow", &[None, Zstd, Lz4], "none, zstd or lz4"),
    };
    if allowed.contains(&output.compression) {
        return Vec::new();
    }
    vec![wrong("compression", format!("cannot be used for {name}: use {text}"))]
}

/// The output may not lie where an input is: a later run would read its own result.
pub(super) fn not_over_input(output: &Output, inputs: &[Dataset], tables: &[Dataset]) -> Vec<Wrong> {
    let reader = overlap::reader(output, inputs.iter().chain(tables));
    let message = |name, url| {
        format!("lies where `{name}` reads ({url}), which would take the result for input; write elsewhere")
    };
    reader.map(|(name, url)| wrong("url", message(name, url))).into_iter().collect()
}

/// Names of tables are distinct whatever their case, and `input` means the one dataset of `input`:
/// (`inputs` or `tables`, the name, what is wrong).
pub(super) fn names(inputs: &[Dataset], tables: &[Dataset]) -> Vec<(&'static str, String, String)> {
    let mut wrongs = Vec::new();
    let mut seen: HashMap<String, &str> = HashMap::new();
    let only_input = matches!(inputs, [one] if one.name == "input");
    let blocks = [("inputs", inputs), ("tables", tables)];
    for (block, dataset) in blocks.iter().flat_map(|(b, datasets)| datasets.iter().map(move |d| (*b, d))) {
        let lower = dataset.name.to_ascii_lowercase();
        let is_input = block == "inputs" && only_input;
        if lower == "input" && !is_input {
            let message = "is the name of the dataset of `spec.input`; choose another";
            wrongs.push((block, dataset.name.clone(), message.to_owned()));
        } else if let Some(first) = seen.get(&lower) {
            let message =
                format!("names a table that is there already: `{first}` (SQL does not tell cases apart)");
            wrongs.push((block, dataset.name.clone(), message));
        }
        seen.entry(lower).or_insert(&dataset.name);
    }
    wrongs
}
