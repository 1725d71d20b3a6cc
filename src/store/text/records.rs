//! Where records and fields end: the one grammar of delimited text that cutting, counting and
//! decoding share, so that they cannot disagree.
//!
//! - A record ends behind a line feed that is not inside quotes, or with the file. A carriage
//!   return right before that end belongs to it; elsewhere it is data.
//! - A field whose first byte is the quote is quoted: it ends at the next quote that is neither
//!   doubled (no escape set) nor behind the escape. What follows must be a delimiter or the end of
//!   the record. A quote later in an unquoted field is data.
//! - Before another byte than a quote or itself, the escape is data.
//! - A line that begins with the comment byte ends at the next line feed and is no record; neither
//!   is an empty line.

use super::marks::Marks;
use crate::error::{Error, Result};
use crate::spec::Csv;

/// The bytes that delimit records and fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grammar {
    delimiter: u8,
    quote: Option<u8>,
    escape: Option<u8>,
    comment: Option<u8>,
}

/// A field within a text: its bytes without the quotes around them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

/// Set in [`Span::start`]: the field was in quotes.
const QUOTED: u32 = 1 << 31;
/// Set in [`Span::end`]: the field holds doubled or escaped quotes.
const ESCAPED: u32 = 1 << 31;

impl Span {
    /// Positions above 2 GiB do not occur: a window holds a batch and at most one record more.
    pub(super) fn new(start: usize, end: usize, quoted: bool, escaped: bool) -> Self {
        let position = |at| u32::try_from(at).unwrap_or(u32::MAX) & !QUOTED;
        let flag = |on, bit| if on { bit } else { 0 };
        Self { start: position(start) | flag(quoted, QUOTED), end: position(end) | flag(escaped, ESCAPED) }
    }

    /// Where it lies in the text.
    #[inline]
    pub(super) const fn range(self) -> std::ops::Range<usize> {
        (self.start & !QUOTED) as usize..(self.end & !ESCAPED) as usize
    }

    /// Whether it was in quotes.
    #[inline]
    pub(super) const fn quoted(self) -> bool {
        self.start & QUOTED != 0
    }

    /// Whether it holds doubled or escaped quotes.
    #[inline]
    pub(super) const fn escaped(self) -> bool {
        self.end & ESCAPED != 0
    }
}

/// Why a record cannot be read whatever its columns' types are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It has another number of fields than the file has columns.
    Ragged,
    /// Text follows a closing quote.
    BehindQuote,
    /// The file ends inside quotes.
    Unclosed,
}

/// What is known about the byte where scanning starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// A record, a comment or an empty line begins there.
    Record,
    /// It lies in an unquoted field.
    Unquoted,
    /// It lies inside quotes.
    Quoted,
}

/// What lies at a place of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A record that ends before `end`.
    Record {
        /// Behind the record's line end.
        end: usize,
        /// How many fields it has.
        fields: usize,
        /// What is wrong with its quotes.
        flaw: Option<Flaw>,
    },
    /// A comment or an empty line that ends before this.
    Skipped(usize),
    /// The text ends before the record does: the same place must be scanned again with more.
    More,
    /// The end of the file.
    End,
}

enum Field {
    More,
    Done { span: Span, next: usize, last: bool, flaw: Option<Flaw> },
}

