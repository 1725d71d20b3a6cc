//! From a dataset to a table: list its files, look into each, unite what they state.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::client::Stores;
use super::concurrent::concurrently;
use super::list::{ListedFile, Listing, list};
use super::parquet::{FooterStats, footer};
use super::read::open_split;
use super::{source, text};
use crate::error::{Error, Result};
use crate::plan::limits::SIDE_TABLE_BYTES;
use crate::plan::schema::{Unifier, fits};
use crate::plan::{
    NoStats, RowGroup, ScannedFile, ScannedTable, Split, StatsSource, Table, hive, too_large, whole_files,
};
use crate::spec::{BadRecords, Dataset, Format, TextCompression, types};

/// Rows of a batch while a side table's rows are counted.
const COUNT_ROWS: usize = 64 * 1024;

/// Lists a dataset, reads the Parquet footers (or the first records of text files) and unites the
/// files' schemas.
///
/// # Errors
/// Those of [`list`]; files that cannot be read as their format; schemas that cannot be united;
/// folders whose keys differ; a dataset without any row whose schema is not stated.
pub fn scan(stores: &Stores, dataset: &Dataset) -> Result<ScannedTable> {
    let listing = list(stores, dataset)?;
    let named = |e: Error| e.with("table", &dataset.name);
    scan_listed(stores, dataset, listing).map_err(named)
}

/// Scans a side table and counts its rows.
///
/// # Errors
/// Those of [`scan`]; `Usage` if its files are larger than a side table may be; bad records.
pub fn scan_side(stores: &Stores, dataset: &Dataset) -> Result<ScannedTable> {
    let listing = list(stores, dataset)?;
    let named = |e: Error| e.with("table", &dataset.name);
    let bytes: u64 = listing.files.iter().map(|f| f.bytes).sum();
    if bytes > SIDE_TABLE_BYTES {
        return Err(named(too_large(bytes)));
    }
    let mut table = scan_listed(stores, dataset, listing).map_err(named)?;
    let splits = whole_files(0, &table);
    let counted = concurrently(&splits, |split: &Split| count(stores, &table, split));
    table.rows = Some(counted.map_err(named)?.iter().sum());
    Ok(table)
}

fn count(stores: &Stores, table: &ScannedTable, split: &Split) -> Result<u64> {
    if let Some(rows) = split.rows {
        return Ok(rows);
    }
    let tables = std::slice::from_ref(&table.table);
    let mut rows = 0;
    for batch in open_split(stores, tables, split, &[], None, BadRecords::Fail, COUNT_ROWS)? {
        rows += batch?.num_rows() as u64;
    }
    Ok(rows)
}

fn scan_listed(stores: &Stores, dataset: &Dataset, listing: Listing) -> Result<ScannedTable> {
    let stated = dataset.schema.as_ref().map(|columns| {
        let fields = columns.iter().map(|c| Field::new(&c.name, c.data_type.clone(), true));
        Schema::new(fields.collect::<Vec<_>>())
    });
    let folders = folder_columns(&listing.files, stated.as_ref())?;
    let looked = match listing.format {
        Format::Parquet => concurrently(&listing.files, |f| look_parquet(stores, f))?,
        _ if stated.is_some() => Vec::new(),
        format => concurrently(&listing.files, |f| look_text(stores, f, format, &listing))?,
    };
    let own = match &stated {
        Some(stated) => {
            for (file, found) in listing.files.iter().zip(&looked) {
                if let Some(schema) = &found.schema {
                    fits(stated, schema, &file.path)?;
                }
            }
            stated.clone()
        }
        None => united(listing.format, &listing.files, &looked)?,
    };
    let (schema, notes) = with_folders(&own, &folders);
    let hive_columns = folders.len();
    let files = listing.files.into_iter().enumerate().map(|(i, file)| {
        let groups = looked.get(i).map_or(&[][..], |l| &l.row_groups);
        let own = looked.get(i).and_then(|l| l.schema.as_ref());
        scanned(file, groups, own, &schema, hive_columns)
    });
    let files = files.collect();
    let stats: Arc<dyn StatsSource> = match listing.format {
        Format::Parquet => Arc::new(FooterStats::new(stores.clone())),
        Format::Csv | Format::Jsonl => Arc::new(NoStats),
    };
    let name = dataset.name.clone();
    let table =
        Table { name, format: listing.format, csv: listing.csv, schema: Arc::new(schema), hive_columns };
    Ok(ScannedTable { table, files, notes, stats, rows: None })
}

/// What a look into one file has found.
struct Looked {
    /// `None`: the file has no bytes, hence no rows and no columns.
    schema: Option<SchemaRef>,
    row_groups: Vec<(u64, Vec<u64>)>,
}

fn look_parquet(stores: &Stores, file: &ListedFile) -> Result<Looked> {
    if file.bytes == 0 {
        return Ok(Looked { schema: None, row_groups: Vec::new() });
    }
    let source = source::open_file(stores, &file.path, file.bytes, file.etag.as_deref())?;
    let footer = footer(source.as_ref(), file.etag.as_deref())?;
    Ok(Looked { schema: Some(Arc::clone(&footer.schema)), row_groups: footer.row_groups().collect() })
}

fn look_text(stores: &Stores, file: &ListedFile, format: Format, listing: &Listing) -> Result<Looked> {
    let mut schema = None;
    if file.bytes > 0 {
        let source = source::open_file(stores, &file.path, file.bytes, file.etag.as_deref())?;
        schema = Some(text::infer(source.as_ref(), format, file.compression, &listing.csv)?);
    }
    Ok(Looked { schema, row_groups: Vec::new() })
}

