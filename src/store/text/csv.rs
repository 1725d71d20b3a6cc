//! Columns from the fields of CSV records.

use std::collections::BTreeMap;

use super::cutter::Batch;
use super::fault::Fault;
use super::reader::{Decode, Decoded};
use super::records::{Grammar, Span};
use super::value::Builder;
use crate::error::Result;
use arrow::datatypes::FieldRef;

/// Rows whose text is turned into all columns while it is in the processor's cache.
const BLOCK_ROWS: usize = 512;

/// Decodes the wanted fields: slot `i` of a record is a value of column `i`.
pub(super) struct CsvDecoder {
    pub(super) columns: Vec<FieldRef>,
    pub(super) null_strings: Vec<String>,
}

impl Decode for CsvDecoder {
    fn decode(&mut self, grammar: Grammar, text: &mut [u8], batch: &mut Batch) -> Result<Decoded> {
        for span in batch.columns.iter_mut().flatten().filter(|span| span.escaped()) {
            let range = span.range();
            let length = grammar.unescape(&mut text[range.clone()]);
            *span = Span::new(range.start, range.start + length, true, false);
        }
        let (text, mut faults) = valid(text, batch);
        let rows = batch.records.len();
        let builder = |field: &FieldRef| Builder::new(field.data_type(), rows);
        let mut builders = self.columns.iter().map(builder).collect::<Result<Vec<_>>>()?;
        for start in (0..rows).step_by(BLOCK_ROWS) {
            let block = start..rows.min(start + BLOCK_ROWS);
            for (builder, spans) in builders.iter_mut().zip(&batch.columns) {
                builder.append(spans[block.clone()].iter().map(|span| self.cell(text, *span)));
            }
        }
        let mut arrays = Vec::with_capacity(builders.len());
        for ((builder, field), spans) in builders.into_iter().zip(&self.columns).zip(&batch.columns) {
            let (array, bad) = builder.finish();
            arrays.push(array);
            for row in bad {
                faults.entry(row).or_insert_with(|| Fault::Value {
                    column: field.name().clone(),
                    text: text[spans[row].range()].to_owned(),
                    data_type: field.data_type().clone(),
                });
            }
        }
        Ok((arrays, faults))
    }
}

impl CsvDecoder {
    #[inline]
    fn cell<'a>(&self, text: &'a str, span: Span) -> Option<&'a str> {
        let cell = text.get(span.range()).unwrap_or_default();
        let null = !span.quoted() && (cell.is_empty() || self.null_strings.iter().any(|n| n == cell));
        (!null).then_some(cell)
    }
}

/// The batch's text as UTF-8 without NUL bytes; records with others are faults, and their bytes
/// are overwritten.
pub(super) fn valid<'a>(text: &'a mut [u8], batch: &Batch) -> (&'a str, BTreeMap<usize, Fault>) {
    let mut faults = BTreeMap::new();
    let used = batch.records.last().map_or(0, |(_, end)| *end);
    let text = &mut text[..used];
    while let Some(at) = memchr::memchr(0, text) {
        spoil(text, batch, at, Fault::Nul, &mut faults);
    }
    let mut from = 0;
    while let Err(error) = std::str::from_utf8(&text[from..]) {
        from += error.valid_up_to();
        spoil(text, batch, from, Fault::NotUtf8, &mut faults);
    }
    // It is valid now: the loop above went on until it was.
    (std::str::from_utf8(text).unwrap_or_default(), faults)
}

/// Makes the record around `at` a fault and overwrites its bytes, or those between two records.
fn spoil(text: &mut [u8], batch: &Batch, at: usize, fault: Fault, faults: &mut BTreeMap<usize, Fault>) {
    let row = batch.records.partition_point(|(_, end)| *end <= at);
    let (start, end) = batch.records.get(row).copied().unwrap_or((text.len(), text.len()));
    if start <= at {
        faults.entry(row).or_insert(fault);
        text[start..end].fill(b'?');
    } else {
        text[at..start].fill(b'?');
    }
}
