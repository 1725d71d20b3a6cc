//! The files of a dataset: listed, sorted by path, with what their folders say.
//!
//! - A URL is a file, a folder or a glob. `*`, `?`, `[…]` and `{a,b}` do not cross a `/`, `**` does.
//!   A local path that exists as written is taken as it is, glob characters or not.
//! - Below the folder (or the folder in which the glob begins) names with a leading `_` or `.` are
//!   hidden, as in Hive, but for `_key=value` folders and names for which the glob says so itself.
//! - `key=value` folders give columns: all of them below the folder or the glob's first wildcard,
//!   and those directly above without another folder between.
//! - A file that several URLs list is there once.

mod format;
mod glob;
mod local;
mod pairs;
mod remote;

use crate::error::{Error, Result};
use crate::spec::{Csv, Dataset, Format, Location, Scheme, TextCompression};
use crate::store::client::Stores;

/// A file of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    /// As a URL or an absolute local path.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// What identifies its content, where the store says.
    pub etag: Option<String>,
    /// How the text is compressed; `none` for Parquet.
    pub compression: TextCompression,
    /// `key=value` folders from the outside in, decoded; `None` is NULL.
    pub folder_values: Vec<(String, Option<String>)>,
}

/// The files of a dataset and how they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// As stated, or by the extensions. CSV if there are no files and nothing is stated.
    pub format: Format,
    /// As in the dataset; the delimiter of `.tsv` files is a tab.
    pub csv: Csv,
    /// Sorted by path, each path once.
    pub files: Vec<ListedFile>,
}

/// A file as a store lists it.
struct Found {
    path: String,
    /// Bytes of `path` that the URL fixes: folders behind them count as `key=value` wherever they are.
    fixed: usize,
    bytes: u64,
    etag: Option<String>,
}

/// Lists a dataset.
///
/// # Errors
/// `Stop` if a file or folder is missing or may not be read, or if nothing matches (unless the
/// dataset may be empty); `Usage` if the files' formats are mixed or unknown.
pub fn list(stores: &Stores, dataset: &Dataset) -> Result<Listing> {
    let mut found = Vec::new();
    for url in &dataset.urls {
        let before = found.len();
        let listed = match url.scheme() {
            Scheme::File => local::list(url, dataset.allow_empty, &mut found),
            _ => remote::list(stores, url, dataset.allow_empty, &mut found),
        };
        listed.map_err(|e| e.with("table", &dataset.name))?;
        if found.len() == before && !dataset.allow_empty {
            return Err(nothing(url).with("table", &dataset.name));
        }
    }
    found.sort_unstable_by(|a, b| a.path.cmp(&b.path).then(a.fixed.cmp(&b.fixed)));
    found.dedup_by(|a, b| a.path == b.path);
    let paths: Vec<&str> = found.iter().map(|f| f.path.as_str()).collect();
    let known = format::detect(dataset, &paths).map_err(|e| e.with("table", &dataset.name))?;
    let files = found.into_iter().zip(known.compressions).map(|(f, compression)| {
        let folder_values = if dataset.hive { pairs::of(&f.path, f.fixed)? } else { Vec::new() };
        Ok(ListedFile { path: f.path, bytes: f.bytes, etag: f.etag, compression, folder_values })
    });
    Ok(Listing { format: known.format, csv: known.csv, files: files.collect::<Result<_>>()? })
}

fn nothing(url: &Location) -> Error {
    let what = if url.is_glob() {
        "no file matches: check the pattern ('**' crosses folders, '*' does not; names with a leading '_' or '.' \
         are hidden), or set allowEmpty: true"
    } else {
        "the folder holds no files: check the path, or set allowEmpty: true"
    };
    Error::stop(what).with("url", url)
}

#[cfg(test)]
mod tests;
