//! CSV and JSONL: records, cuts, decoding.
//!
//! # What a split owns
//!
//! A file is a chain of *pieces*: its head (byte order mark and header line), then records, comment
//! lines and empty lines, each beginning where the one before it ends. A split of bytes
//! `start..end` owns the pieces that begin there. Its reader finds the first of them, at or behind
//! `start`, and reads pieces until one begins at `end` or later. It reports its *tile*: where the
//! first piece began, and where the last one ended, which is where the next piece begins. A reader
//! that finds no piece in its split reports an empty tile at or behind its end.
//!
//! Whether a line end in CSV ends a record depends on all quotes before it. The reader of a later
//! split does not read what lies before: it *guesses* whether its text begins inside quotes
//! (`guess.rs`). Without quotes, and for JSONL, the first piece is known right away; so it is near
//! the file's beginning.
//!
//! # Why checking tiles is enough
//!
//! The first split begins with the file, so its pieces are right, and so is the end of its tile:
//! the first piece that begins at its end or later. Let that be known of the splits before split
//! `i`, up to place `p`. If `p` is not behind the split, its first piece is at `p`: a tile that
//! begins there was read right, and its end is the next `p`; another tile was read wrong, and
//! the split is run again with `begin = p`. If `p` is at or behind its end, it owns nothing: an
//! empty tile is right whatever place it names, and `p` holds for the next split. When `p` has
//! reached the end of the file, all pieces were read once ([`Tiling`]). A split that was run
//! again at `p` is right, so each repeated run moves the first misfit on.
//!
//! A bad record in a split whose beginning was guessed may be the guess's fault. Before such a
//! reader fails it reads the file from its beginning to see whether the guess was right; if not, it
//! ends quietly, and its tile, which cannot fit, brings about the second run.
//!
//! # NULL and empty texts
//!
//! An unquoted empty CSV field is NULL, and so are `csv.nullStrings`; a quoted empty one is the
//! empty string in a column of text, and NULL in others.

mod csv;
mod cutter;
mod fault;
mod guess;
mod head;
mod infer;
mod infer_json;
mod json;
mod jsonl;
mod layout;
mod marks;
mod open;
mod parse;
mod reader;
mod records;
#[cfg(test)]
mod tests;
mod tiles;
mod unify;
mod value;
mod window;

use std::sync::Arc;

pub use infer::infer;
pub use open::{Ask, Heads};
pub use tiles::Tiling;
pub use unify::{unify, unify_types};

use crate::error::Result;
use crate::plan::{Split, Table};
use crate::spec::BadRecords;
use crate::store::read::SplitReader;
use crate::store::source::ByteSource;

/// Reads a split of CSV or JSONL.
///
/// `projection` holds positions in the table's schema, folder columns at its end; `begin` is where
/// the split's first record begins, if a [`Tiling`] has said so. Batches have at most
/// `batch_rows` rows, fewer when records are long. Where a process reads several splits of a file,
/// [`Heads::open`] fetches its header once.
///
/// # Errors
/// `BadData` when the file's header does not fit the table; `Usage` for a type or a `csv` setting
/// that text cannot be read with; those of the source. The reader's own are `BadData` for a bad
/// record (unless it is skipped) or a damaged compressed file, and those of the source.
pub fn open(
    source: Arc<dyn ByteSource>,
    table: &Table,
    split: &Split,
    projection: &[usize],
    begin: Option<u64>,
    bad: BadRecords,
    batch_rows: usize,
) -> Result<Box<dyn SplitReader>> {
    Heads::default().open(source, table, split, Ask { projection, begin, bad, batch_rows })
}
