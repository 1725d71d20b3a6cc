//! The likeliest meaning of text in the middle of a CSV file: inside quotes, or not.

use std::cmp::Ordering;

use super::records::{Grammar, Start, Step};
use super::window::Window;
use crate::error::Result;

/// Records that are looked at for each hypothesis.
const ENOUGH: u64 = 100;
/// Text that is looked at.
const SIGHT: usize = 256 << 10;

/// What a hypothesis makes of the text.
#[derive(Debug, Default, Clone, Copy)]
struct Evidence {
    good: u64,
    bad: u64,
}

impl Evidence {
    /// Compares the shares of bad records, with one good and one bad one added so that little
    /// evidence weighs little.
    fn compare(self, other: Self) -> Ordering {
        let share = |e: Self| (e.bad + 1, e.good + e.bad + 2);
        let ((a, of_a), (b, of_b)) = (share(self), share(other));
        (a * of_b).cmp(&(b * of_a))
    }
}

/// How to scan the window's text: from which byte, and whether that byte lies inside quotes.
///
/// Between two bytes that mean nothing to the grammar only these two states are possible (and a
/// comment, which is scanned like an unquoted field); the text is read both ways, and the reading
/// that gives fewer broken records and more of the expected number of fields wins.
///
/// # Errors
/// Those of the window.
pub(super) fn start(window: &mut Window<'_>, grammar: Grammar, columns: usize) -> Result<(Start, usize)> {
    if window.text().is_empty() && !window.eof() {
        window.more(0)?;
    }
    let eof = window.eof();
    let text = window.text();
    let seen = &text[..text.len().min(SIGHT)];
    let eof = eof && seen.len() == text.len();
    let skip =
        seen.windows(2).position(|two| two.iter().all(|b| grammar.is_plain(*b))).map_or(0, |at| at + 1);
    let outside = evidence(seen, grammar, skip, Start::Unquoted, eof, columns);
    let inside = evidence(seen, grammar, skip, Start::Quoted, eof, columns);
    let start = if inside.compare(outside) == Ordering::Less { Start::Quoted } else { Start::Unquoted };
    Ok((start, skip))
}

fn evidence(text: &[u8], grammar: Grammar, from: usize, start: Start, eof: bool, columns: usize) -> Evidence {
    let mut found = Evidence::default();
    let mut marks = grammar.marks(text, from);
    let (mut at, mut state) = (from, start);
    while found.good + found.bad < ENOUGH {
        match grammar.record(&mut marks, at, state, eof, &mut |_, _| ()) {
            Step::Record { end, fields, flaw } => {
                // The first one is a rest: its fields cannot be counted, only its quotes be judged.
                let good = flaw.is_none() && (state != Start::Record || fields == columns);
                if good && state == Start::Record {
                    found.good += 1;
                } else if !good {
                    found.bad += 1;
                }
                (at, state) = (end, Start::Record);
            }
            Step::Skipped(end) => at = end,
            Step::More | Step::End => break,
        }
    }
    found
}
