//! The records that a split owns, a batch at a time: see the module's head for what it owns.

use super::guess;
use super::head::MAX_RECORD;
use super::records::{Flaw, Grammar, Span, Start, Step};
use super::window::{File, PIECE, Window};
use crate::error::{Error, Result};

/// A batch ends when its records have this many bytes of text, however few they are.
const BATCH_TEXT: usize = 4 << 20;

/// In the place of a slot: the field is not wanted.
pub(super) const UNWANTED: u32 = u32::MAX;

/// The records of a batch, by their place in the window's text.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The wanted fields of the good records, by slot.
    pub(super) columns: Vec<Vec<Span>>,
    /// Where the good records begin and end.
    pub(super) records: Vec<(usize, usize)>,
    /// The records that no type can save: where they begin, how many fields, what is wrong, and how
    /// many good records precede.
    pub(super) flawed: Vec<Flawed>,
}

/// A record that is broken as text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flawed {
    pub(super) start: usize,
    pub(super) fields: usize,
    pub(super) flaw: Flaw,
    pub(super) behind: usize,
}

/// Where to look for the first record of a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Begin {
    /// Where scanning begins.
    pub(super) from: u64,
    /// What lies there; `None`: to be guessed.
    pub(super) state: Option<Start>,
    /// The first record that begins here or later is the split's first.
    pub(super) first: u64,
}

impl Begin {
    /// A record begins at `at`, or the file ends there.
    pub(super) const fn exactly(at: u64) -> Self {
        Self { from: at, state: Some(Start::Record), first: at }
    }
}

/// How a look at the window's text ended.
enum Pass {
    /// The batch is full, or the split has ended.
    Enough,
    /// A record does not end in the text.
    More,
    /// The next record is longer than [`MAX_RECORD`].
    TooLong,
}

/// Which slots a record's fields go to: a slot, or [`UNWANTED`], for each field.
pub(super) struct Want {
    pub(super) slots: Vec<u32>,
    pub(super) width: usize,
}

/// Reads the records that begin in a stretch of text.
pub(super) struct Cutter<'a> {
    window: Window<'a>,
    grammar: Grammar,
    /// What is consumed of the window's text.
    at: usize,
    limit: u64,
    first: u64,
    missed: bool,
}

impl<'a> Cutter<'a> {
    /// Goes to the first record of a split that ends at `limit`. `columns` is what a guess expects
    /// of a record.
    ///
    /// # Errors
    /// Those of the source.
    pub(super) fn new(
        file: File<'a>,
        grammar: Grammar,
        begin: Begin,
        limit: u64,
        columns: usize,
    ) -> Result<Self> {
        let mut window = Window::plain(file, begin.from, limit);
        let (start, skip) = match begin.state {
            Some(start) => (start, 0),
            None => guess::start(&mut window, grammar, columns)?,
        };
        let first = begin.first;
        let mut cutter = Self { window, grammar, at: skip, limit, first, missed: false };
        cutter.locate(start)?;
        cutter.first = cutter.position();
        Ok(cutter)
    }

    /// The records of `window`, which begins with the file, behind its first `body` bytes.
    pub(super) fn behind_head(window: Window<'a>, grammar: Grammar, body: u64, limit: u64) -> Self {
        let at = usize::try_from(body).unwrap_or(usize::MAX).min(window.text().len());
        Self { window, grammar, at, limit, first: 0, missed: false }
    }

    /// Whether no record was found before the split's end.
    pub(super) const fn missed(&self) -> bool {
        self.missed
    }

    /// Bytes fetched from the store so far.
    pub(super) const fn fetched(&self) -> u64 {
        self.window.fetched()
    }