fn united(format: Format, files: &[ListedFile], looked: &[Looked]) -> Result<Schema> {
    let seen = files.iter().zip(looked).filter_map(|(f, l)| Some((f.path.as_str(), l.schema.as_ref()?)));
    let schema = if format == Format::Parquet {
        let mut all = Unifier::default();
        for (path, schema) in seen {
            all.add(schema, path)?;
        }
        all.finish()
    } else {
        let mut all = Arc::new(Schema::empty());
        let mut last: Option<&SchemaRef> = None;
        for (path, schema) in seen {
            if last != Some(schema) {
                all = text::unify(&all, schema).map_err(|e| e.with("file", path))?;
                last = Some(schema);
            }
        }
        settled(&all)
    };
    if schema.fields().is_empty() {
        let error = Error::stop(
            "the files hold no columns: they are empty, or no record of theirs can be read; check the URL, or state \
             the table's schema",
        );
        return Err(files
            .iter()
            .take(1)
            .fold(error.with("files", files.len()), |e, f| e.with("file", &f.path)));
    }
    Ok(schema)
}

/// Columns of text in which no value was seen are text.
fn settled(schema: &Schema) -> Schema {
    fn settle(field: &Field) -> Field {
        let nested = |f: &Arc<Field>| Arc::new(settle(f));
        let data_type = match field.data_type() {
            DataType::Null => DataType::Utf8View,
            DataType::List(item) => DataType::List(nested(item)),
            DataType::Struct(fields) => DataType::Struct(fields.iter().map(nested).collect()),
            other => other.clone(),
        };
        Field::new(field.name(), data_type, true)
    }
    Schema::new(schema.fields().iter().map(|f| settle(f)).collect::<Vec<_>>())
}

/// The columns that the folders give: every file has the same keys.
fn folder_columns(files: &[ListedFile], stated: Option<&Schema>) -> Result<Vec<Field>> {
    let Some(first) = files.first() else { return Ok(Vec::new()) };
    let keys: Vec<&str> = first.folder_values.iter().map(|(k, _)| k.as_str()).collect();
    if keys.iter().collect::<BTreeSet<_>>().len() < keys.len() {
        return Err(Error::usage("a folder's key is there twice in one path: set hive: off")
            .with("file", &first.path));
    }
    for file in files {
        if !file.folder_values.iter().map(|(k, _)| k.as_str()).eq(keys.iter().copied()) {
            let shown = |f: &ListedFile| {
                let keys: Vec<&str> = f.folder_values.iter().map(|(k, _)| k.as_str()).collect();
                if keys.is_empty() { "none".to_owned() } else { keys.join("/") }
            };
            return Err(Error::usage(format!(
                "the files lie in folders of different keys ({} and {}): leave some out with a pattern, or set \
                 hive: off",
                shown(first),
                shown(file)
            ))
            .with("file", &first.path)
            .with("other", &file.path));
        }
    }
    let fields = keys.iter().enumerate().map(|(i, key)| {
        let values = || files.iter().filter_map(move |f| f.folder_values.get(i)).map(|(_, v)| v.as_deref());
        let inferred = hive::infer(values());
        let data_type =
            stated.and_then(|s| s.field_with_name(key).ok()).map_or(inferred, |f| f.data_type().clone());
        let field = Field::new(*key, data_type, true);
        // Only a stated type can fail to hold the values.
        hive::array(&field, values()).map_err(|e| {
            let stated = types::name(field.data_type());
            let what = format!("a folder's name holds a value that the stated type {stated} cannot hold");
            Error::usage(what).with("column", key).because(e)
        })?;
        Ok(field)
    });
    fields.collect()
}

/// The files' columns, then the folders'. As in Hive, a folder column hides a column of the files.
fn with_folders(own: &Schema, folders: &[Field]) -> (Schema, Vec<String>) {
    let hides = |f: &Field| folders.iter().any(|folder| folder.name() == f.name());
    let notes = own.fields().iter().filter(|f| hides(f)).map(|f| {
        format!(
            "column '{}' comes from the folders' names; the files' own column of that name is not read",
            f.name()
        )
    });
    let notes = notes.collect();
    let kept = own.fields().iter().filter(|f| !hides(f)).map(|f| f.as_ref().clone());
    (Schema::new(kept.chain(folders.iter().cloned()).collect::<Vec<_>>()), notes)
}

fn scanned(
    file: ListedFile,
    groups: &[(u64, Vec<u64>)],
    own: Option<&SchemaRef>,
    table: &Schema,
    hive_columns: usize,
) -> ScannedFile {
    let columns = table.fields().len().saturating_sub(hive_columns);
    let places: Vec<Option<usize>> = match own {
        Some(own) if !groups.is_empty() => {
            table.fields().iter().take(columns).map(|f| own.index_of(f.name()).ok()).collect()
        }
        _ => Vec::new(),
    };
    let row_groups = groups.iter().map(|(rows, bytes)| {
        let column_bytes = places.iter().map(|p| p.and_then(|p| bytes.get(p)).copied().unwrap_or(0));
        RowGroup { rows: *rows, column_bytes: column_bytes.collect() }
    });
    ScannedFile {
        path: file.path,
        bytes: file.bytes,
        etag: file.etag,
        compression: if groups.is_empty() { file.compression } else { TextCompression::None },
        folder_values: file.folder_values.into_iter().map(|(_, value)| value).collect(),
        row_groups: row_groups.collect(),
    }
}

#[cfg(test)]
mod tests;
