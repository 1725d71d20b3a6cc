//! The schema of a text file, from its beginning.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::csv::valid;
use super::cutter::{Batch, Cutter, Want};
use super::head::{self, Head, nameless};
use super::infer_json::Shape;
use super::parse;
use super::records::{Grammar, Start, Step};
use super::unify::unify_types;
use super::value;
use super::window::{File, Window};
use crate::error::{Error, Result};
use crate::spec::{Csv, Format, TextCompression};
use crate::store::source::ByteSource;

/// Records that are looked at.
const SAMPLE_ROWS: usize = 1000;

/// The columns of a text file, from its first 1,000 records or about 4 MiB: names from the header
/// (`column_1`, … without one; from the members' names for JSONL), types that hold all values seen.
/// A column in which only NULLs were seen has type Null, for [`super::unify()`] to settle; a file
/// without a header and without a record gives an empty schema. Records that are broken as text
/// are passed over.
///
/// Integers with leading zeros and those beyond 64 bits are text: as numbers they would not be the
/// same again.
///
/// # Errors
/// `BadData` for a broken header, a damaged compressed file, or JSON members of shapes that cannot
/// be one column; `Usage` for a `csv` setting that text cannot be read with; those of the source.
pub fn infer(
    source: &dyn ByteSource,
    format: Format,
    compression: TextCompression,
    csv: &Csv,
) -> Result<SchemaRef> {
    let (settings, grammar) = match format {
        Format::Csv => (Some(csv), Grammar::csv(csv)?),
        Format::Jsonl => (None, Grammar::lines()),
        Format::Parquet => {
            return Err(Error::internal("the schema of a Parquet file is not inferred from text"));
        }
    };
    let path = source.path().to_owned();
    let mut window = Window::whole(File::Borrowed(source), compression)?;
    let head = head::read(&mut window, grammar, settings, &path)?;
    if format == Format::Jsonl {
        return json(Cutter::behind_head(window, grammar, head.body, u64::MAX), &path);
    }
    let names = match &head.names {
        Some(names) => names.clone(),
        None => (0..fields_of_first(&mut window, grammar, &head)?).map(nameless).collect(),
    };
    if names.is_empty() {
        return Ok(Arc::new(Schema::empty()));
    }
    let types = columns(Cutter::behind_head(window, grammar, head.body, u64::MAX), names.len(), csv)?;
    let fields: Vec<Field> = names.into_iter().zip(types).map(|(n, t)| Field::new(n, t, true)).collect();
    Ok(Arc::new(Schema::new(fields)))
}

/// How many fields the first record has; 0 if there is none.
fn fields_of_first(window: &mut Window<'_>, grammar: Grammar, head: &Head) -> Result<usize> {
    let mut at = usize::try_from(head.body).unwrap_or(usize::MAX);
    loop {
        let mut marks = grammar.marks(window.text(), at);
        match grammar.record(&mut marks, at, Start::Record, window.eof(), &mut |_, _| ()) {
            Step::Skipped(end) => at = end,
            Step::Record { fields, .. } => return Ok(fields),
            Step::End => return Ok(0),
            Step::More if window.text().len() > head::MAX_RECORD => {
                return Err(Error::bad_data(
                    "the first record is longer than 64 MiB: is a quote never closed?",
                ));
            }
            Step::More => window.more(window.text().len())?,
        }
    }
}

fn columns(mut cutter: Cutter<'_>, width: usize, csv: &Csv) -> Result<Vec<DataType>> {
    let slots = (0..width).map(|i| u32::try_from(i).unwrap_or(super::cutter::UNWANTED)).collect();
    let (want, mut batch) = (Want { slots, width }, Batch::default());
    cutter.fill(&want, SAMPLE_ROWS, &mut batch)?;
    let (text, faults) = valid(cutter.window().text_mut(), &batch);
    let mut types = vec![DataType::Null; width];
    for (seen, spans) in types.iter_mut().zip(&batch.columns) {
        for (_, span) in spans.iter().enumerate().filter(|(row, _)| !faults.contains_key(row)) {
            let cell = text.get(span.range()).unwrap_or_default();
            let null = cell.is_empty() || (!span.quoted() && csv.null_strings.iter().any(|n| n == cell));
            if !null && *seen != DataType::Utf8View {
                *seen = unify_types(seen, &type_of(cell))?;
            }
        }
    }
    Ok(types)
}

fn json(mut cutter: Cutter<'_>, path: &str) -> Result<SchemaRef> {
    let (want, mut batch) = (Want { slots: vec![0], width: 1 }, Batch::default());
    cutter.fill(&want, SAMPLE_ROWS, &mut batch)?;
    let (text, _) = valid(cutter.window().text_mut(), &batch);
    let mut shape = Shape::default();
    for span in batch.columns.iter().flatten() {
        shape.add(&text.as_bytes()[span.range()]).map_err(|e| e.with("file", path))?;
    }
    Ok(shape.schema())
}

/// Microseconds, in UTC if `zoned`.
pub(super) fn timestamp(zoned: bool) -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, zoned.then(|| "UTC".into()))
}

/// The narrowest type that gives the text back.
pub(super) fn type_of(cell: &str) -> DataType {
    if parse::boolean(cell).is_some() {
        return DataType::Boolean;
    }
    let digits = cell.strip_prefix('-').unwrap_or(cell).as_bytes();
    let padded = matches!(digits, [b'0', b'0'..=b'9', ..]);
    if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) {
        let whole = !padded && cell.parse::<i64>().is_ok();
        return if whole { DataType::Int64 } else { DataType::Utf8View };
    }
    if !padded && is_number(cell) && parse::float(cell).is_some() {
        return DataType::Float64;
    }
    instant(cell)
}

/// A date or a timestamp, or else text.
pub(super) fn instant(cell: &str) -> DataType {
    let dashed = cell.len() >= 10 && cell.as_bytes()[4] == b'-' && cell.as_bytes()[7] == b'-';
    if !dashed || !cell.as_bytes()[0].is_ascii_digit() {
        return DataType::Utf8View;
    }
    if cell.len() == 10 {
        return if parse::date(cell).is_some() { DataType::Date32 } else { DataType::Utf8View };
    }
    let zoned = cell.get(11..).is_some_and(|time| time.contains(['Z', 'z', '+', '-']));
    match value::column(std::iter::once(Some(cell)), &timestamp(zoned)) {
        Ok((_, bad)) if bad.is_empty() => timestamp(zoned),
        _ => DataType::Utf8View,
    }
}

/// Whether it is written as a number with a point or an exponent, or as one that is none.
fn is_number(cell: &str) -> bool {
    let unsigned = cell.strip_prefix('-').unwrap_or(cell);
    if ["nan", "inf", "infinity"].iter().any(|word| unsigned.eq_ignore_ascii_case(word)) {
        return true;
    }
    unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'))
}
