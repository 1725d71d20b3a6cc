//! Small inputs that are the same everywhere.

use std::fmt::Write;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

/// Numbers that look random (splitmix64).
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u32) -> i32 {
        i32::try_from(self.next() % u64::from(n)).expect("n is small")
    }
}

/// Files of rows `id k g f f32 s`: `k` has 13 values and NULL, `g` many, the floats are of very
/// different size, with NULL, and every order of adding them gives another sum.
pub fn parquet(folder: &Path, files: i64, rows: i64) {
    fs::create_dir_all(folder).expect("a folder can be made");
    for part in 0..files {
        let batch = batch(part, rows);
        let file = File::create(folder.join(format!("{part}.parquet"))).expect("a file can be made");
        let groups = usize::try_from(rows / 8).expect("a count").max(1);
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(groups)).build();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a writer");
        writer.write(&batch).expect("rows can be written");
        writer.close().expect("a file can be closed");
    }
}

fn batch(part: i64, rows: i64) -> RecordBatch {
    let mut numbers = Numbers(u64::try_from(part).expect("a part") + 1);
    let ids: Vec<i64> = (0..rows).map(|row| part * rows + row).collect();
    let k: Vec<Option<i32>> = ids.iter().map(|_| Some(numbers.below(14)).filter(|k| *k < 13)).collect();
    let g: Vec<i64> = ids.iter().map(|_| i64::from(numbers.below(5000))).collect();
    let sizes = [1e15, -1e15, 1e-9, 3.25, 1.0, 1e7];
    let f: Vec<Option<f64>> = ids
        .iter()
        .map(|_| {
            let size = sizes.get(usize::try_from(numbers.below(7)).expect("an index"))?;
            Some(size * f64::from(numbers.below(1_000_000)) / 1e6)
        })
        .collect();
    let words = ["a", "b", "cc", "ddd", "", "é"];
    let s: Vec<Option<String>> = ids
        .iter()
        .map(|_| match numbers.below(9) {
            0 => None,
            n @ 1..=6 => words.get(usize::try_from(n).expect("an index") - 1).map(|w| (*w).to_owned()),
            _ => Some(format!("x{}", numbers.below(300))),
        })
        .collect();
    #[expect(clippy::cast_possible_truncation, reason = "any float will do")]
    let small: Float32Array = f.iter().map(|v| v.map(|v| v as f32)).collect();
    let columns: [(&str, ArrayRef); 6] = [
        ("id", Arc::new(Int64Array::from(ids))),
        ("k", Arc::new(Int32Array::from(k))),
        ("g", Arc::new(Int64Array::from(g))),
        ("f", Arc::new(Float64Array::from(f))),
        ("f32", Arc::new(small)),
        ("s", Arc::new(StringArray::from(s))),
    ];
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

/// One CSV of `id,k,t,f` whose texts hold quotes, delimiters and line ends that look like records.
pub fn quoted_csv(file: &Path, rows: i64) {
    let mut numbers = Numbers(7);
    let mut text = "id,k,t,f\n".to_owned();
    for id in 0..rows {
        let t = match numbers.below(4) {
            0 => format!("line {id}\nand \"\"more\"\", x"),
            1 => "\"\"\n1,2,\"\"x\"\",3\n".to_owned(),
            2 => "\n\n".to_owned(),
            _ => "plain".to_owned(),
        };
        let f = f64::from(numbers.below(1_000_000)) / 1e3;
        writeln!(text, "{id},{},\"{t}\",{f}", numbers.below(17)).expect("a string grows");
    }
    fs::write(file, text).expect("a file can be written");
}