impl Grammar {
    /// The grammar of CSV that is written as `csv` says.
    ///
    /// # Errors
    /// `Usage` when a byte is not ASCII, is a line end, or has two meanings.
    pub(super) fn csv(csv: &Csv) -> Result<Self> {
        let named = [
            ("delimiter", Some(csv.delimiter)),
            ("quote", csv.quote),
            ("escape", csv.escape.filter(|e| csv.quote != Some(*e))),
            ("comment", csv.comment),
        ];
        for (i, (name, byte)) in named.iter().enumerate() {
            let Some(byte) = *byte else { continue };
            if !byte.is_ascii() || matches!(byte, 0 | b'\n' | b'\r') {
                return Err(Error::usage(format!(
                    "csv.{name} must be an ASCII character and no line end, not byte {byte:#04x}"
                )));
            }
            if let Some((other, _)) = named[..i].iter().find(|(_, b)| *b == Some(byte)) {
                let shown = char::from(byte);
                return Err(Error::usage(format!("csv.{other} and csv.{name} are both '{shown}'")));
            }
        }
        let escape = csv.escape.filter(|e| csv.quote.is_some_and(|q| q != *e));
        Ok(Self { delimiter: csv.delimiter, quote: csv.quote, escape, comment: csv.comment })
    }

    /// Each line is a record of one field.
    pub(super) const fn lines() -> Self {
        Self { delimiter: b'\n', quote: None, escape: None, comment: None }
    }

    /// Whether a record can go on behind a line feed.
    pub(super) const fn has_quotes(self) -> bool {
        self.quote.is_some()
    }

    /// Whether `byte` means nothing here, wherever it stands.
    pub(super) fn is_plain(self, byte: u8) -> bool {
        byte != self.delimiter
            && !matches!(byte, b'\n' | b'\r')
            && ![self.quote, self.escape, self.comment].contains(&Some(byte))
    }

