//! JSON lines: one object a row with all its keys, NULL as `null`. NaN and infinities, which JSON
//! does not have, are `null` too; bytes are hexadecimal text, times are ISO 8601.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{FieldRef, Schema};
use arrow::error::ArrowError;
use arrow::json::writer::LineDelimited;
use arrow::json::writer::{Encoder, EncoderFactory, EncoderOptions, NullableEncoder, WriterBuilder};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::text::TextFormat;
use crate::error::{Error, Result};

pub(super) const FORMAT: TextFormat = TextFormat { header: no_header, encode };

fn no_header(_: &Schema) -> Vec<u8> {
    Vec::new()
}

/// The text of a block.
pub(super) fn encode(batch: &RecordBatch) -> Result<Vec<u8>> {
    let times = Arc::new(Times::default());
    let mut writer = WriterBuilder::new()
        .with_explicit_nulls(true)
        .with_encoder_factory(times.clone())
        .build::<_, LineDelimited>(Vec::new());
    writer.write(batch).map_err(super::encoding)?;
    writer.finish().map_err(super::encoding)?;
    let failed = times.failed.lock().unwrap_or_else(PoisonError::into_inner).take();
    match failed {
        Some(e) => Err(Error::bad_data("a time cannot be written as text: it is out of range").because(e)),
        None => Ok(writer.into_inner()),
    }
}

/// Writes dates and times so that one that cannot be shown is an error. (By default the error's
/// text becomes the value.)
#[derive(Debug, Default)]
struct Times {
    failed: Mutex<Option<ArrowError>>,
}

impl EncoderFactory for Times {
    fn make_default_encoder<'a>(
        &self,
        _field: &'a FieldRef,
        array: &'a dyn Array,
        _options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        if !array.data_type().is_temporal() {
            return Ok(None);
        }
        let options = FormatOptions::new().with_display_error(false);
        let formatter = ArrayFormatter::try_new(array, &options)?;
        let nulls = array.nulls().filter(|n| n.null_count() > 0);
        // All values are shown now: the encoder itself cannot say that it failed.
        let mut text = String::new();
        let mut ends = Vec::with_capacity(array.len());
        for row in 0..array.len() {
            if nulls.is_none_or(|n| n.is_valid(row))
                && let Err(e) = formatter.value(row).write(&mut text)
            {
                self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(e);
            }
            ends.push(text.len());
        }
        Ok(Some(NullableEncoder::new(Box::new(Shown { text, ends }), array.nulls().cloned())))
    }
}

/// The texts of a column, one behind the other; none holds a character that JSON escapes.
struct Shown {
    text: String,
    ends: Vec<usize>,
}

impl Encoder for Shown {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let start = row.checked_sub(1).and_then(|r| self.ends.get(r)).copied().unwrap_or(0);
        let end = self.ends.get(row).copied().unwrap_or(start);
        out.push(b'"');
        out.extend_from_slice(self.text.as_bytes().get(start..end).unwrap_or_default());
        out.push(b'"');
    }
}
