//! TPC-H tables as files: generated once, the same bytes every time.

use std::error::Error;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use tpchgen::generators as generate;
use tpchgen_arrow as tpch;

/// The result of everything that writes files here.
pub type Made = Result<(), Box<dyn Error + Send + Sync>>;

/// Batches of a table, or of one of its parts.
pub type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>;

/// Part `part` (from 1) of `parts` of a table at a scale factor.
pub fn batches(table: &str, scale: f64, part: i32, parts: i32) -> Batches {
    match table {
        "lineitem" => {
            Box::new(tpch::LineItemArrow::new(generate::LineItemGenerator::new(scale, part, parts)))
        }
        "orders" => Box::new(tpch::OrderArrow::new(generate::OrderGenerator::new(scale, part, parts))),
        "customer" => {
            Box::new(tpch::CustomerArrow::new(generate::CustomerGenerator::new(scale, part, parts)))
        }
        "part" => Box::new(tpch::PartArrow::new(generate::PartGenerator::new(scale, part, parts))),
        "partsupp" => {
            Box::new(tpch::PartSuppArrow::new(generate::PartSuppGenerator::new(scale, part, parts)))
        }
        "supplier" => {
            Box::new(tpch::SupplierArrow::new(generate::SupplierGenerator::new(scale, part, parts)))
        }
        "nation" => Box::new(tpch::NationArrow::new(generate::NationGenerator::new(scale, part, parts))),
        "region" => Box::new(tpch::RegionArrow::new(generate::RegionGenerator::new(scale, part, parts))),
        other => Box::new(std::iter::once(Err(ArrowError::InvalidArgumentError(format!(
            "no TPC-H table is called {other}"
        ))))),
    }
}

/// Writes batches as one Parquet file (Snappy) with row groups of `group_rows` rows.
pub fn write_parquet(path: &Path, batches: Batches, group_rows: usize) -> Made {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(group_rows))
        .build();
    let mut batches = batches.peekable();
    let Some(Ok(first)) = batches.peek() else {
        return Err(format!("nothing to write to {}", path.display()).into());
    };
    let mut writer = ArrowWriter::try_new(File::create(path)?, first.schema(), Some(properties))?;
    for batch in batches {
        writer.write(&batch?)?;
    }
    writer.close()?;
    Ok(())
}

/// Writes batches as one CSV file with a header line.
pub fn write_csv(path: &Path, batches: Batches) -> Made {
    let mut writer =
        arrow::csv::WriterBuilder::new().with_header(true).build(BufWriter::new(File::create(path)?));
    for batch in batches {
        writer.write(&batch?)?;
    }
    Ok(())
}

/// Writes batches as one file of JSON lines; NULLs are left out.
pub fn write_jsonl(path: &Path, batches: Batches) -> Made {
    let mut writer = arrow::json::LineDelimitedWriter::new(BufWriter::new(File::create(path)?));
    for batch in batches {
        writer.write(&batch?)?;
    }
    writer.finish()?;
    Ok(())
}

/// Makes a folder once: `make` fills a folder beside it, which then takes its name. Processes that
/// do this at one time do no harm.
pub fn once(folder: &Path, make: impl FnOnce(&Path) -> Made) -> Made {
    if folder.is_dir() {
        return Ok(());
    }
    let unfinished = folder.with_extension(format!("{}.unfinished", std::process::id()));
    fs::create_dir_all(&unfinished)?;
    make(&unfinished)?;
    if let Err(e) = fs::rename(&unfinished, folder) {
        fs::remove_dir_all(&unfinished)?;
        if !folder.is_dir() {
            return Err(e.into());
        }
    }
    Ok(())
}
