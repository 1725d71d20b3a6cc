//! The proof that the splits of a text file joined: see the module's head.

/// The first split that must be run again, and where its first record begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misfit {
    /// Position in the lists that were checked.
    pub index: usize,
    /// Pass this as `begin`.
    pub begin: u64,
}

/// Proves that the splits of one file read each of its records once.
///
/// `tiles[i]` is what the reader of split `i` reported, `splits[i]` its bytes `start..end`; the
/// splits are in file order and cover `0..file_size`. Each misfit that is run again at its `begin`
/// moves the next misfit to a higher index, so at most `splits.len() - 1` runs are repeated.
///
/// # Errors
/// The first split whose tile does not begin where the tiles before it end.
pub fn check_tiles(tiles: &[(u64, u64)], splits: &[(u64, u64)], file_size: u64) -> Result<(), Misfit> {
    // Proved so far: a record (or the end of the file) begins here, and none in between was missed.
    let mut proved = 0;
    for (index, &(_, end)) in splits.iter().enumerate() {
        let misfit = Misfit { index, begin: proved };
        let &(from, to) = tiles.get(index).ok_or(misfit)?;
        if proved >= end && from == to && from >= end {
            // It owns no record and read none, wherever it believes that the next one begins.
            continue;
        }
        if from != proved || to < end.min(file_size) || to < from {
            return Err(misfit);
        }
        proved = to;
    }
    if proved == file_size {
        return Ok(());
    }
    Err(Misfit { index: splits.len().saturating_sub(1), begin: proved })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_join_or_name_the_first_that_does_not() {
        let splits = [(0, 10), (10, 20), (20, 30)];
        let misfit = |index, begin| Err(Misfit { index, begin });
        let cases: [(&[(u64, u64)], _); 8] = [
            (&[(0, 12), (12, 20), (20, 30)], Ok(())),
            // One record spans the second split, which may believe anything beyond its end.
            (&[(0, 25), (20, 20), (25, 30)], Ok(())),
            (&[(0, 25), (22, 22), (25, 30)], Ok(())),
            (&[(0, 25), (13, 21), (25, 30)], misfit(1, 25)),
            (&[(0, 12), (20, 20), (20, 30)], misfit(1, 12)),
            (&[(0, 12), (13, 21), (21, 30)], misfit(1, 12)),
            (&[(0, 12), (12, 21), (20, 30)], misfit(2, 21)),
            (&[(0, 12), (12, 21)], misfit(2, 21)),
        ];
        for (tiles, expected) in cases {
            assert_eq!(check_tiles(tiles, &splits, 30), expected, "{tiles:?}");
        }
        assert_eq!(check_tiles(&[(0, 0)], &[(0, 0)], 0), Ok(()));
        assert_eq!(check_tiles(&[], &[], 0), Ok(()));
        assert_eq!(check_tiles(&[(0, 9)], &[(0, 9)], 10), misfit(0, 9));
    }
}
