//! From a planned split to its reader.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::cutter::{Begin, Cutter};
use super::head::{self, Head};
use super::layout::Layout;
use super::reader::{Reader, Setup};
use super::records::{Grammar, Start};
use super::window::{File, Window};
use crate::error::{Error, Result};
use crate::plan::{Extent, Split, Table};
use crate::spec::{BadRecords, Format, TextCompression};
use crate::store::read::SplitReader;
use crate::store::source::ByteSource;

/// Bytes before a split that its guess looks at.
pub(super) const LOOK_BACK: u64 = 32 << 10;
/// Heads kept.
const HEADS: usize = 1024;

/// What a reader should read of a split.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Positions in the table's schema, folder columns at its end; in the order of the result.
    pub projection: &'a [usize],
    /// Where the split's first record begins, if a [`super::Tiling`] has said so.
    pub begin: Option<u64>,
    /// What happens to bad records.
    pub bad: BadRecords,
    /// Rows of a batch at most.
    pub batch_rows: usize,
}

/// The heads of files whose splits are read by one process: a file's header is fetched once.
#[derive(Debug, Default)]
pub struct Heads(Mutex<HashMap<String, Arc<Head>>>);

impl Heads {
    /// [`super::open()`], with the heads that are known.
    ///
    /// # Errors
    /// As [`super::open()`].
    pub fn open(
        &self,
        source: Arc<dyn ByteSource>,
        table: &Table,
        split: &Split,
        ask: Ask<'_>,
    ) -> Result<Box<dyn SplitReader>> {
        self.open_looking_back(source, table, split, ask, LOOK_BACK)
    }

    /// As [`Heads::open`]; guesses look at `look_back` bytes before the split.
    pub(super) fn open_looking_back(
        &self,
        source: Arc<dyn ByteSource>,
        table: &Table,
        split: &Split,
        ask: Ask<'_>,
        look_back: u64,
    ) -> Result<Box<dyn SplitReader>> {
        let (csv, grammar) = match table.format {
            Format::Csv => (Some(&table.csv), Grammar::csv(&table.csv)?),
            Format::Jsonl => (None, Grammar::lines()),
            Format::Parquet => {
                return Err(Error::internal("a Parquet split was given to the reader of text"));
            }
        };
        let file = File::Shared(source);
        let (start, limit) = stretch(split)?;
        let begin = ask.begin.filter(|begin| *begin > 0);
        let (mut fetched, mut lines, mut proof) = (0, None, None);
        let (cutter, layout);
        if start == 0 && begin.is_none() {
            let mut window = match split.extent {
                Extent::Bytes { .. } => Window::plain(file.clone(), 0, limit),
                _ => Window::whole(file.clone(), split.compression)?,
            };
            let head = head::read(&mut window, grammar, csv, file.get().path())?;
            layout = Layout::new(table, split, &head, ask.projection, ask.batch_rows)?;
            cutter = Cutter::behind_head(window, grammar, head.body, limit);
            lines = Some(head.lines);
        } else {
            let head;
            (head, fetched) = self.head(&file, split, grammar, csv)?;
            layout = Layout::new(table, split, &head, ask.projection, ask.batch_rows)?;
            let place = match begin {
                Some(begin) => Begin::exactly(begin.max(head.body)),
                None => place(grammar, head.body, start, look_back),
            };
            let known = Begin { from: head.body, state: Some(Start::Record), first: start };
            proof = place.state.is_none().then_some(known);
            cutter = Cutter::new(file.clone(), grammar, place, limit, layout.want.slots.len())?;
        }
        let schema = table.schema.project(ask.projection);
        let setup = Setup {
            file,
            schema: Arc::new(
                schema.map_err(|e| Error::internal("a projected column is not in the table").because(e))?,
            ),
            want: layout.want,
            outputs: layout.outputs,
            bad: ask.bad,
            batch_rows: ask.batch_rows,
            fetched,
            lines,
            tiled: matches!(split.extent, Extent::Bytes { .. }),
            proof,
        };
        Ok(Box::new(Reader::new(setup, cutter, layout.decoder)))
    }

    /// The head of a file of which a later part is read, and how many bytes were fetched for it.
    fn head(
        &self,
        file: &File<'static>,
        split: &Split,
        grammar: Grammar,
        csv: Option<&crate::spec::Csv>,
    ) -> Result<(Arc<Head>, u64)> {
        // A file may be read with other settings, too: they decide what its header is.
        let key = format!("{} {} {:?} {csv:?}", split.path, split.file_bytes, split.etag);
        if let Some(head) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok((Arc::clone(head), 0));
        }
        let mut window = Window::plain(file.clone(), 0, 0);
        let head = Arc::new(head::read(&mut window, grammar, csv, file.get().path())?);
        let mut heads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if heads.len() >= HEADS {
            heads.clear();
        }
        heads.insert(key, Arc::clone(&head));
        Ok((head, window.fetched()))
    }
}

/// The bytes of a text split: its first one, and the one behind its last.
fn stretch(split: &Split) -> Result<(u64, u64)> {
    match split.extent {
        Extent::Bytes { start, end } if split.compression == TextCompression::None => Ok((start, end)),
        Extent::Whole => Ok((0, u64::MAX)),
        Extent::Bytes { .. } | Extent::RowGroups { .. } => {
            let what = "a split of text is neither a whole file nor bytes of an uncompressed one";
            Err(Error::internal(what).with("file", &split.path))
        }
    }
}

/// Where a split that does not begin with its file looks for its first record.
fn place(grammar: Grammar, body: u64, start: u64, look_back: u64) -> Begin {
    let from = body.max(start.saturating_sub(look_back));
    if start <= body {
        Begin::exactly(body)
    } else if !grammar.has_quotes() {
        Begin { from: start - 1, state: Some(Start::Unquoted), first: start }
    } else if from == body {
        Begin { from, state: Some(Start::Record), first: start }
    } else {
        Begin { from, state: None, first: start }
    }
}
