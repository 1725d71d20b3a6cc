//! The datasets that statements name, made in the cache folder when first used.

use std::path::{Path, PathBuf};

use crate::tpch::{self, Made};
use crate::{events, repository};

/// A dataset as dp and as DuckDB name it.
pub struct Dataset {
    /// What the spec says: `url`, and whatever else it needs.
    pub spec: serde_json::Value,
    /// The expression in DuckDB's FROM.
    pub duckdb: String,
}

/// The cache folder: `DP_CACHE`, else `~/.cache/dp`.
pub fn cache() -> PathBuf {
    let home = || std::env::var_os("HOME").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
    std::env::var_os("DP_CACHE").map_or_else(|| home().join(".cache/dp"), PathBuf::from)
}

/// The dataset of that name. `<table>` is TPC-H at scale 0.1, `<table>_sf1` at scale 1.
pub fn dataset(name: &str) -> Result<Dataset, Box<dyn std::error::Error + Send + Sync>> {
    let small = cache().join("tpch/sf0.1");
    let made = match name {
        "lineitem_csv" => {
            let folder = small.join(name);
            tpch::once(&folder, |f| {
                tpch::write_csv(&f.join("lineitem.csv"), tpch::batches("lineitem", 0.1, 1, 1))
            })?;
            text(&folder.join("*.csv"), "read_csv", "")
        }
        "lineitem_jsonl" => {
            let folder = small.join(name);
            tpch::once(&folder, |f| {
                tpch::write_jsonl(&f.join("lineitem.jsonl"), tpch::batches("lineitem", 0.1, 1, 4))
            })?;
            text(&folder.join("*.jsonl"), "read_json", ", format = 'newline_delimited'")
        }
        "events" => {
            let folder = cache().join("events-1");
            tpch::once(&folder, |f| {
                (0..5).try_for_each(|part| {
                    let path = f.join(format!("events-{part}.parquet"));
                    tpch::write_parquet(&path, events::batches(part, 12_000), 4_000)
                })
            })?;
            parquet(&folder)
        }
        "events_jsonl" => {
            let folder = cache().join("events-1-jsonl");
            tpch::once(&folder, |f| tpch::write_jsonl(&f.join("events.jsonl"), events::batches(0, 12_000)))?;
            text(&folder.join("*.jsonl"), "read_json", ", format = 'newline_delimited'")
        }
        // Larger than a side table may be, but for its size without content.
        "sparse_csv" => {
            let folder = cache().join("sparse-1");
            tpch::once(&folder, |f| {
                std::fs::write(f.join("sparse.csv"), "id,word\n1,one\n")?;
                let file = std::fs::OpenOptions::new().append(true).open(f.join("sparse.csv"))?;
                Ok(file.set_len(300 << 20)?)
            })?;
            text(&folder.join("*.csv"), "read_csv", "")
        }
        _ if name.starts_with("repo_") => repository::dataset(name)?,
        _ => match name.strip_suffix("_sf1") {
            Some(table) => tpch_parquet(&cache().join("tpch/sf1"), table, 1.0, 200_000)?,
            None => tpch_parquet(&small, name, 0.1, 50_000)?,
        },
    };
    Ok(made)
}

fn tpch_parquet(
    root: &Path,
    table: &str,
    scale: f64,
    group_rows: usize,
) -> Result<Dataset, Box<dyn std::error::Error + Send + Sync>> {
    let files = match table {
        "lineitem" => 4,
        "orders" => 3,
        _ => 1,
    };
    let folder = root.join(table);
    tpch::once(&folder, |f| -> Made {
        (1..=files).try_for_each(|part| {
            let path = f.join(format!("{table}-{part}.parquet"));
            tpch::write_parquet(&path, tpch::batches(table, scale, part, files), group_rows)
        })
    })?;
    Ok(parquet(&folder))
}

fn parquet(folder: &Path) -> Dataset {
    let url = folder.join("*.parquet").display().to_string();
    Dataset { duckdb: format!("read_parquet('{url}')"), spec: serde_json::json!({ "url": url }) }
}

fn text(glob: &Path, function: &str, options: &str) -> Dataset {
    let url = glob.display().to_string();
    Dataset { duckdb: format!("{function}('{url}'{options})"), spec: serde_json::json!({ "url": url }) }
}