    /// The text that [`Batch`] speaks of.
    pub(super) const fn window(&mut self) -> &mut Window<'a> {
        &mut self.window
    }

    /// The grammar of the text.
    pub(super) const fn grammar(&self) -> Grammar {
        self.grammar
    }

    /// Where the first piece of the split begins. If it owns none: its end or a place behind it.
    pub(super) const fn first(&self) -> u64 {
        self.first
    }

    /// What is consumed of the window's text: the batch's records and what lies between them.
    pub(super) fn consumed(&self) -> &[u8] {
        &self.window.text()[..self.at]
    }

    /// Where the next record begins: behind the last one that was read.
    pub(super) fn position(&self) -> u64 {
        if self.missed { self.limit } else { self.window.base() + self.at as u64 }
    }

    /// Passes the rest of a record that began earlier, and records that begin before the split.
    fn locate(&mut self, mut start: Start) -> Result<()> {
        loop {
            if start == Start::Record && self.position() >= self.first {
                return Ok(());
            }
            let (at, eof) = (self.at, self.window.eof());
            let mut marks = self.grammar.marks(self.window.text(), at);
            let step = self.grammar.record(&mut marks, at, start, eof, &mut |_, _| ());
            match step {
                Step::Skipped(end) | Step::Record { end, .. } => {
                    (self.at, start) = (end, Start::Record);
                }
                Step::End => return Ok(()),
                Step::More => {
                    let seen = self.window.base() + self.window.text().len() as u64;
                    let pending = self.window.text().len() - at;
                    if seen >= self.limit || pending > MAX_RECORD {
                        // No record begins in the split, as far as can be seen from here.
                        self.missed = true;
                        return Ok(());
                    }
                    self.window.consume(at);
                    self.at = 0;
                    self.window.more(pending)?;
                }
            }
        }
    }

    /// Reads up to `rows` records into `batch`, fewer if they are long; none at the split's end.
    ///
    /// # Errors
    /// Those of the source; `BadData` when a record is longer than [`MAX_RECORD`].
    pub(super) fn fill(&mut self, want: &Want, rows: usize, batch: &mut Batch) -> Result<()> {
        batch.columns.resize_with(want.width, Vec::new);
        batch.columns.iter_mut().for_each(Vec::clear);
        batch.records.clear();
        batch.flawed.clear();
        if self.missed {
            return Ok(());
        }
        self.window.consume(self.at);
        self.at = 0;
        loop {
            let pass = self.pass(want, rows, batch);
            let pending = self.window.text().len() - self.at;
            match pass {
                Pass::Enough => return Ok(()),
                Pass::More if pending <= MAX_RECORD => {
                    self.window.more(if pending > PIECE / 2 { pending } else { 0 })?;
                }
                Pass::More | Pass::TooLong => {
                    return Err(Error::bad_data(
                        "a record is longer than 64 MiB: is a quote never closed, or is it another format?",
                    )
                    .with("file", self.window.path())
                    .with("byte", self.position()));
                }
            }
        }
    }

    /// Reads what the window's text holds.
    fn pass(&mut self, want: &Want, rows: usize, batch: &mut Batch) -> Pass {
        let eof = self.window.eof();
        let mut at = self.at;
        let left = self.limit.saturating_sub(self.window.base());
        let mut marks = self.grammar.marks(self.window.text(), at);
        let pass = loop {
            if batch.records.len() + batch.flawed.len() >= rows || at >= BATCH_TEXT || at as u64 >= left {
                break Pass::Enough;
            }
            let columns = &mut batch.columns;
            let step = self.grammar.record(&mut marks, at, Start::Record, eof, &mut |field, span| {
                let slot = want.slots.get(field).copied().unwrap_or(UNWANTED);
                if let Some(column) = columns.get_mut(slot as usize) {
                    column.push(span);
                }
            });
            match step {
                Step::Record { end, .. } if end - at > MAX_RECORD => break Pass::TooLong,
                Step::Record { end, fields, flaw: None } if fields == want.slots.len() => {
                    batch.records.push((at, end));
                    at = end;
                    continue;
                }
                Step::Record { end, fields, flaw } => {
                    let (flaw, behind) = (flaw.unwrap_or(Flaw::Ragged), batch.records.len());
                    batch.flawed.push(Flawed { start: at, fields, flaw, behind });
                    at = end;
                }
                Step::Skipped(end) => at = end,
                Step::More | Step::End => (),
            }
            let rows = batch.records.len();
            batch.columns.iter_mut().for_each(|column| column.truncate(rows));
            if matches!(step, Step::More | Step::End) {
                break if step == Step::More { Pass::More } else { Pass::Enough };
            }
        };
        self.at = at;
        pass
    }
}
