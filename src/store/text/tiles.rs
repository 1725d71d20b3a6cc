//! The proof that the splits of a text file joined: see the module's head.

/// How far it is proved that the splits of one file read each of its records once. Splits are
/// taken in file order; one that does not fit is run again with [`Tiling::proved`] as its `begin`,
/// so that at most all but the first are run twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tiling {
    proved: u64,
}

impl Tiling {
    /// Of the records from byte `begin` on.
    #[must_use]
    pub const fn from(begin: u64) -> Self {
        Self { proved: begin }
    }

    /// A record (or the end of the file) begins here, and none before it was missed.
    #[must_use]
    pub const fn proved(self) -> u64 {
        self.proved
    }

    /// Takes the next split, the bytes of the file up to `end`, whose reader reported `tile`: where its
    /// first record began and its last one ended. Says whether it fits; if not, nothing is taken.
    pub fn take(&mut self, end: u64, tile: (u64, u64)) -> bool {
        let (from, to) = tile;
        if self.proved >= end && from == to && from >= end {
            // It owns no record and read none, wherever it believes that the next one begins.
            return true;
        }
        let fits = from == self.proved && to >= end && to >= from;
        if fits {
            self.proved = to;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_join_or_the_first_that_does_not_is_found() {
        // The first split that does not fit, and where it must begin.
        let misfit = |tiles: &[(u64, u64)]| {
            let mut tiling = Tiling::default();
            let found = [10, 20, 30].iter().zip(tiles).position(|(end, tile)| !tiling.take(*end, *tile));
            found.map(|at| (at, tiling.proved()))
        };
        let cases: [(&[(u64, u64)], _); 7] = [
            (&[(0, 12), (12, 20), (20, 30)], None),
            // One record spans the second split, which may believe anything beyond its end.
            (&[(0, 25), (20, 20), (25, 30)], None),
            (&[(0, 25), (22, 22), (25, 30)], None),
            (&[(0, 25), (13, 21), (25, 30)], Some((1, 25))),
            (&[(0, 12), (20, 20), (20, 30)], Some((1, 12))),
            (&[(0, 12), (13, 21), (21, 30)], Some((1, 12))),
            (&[(0, 12), (12, 21), (20, 30)], Some((2, 21))),
        ];
        for (tiles, expected) in cases {
            assert_eq!(misfit(tiles), expected, "{tiles:?}");
        }
        assert!(Tiling::default().take(0, (0, 0)), "an empty file");
        assert!(!Tiling::default().take(10, (0, 9)), "the end is missing");
    }
}
