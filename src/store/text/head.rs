//! The head of a file: byte order mark and header line, known to every split of the file.

use std::collections::HashSet;

use super::records::{Grammar, Span, Start, Step};
use super::window::Window;
use crate::error::{Error, Result};
use crate::spec::Csv;

/// A record or header longer than this is an error: it is a quote that is never closed, or no text.
pub(super) const MAX_RECORD: usize = 64 << 20;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// What every split of a file has to know of its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// The columns' names, if the file has a header; empty if it ends before one.
    pub(super) names: Option<Vec<String>>,
    /// Where the first record may begin: behind the byte order mark and the header.
    pub(super) body: u64,
    /// Line ends before that.
    pub(super) lines: u64,
}

/// Reads the head at the beginning of `window`, which is not consumed.
///
/// # Errors
/// Those of the window; `BadData` when the header is no UTF-8, is too long, or names a column twice.
pub(super) fn read(window: &mut Window<'_>, grammar: Grammar, csv: Option<&Csv>, path: &str) -> Result<Head> {
    while window.text().len() < BOM.len() && !window.eof() {
        window.more(0)?;
    }
    let mut at = if window.text().starts_with(BOM) { BOM.len() } else { 0 };
    if !csv.is_some_and(|csv| csv.header) {
        return Ok(Head { names: None, body: at as u64, lines: 0 });
    }
    loop {
        let mut spans = Vec::new();
        let mut marks = grammar.marks(window.text(), at);
        match grammar.record(&mut marks, at, Start::Record, window.eof(), &mut |_, span| spans.push(span)) {
            Step::Skipped(end) => at = end,
            Step::End => {
                return Ok(Head {
                    names: Some(Vec::new()),
                    body: at as u64,
                    lines: lines(&window.text()[..at]),
                });
            }
            Step::Record { end, flaw: None, .. } => {
                let names: Vec<Vec<u8>> =
                    spans.iter().map(|span| plain(window.text(), *span, grammar)).collect();
                let names = checked(&names, path)?;
                return Ok(Head {
                    names: Some(names),
                    body: end as u64,
                    lines: lines(&window.text()[..end]),
                });
            }
            Step::Record { flaw: Some(_), .. } => {
                return Err(Error::bad_data(
                    "the quotes of the header are broken: write the file again, or set csv.quote to what it uses",
                )
                .with("file", path));
            }
            Step::More if window.text().len() > MAX_RECORD => {
                return Err(Error::bad_data(
                    "the header is longer than 64 MiB: is it CSV, and are csv.quote and csv.delimiter right?",
                )
                .with("file", path));
            }
            Step::More => window.more(window.text().len())?,
        }
    }
}

/// A field's bytes without what quotes it.
fn plain(text: &[u8], span: Span, grammar: Grammar) -> Vec<u8> {
    let mut field = text[span.range()].to_vec();
    if span.escaped() {
        let length = grammar.unescape(&mut field);
        field.truncate(length);
    }
    field
}

/// The names of the columns; one without a name is called by its position, as in a file without a
/// header.
fn checked(fields: &[Vec<u8>], path: &str) -> Result<Vec<String>> {
    let mut names = Vec::with_capacity(fields.len());
    for (i, field) in fields.iter().enumerate() {
        let Ok(name) = std::str::from_utf8(field) else {
            return Err(Error::bad_data(format!(
                "the name of column {} is not UTF-8: convert the file",
                i + 1
            ))
            .with("file", path));
        };
        if name.contains('\0') {
            return Err(Error::bad_data("the header holds a NUL byte: is the file UTF-16, or no text?")
                .with("file", path));
        }
        if name.split('\r').skip(1).any(|rest| !rest.starts_with('\n')) {
            return Err(Error::bad_data(
                "the header holds a carriage return without a line feed: convert the file's line ends",
            )
            .with("file", path));
        }
        names.push(if name.is_empty() { nameless(i) } else { name.to_owned() });
    }
    let mut seen = HashSet::new();
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        None => Ok(names),
        Some(twice) => Err(Error::bad_data(format!(
            "the header names column '{twice}' twice: rename one, or set csv.header: false and state a schema"
        ))
        .with("file", path)),
    }
}

/// How many line ends `text` holds.
pub(super) fn lines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

/// The name of the column at a position, counted from 0, that has none.
pub(super) fn nameless(position: usize) -> String {
    format!("column_{}", position + 1)
}
