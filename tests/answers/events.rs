//! A made-up table with NULLs everywhere: groups without any value, NULL keys, empty and non-ASCII
//! texts, lists, instants before 1970.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int16Array, Int32Array, Int64Array, ListBuilder,
    RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::error::ArrowError;

use crate::tpch::Batches;

const WORDS: [&str; 10] =
    ["", "a", "alpha", "Beta", "γάμμα", "delta, with a comma", "say \"hi\"", "naïve café", "日本", "O'Neil"];

/// Numbers that look random and are the same everywhere (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    fn below(&mut self, n: i64) -> i64 {
        i64::try_from(self.next() % n.unsigned_abs()).unwrap_or(0)
    }

    /// `n` values, each NULL with a chance of `percent` %.
    fn sparse<T>(&mut self, n: usize, percent: i64, mut value: impl FnMut(&mut Self) -> T) -> Vec<Option<T>> {
        (0..n)
            .map(|_| {
                let value = value(self);
                (self.below(100) >= percent).then_some(value)
            })
            .collect()
    }
}

/// The rows of file `part` (from 0) of `n` rows: `id k s b f i j u t d tags`.
pub fn batches(part: u64, n: usize) -> Batches {
    Box::new(std::iter::once(batch(part, n)))
}

fn batch(part: u64, rows: usize) -> Result<RecordBatch, ArrowError> {
    let mut numbers = Numbers(part + 1);
    let first = i64::try_from(part).unwrap_or(0) * i64::try_from(rows).unwrap_or(0);
    let keys = numbers.sparse(rows, 20, |r| i32::try_from(r.below(12)).unwrap_or(0));
    // Every group of k = 5 is NULL in all columns of values.
    let void: Vec<bool> = keys.iter().map(|k| *k == Some(5)).collect();
    let keep = |values: Vec<Option<i64>>| -> Vec<Option<i64>> {
        values.into_iter().zip(&void).map(|(v, void)| v.filter(|_| !void)).collect()
    };
    let near = keep(numbers.sparse(rows, 30, |r| r.below(2_000_000) - 1_000_000));
    let far = keep(numbers.sparse(rows, 95, |r| r.below(1 << 40)));
    let eighths = keep(numbers.sparse(rows, 30, |r| r.below(8_000_000) - 3_000_000));
    let bits = keep(numbers.sparse(rows, 40, |r| r.below(2)));
    let words = numbers.sparse(rows, 25, |r| WORDS.get(usize::try_from(r.below(10)).unwrap_or(0)).copied());
    let small = numbers.sparse(rows, 0, |r| i16::try_from(r.below(1000)).unwrap_or(0));
    let times = numbers.sparse(rows, 15, |r| r.below(3_000_000_000_000_000) - 1_000_000_000_000_000);
    let days = numbers.sparse(rows, 15, |r| i32::try_from(r.below(30_000)).unwrap_or(0) - 10_000);
    let columns: [(&str, ArrayRef); 11] = [
        ("id", Arc::new((first..).take(rows).collect::<Int64Array>())),
        ("k", Arc::new(Int32Array::from(keys))),
        ("s", Arc::new(words.into_iter().map(Option::flatten).collect::<StringArray>())),
        ("b", Arc::new(bits.into_iter().map(|v| v.map(|v| v == 1)).collect::<BooleanArray>())),
        ("f", Arc::new(eighths.into_iter().map(|v| v.map(eighth)).collect::<Float64Array>())),
        ("i", Arc::new(Int64Array::from(near))),
        ("j", Arc::new(Int64Array::from(far))),
        ("u", Arc::new(Int16Array::from(small))),
        ("t", Arc::new(TimestampMicrosecondArray::from(times))),
        ("d", Arc::new(Date32Array::from(days))),
        ("tags", tags(&mut numbers, rows)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
}

/// A float that is exact, so that sums of a few are too.
fn eighth(n: i64) -> f64 {
    f64::from(i32::try_from(n).unwrap_or(0)) / 8.0
}

/// Lists of up to three words; one in five is NULL, one in five is empty.
fn tags(numbers: &mut Numbers, n: usize) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for _ in 0..n {
        let length = numbers.below(5) - 1;
        for _ in 0..length {
            let word = numbers.below(4);
            if word == 0 {
                lists.values().append_null();
            } else {
                lists.values().append_value(format!("tag{word}"));
            }
        }
        lists.append(length >= 0);
    }
    Arc::new(lists.finish())
}
