//! Finds the few bytes that matter to a record scanner, eight bytes at a step.

/// The positions of up to four different bytes in a text, ascending.
///
/// A mask of 64 positions is made at a time by arithmetic on whole words, so that short fields
/// cost no call and no look-up each.
pub(super) struct Marks<'a> {
    text: &'a [u8],
    needles: [u64; 4],
    /// Whether the fourth needle differs from the others.
    four: bool,
    /// Position of the mask's lowest bit.
    base: usize,
    mask: u64,
}

const EVERY_BYTE: u64 = 0x0101_0101_0101_0101;
const LOW_BITS: u64 = 0x7f7f_7f7f_7f7f_7f7f;
/// Moves the lowest bit of byte k to bit 56 + k.
const GATHER: u64 = 0x0102_0408_1020_4080;

/// The high bit of each byte of `word` that equals the needle's.
const fn equal(word: u64, needle: u64) -> u64 {
    let differ = word ^ needle;
    !(((differ & LOW_BITS).wrapping_add(LOW_BITS)) | differ | LOW_BITS)
}

impl<'a> Marks<'a> {
    /// Marks of `text` from `at` on. A needle may be given twice.
    pub(super) fn new(text: &'a [u8], at: usize, needles: [u8; 4]) -> Self {
        let four = !needles[..3].contains(&needles[3]);
        let needles = needles.map(|n| u64::from(n).wrapping_mul(EVERY_BYTE));
        let mut marks = Self { text, needles, four, base: at, mask: 0 };
        marks.mask = marks.mask_at(at);
        marks
    }

    /// The text that is searched.
    pub(super) const fn text(&self) -> &'a [u8] {
        self.text
    }

    /// The next position that is at least `from`; positions before it are passed over for good.
    #[inline]
    pub(super) fn next_from(&mut self, from: usize) -> Option<usize> {
        loop {
            while self.mask == 0 {
                self.base += 64;
                if self.base >= self.text.len() {
                    self.base = self.text.len();
                    return None;
                }
                self.mask = self.mask_at(self.base);
            }
            let at = self.base + self.mask.trailing_zeros() as usize;
            self.mask &= self.mask - 1;
            if at >= from {
                return Some(at);
            }
        }
    }

    fn mask_at(&self, at: usize) -> u64 {
        let rest = self.text.get(at..).unwrap_or_default();
        if let Some(block) = rest.first_chunk::<64>() {
            return self.mask_of(block);
        }
        let mut block = [0; 64];
        block[..rest.len()].copy_from_slice(rest);
        // The padding is no text, whatever the needles are.
        self.mask_of(&block) & ((1_u64 << rest.len()) - 1)
    }

    #[inline]
    fn mask_of(&self, block: &[u8; 64]) -> u64 {
        let [a, b, c, d] = self.needles;
        let mut mask = 0;
        for (i, word) in block.as_chunks::<8>().0.iter().enumerate() {
            let word = u64::from_le_bytes(*word);
            let mut found = equal(word, a) | equal(word, b) | equal(word, c);
            if self.four {
                found |= equal(word, d);
            }
            mask |= ((found >> 7).wrapping_mul(GATHER) >> 56) << (8 * i);
        }
        mask
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_a_plain_loop_finds(
            text in prop::collection::vec(prop::sample::select(vec![0, 1, b',', b'"', b'\n', b'\\', 0x80, 0xff]), 0..300),
            at in 0_usize..300,
            four in any::<bool>(),
        ) {
            let needles = [b',', b'"', b'\n', if four { b'\\' } else { b'\n' }];
            let at = at.min(text.len());
            let expected: Vec<usize> = (at..text.len()).filter(|&i| needles.contains(&text[i])).collect();
            let mut marks = Marks::new(&text, at, needles);
            let found: Vec<usize> = std::iter::from_fn(|| marks.next_from(0)).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn passes_over_what_lies_before() {
        let mut marks = Marks::new(b",,,,", 0, [b',', b',', b',', b',']);
        assert_eq!(marks.next_from(2), Some(2));
        assert_eq!(marks.next_from(0), Some(3));
        assert_eq!(marks.next_from(0), None);
    }
}
