//! Makes the benches' data: one TPC-H table as files in a folder, in parallel.
//!
//! `cargo run --release --example make_tpch -- lineitem 10 parquet 8 FOLDER`

use std::error::Error;
use std::path::Path;

use rayon::prelude::*;

#[path = "../tests/answers/tpch.rs"]
mod tpch;

/// Rows of a Parquet row group.
const GROUP_ROWS: usize = 131_072;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [table, scale, format, files, folder] = arguments.as_slice() else {
        return Err("usage: make_tpch TABLE SCALE parquet|csv|jsonl FILES FOLDER".into());
    };
    let (scale, files) = (scale.parse::<f64>()?, files.parse::<i32>()?);
    tpch::once(Path::new(folder), |unfinished| {
        (1..=files).into_par_iter().try_for_each(|part| {
            let path = unfinished.join(format!("{table}-{part:03}.{format}"));
            let batches = tpch::batches(table, scale, part, files);
            match format.as_str() {
                "parquet" => tpch::write_parquet(&path, batches, GROUP_ROWS),
                "csv" => tpch::write_csv(&path, batches),
                "jsonl" => tpch::write_jsonl(&path, batches),
                other => Err(format!("unknown format {other}: parquet, csv or jsonl").into()),
            }
        })
    })
}