    /// The marks of `text` from `at` on that [`Grammar::record`] needs.
    pub(super) fn marks(self, text: &[u8], at: usize) -> Marks<'_> {
        let or_line = |byte: Option<u8>| byte.unwrap_or(b'\n');
        Marks::new(text, at, [b'\n', self.delimiter, or_line(self.quote), or_line(self.escape)])
    }

    /// What lies at `at`, which the marks have not passed; `emit` gets the number and the place of
    /// each field. `eof`: the file ends where the text ends.
    #[inline]
    pub(super) fn record(
        self,
        marks: &mut Marks<'_>,
        at: usize,
        start: Start,
        eof: bool,
        emit: &mut impl FnMut(usize, Span),
    ) -> Step {
        let text = marks.text();
        let mut quoted = start == Start::Quoted;
        if start == Start::Record {
            match text.get(at) {
                None => return if eof { Step::End } else { Step::More },
                Some(first) if self.comment == Some(*first) => return comment_line(marks, at, eof),
                Some(first) => quoted = self.quote == Some(*first),
            }
        }
        let mut from = if quoted && start == Start::Record { at + 1 } else { at };
        let (mut fields, mut flawed) = (0, None);
        loop {
            let field =
                if quoted { self.quoted(marks, from, eof) } else { self.unquoted(marks, from, from, eof) };
            let Field::Done { span, next, last, flaw } = field else { return Step::More };
            emit(fields, span);
            fields += 1;
            // An open quote is the worst: it says that the record's end is unknown.
            flawed = if flaw == Some(Flaw::Unclosed) { flaw } else { flawed.or(flaw) };
            if last {
                let empty = fields == 1 && !span.quoted() && self.is_blank(&text[span.range()]);
                if empty && start == Start::Record {
                    return Step::Skipped(next);
                }
                return Step::Record { end: next, fields, flaw: flawed };
            }
            quoted = self.quote.is_some() && text.get(next).copied() == self.quote;
            from = if quoted { next + 1 } else { next };
        }
    }

    /// Whether a line with this one field is empty; among JSON, spaces are nothing, too.
    #[inline]
    fn is_blank(self, field: &[u8]) -> bool {
        field.is_empty() || (self.delimiter == b'\n' && field.trim_ascii_start().is_empty())
    }

    /// A field that began at `start` and is not in quotes from `from` on.
    #[inline]
    fn unquoted(self, marks: &mut Marks<'_>, start: usize, from: usize, eof: bool) -> Field {
        let text = marks.text();
        loop {
            let Some(at) = marks.next_from(from) else {
                if !eof {
                    return Field::More;
                }
                let end = before_return(text, start, text.len());
                let span = Span::new(start, end, false, false);
                return Field::Done { span, next: text.len(), last: true, flaw: None };
            };
            if text[at] == b'\n' {
                let span = Span::new(start, before_return(text, start, at), false, false);
                return Field::Done { span, next: at + 1, last: true, flaw: None };
            }
            if text[at] == self.delimiter {
                let span = Span::new(start, at, false, false);
                return Field::Done { span, next: at + 1, last: false, flaw: None };
            }
        }
    }

    /// A field whose opening quote is right before `start`.
    fn quoted(self, marks: &mut Marks<'_>, start: usize, eof: bool) -> Field {
        let text = marks.text();
        let (mut from, mut escaped) = (start, false);
        loop {
            let Some(at) = marks.next_from(from) else {
                if !eof {
                    return Field::More;
                }
                let span = Span::new(start, text.len(), true, escaped);
                return Field::Done { span, next: text.len(), last: true, flaw: Some(Flaw::Unclosed) };
            };
            let (byte, next) = (Some(text[at]), text.get(at + 1).copied());
            if byte != self.quote && byte != self.escape {
                continue;
            }
            if next.is_none() && !eof {
                return Field::More;
            }
            let pair = match self.escape {
                Some(_) => {
                    byte == self.escape && next.is_some() && (next == self.quote || next == self.escape)
                }
                None => next == self.quote,
            };
            if pair {
                from = at + 2;
                escaped = true;
            } else if byte == self.quote {
                return self.behind_quote(marks, Span::new(start, at, true, escaped), at + 1, eof);
            }
        }
    }

    /// What follows the closing quote of `span`, at `at`.
    fn behind_quote(self, marks: &mut Marks<'_>, span: Span, at: usize, eof: bool) -> Field {
        let text = marks.text();
        let done = |next, last| Field::Done { span, next, last, flaw: None };
        match (text.get(at).copied(), text.get(at + 1).copied()) {
            (None, _) if eof => return done(at, true),
            (Some(b'\r'), None) if eof => return done(at + 1, true),
            (None, _) | (Some(b'\r'), None) => return Field::More,
            (Some(b'\n'), _) => return done(at + 1, true),
            (Some(b'\r'), Some(b'\n')) => return done(at + 2, true),
            (Some(byte), _) if byte == self.delimiter => return done(at + 1, false),
            (Some(_), _) => (),
        }
        match self.unquoted(marks, at, at, eof) {
            Field::Done { next, last, .. } => Field::Done { span, next, last, flaw: Some(Flaw::BehindQuote) },
            Field::More => Field::More,
        }
    }

    /// Takes the doubling or escaping out of a field, in place; the new end of the field. The rest
    /// is filled with spaces, so that valid UTF-8 stays valid.
    pub(super) fn unescape(self, field: &mut [u8]) -> usize {
        let (mut from, mut to) = (0, 0);
        while let Some(&byte) = field.get(from) {
            let next = field.get(from + 1).copied();
            let pair = match self.escape {
                Some(e) => byte == e && next.is_some() && (next == self.quote || next == Some(e)),
                None => Some(byte) == self.quote && next == self.quote,
            };
            if pair {
                from += 1;
            }
            field[to] = field[from];
            from += 1;
            to += 1;
        }
        field[to..].fill(b' ');
        to
    }
}

/// `end`, or the place of the carriage return right before it.
fn before_return(text: &[u8], start: usize, end: usize) -> usize {
    if end > start && text[end - 1] == b'\r' { end - 1 } else { end }
}

fn comment_line(marks: &mut Marks<'_>, at: usize, eof: bool) -> Step {
    let text = marks.text();
    match memchr::memchr(b'\n', &text[at..]) {
        Some(length) => Step::Skipped(at + length + 1),
        None if eof => Step::Skipped(text.len()),
        None => Step::More,
    }
}
