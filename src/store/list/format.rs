//! The format and the compression of files, by their extensions.

use crate::error::{Error, Result};
use crate::spec::{Csv, Dataset, Format, TextCompression};

/// What [`detect`] has found.
pub(super) struct Known {
    pub format: Format,
    pub csv: Csv,
    /// Of each file.
    pub compressions: Vec<TextCompression>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extension {
    Parquet,
    Csv,
    Tsv,
    Jsonl,
}

impl Extension {
    const fn format(self) -> Format {
        match self {
            Self::Parquet => Format::Parquet,
            Self::Csv | Self::Tsv => Format::Csv,
            Self::Jsonl => Format::Jsonl,
        }
    }
}

/// What a file's name says. Letter case does not matter.
fn by_name(path: &str) -> (Option<Extension>, TextCompression) {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let (stem, compression) = [(".gz", TextCompression::Gzip), (".zst", TextCompression::Zstd)]
        .into_iter()
        .find_map(|(end, c)| name.strip_suffix(end).map(|stem| (stem, c)))
        .unwrap_or((&name, TextCompression::None));
    let extension = stem.rsplit_once('.').and_then(|(_, extension)| match extension {
        "parquet" => Some(Extension::Parquet),
        "csv" => Some(Extension::Csv),
        "tsv" => Some(Extension::Tsv),
        "jsonl" | "ndjson" | "json" => Some(Extension::Jsonl),
        _ => None,
    });
    (extension, compression)
}

/// The format of all files and the compression of each. What the dataset states wins.
pub(super) fn detect(dataset: &Dataset, paths: &[&str]) -> Result<Known> {
    let names: Vec<_> = paths.iter().map(|p| by_name(p)).collect();
    let mut csv = dataset.csv.clone();
    let format = match dataset.format {
        Some(stated) => stated,
        None => {
            let extension = common(paths, &names)?;
            if extension == Some(Extension::Tsv) && csv.delimiter == Csv::default().delimiter {
                csv.delimiter = b'\t';
            }
            extension.map_or(Format::Csv, Extension::format)
        }
    };
    let compressed = |c: &TextCompression| *c != TextCompression::None;
    if format == Format::Parquet {
        let named = paths.iter().zip(&names).find(|(_, (_, c))| compressed(c)).map(|(p, _)| *p);
        let refused =
            || Error::usage("a Parquet file is compressed inside: one inside gzip or zstd cannot be read");
        if let Some(path) = named {
            return Err(refused().with("file", path));
        }
        if dataset.compression.as_ref().is_some_and(compressed) {
            return Err(refused());
        }
    }
    let compressions = names.iter().map(|(_, by_name)| dataset.compression.unwrap_or(*by_name)).collect();
    Ok(Known { format, csv, compressions })
}

fn common(paths: &[&str], names: &[(Option<Extension>, TextCompression)]) -> Result<Option<Extension>> {
    let mut first: Option<(&str, Extension)> = None;
    for (path, (extension, _)) in paths.iter().zip(names) {
        let Some(extension) = extension else {
            return Err(Error::usage(
                "the file's extension names no known format (.parquet, .csv, .tsv, .jsonl, .ndjson, .json, text also \
                 with .gz or .zst): leave it out with a pattern, or state format: parquet, csv or jsonl",
            )
            .with("file", path));
        };
        match first {
            None => first = Some((path, *extension)),
            Some((other, e)) if e != *extension => {
                return Err(Error::usage(
                    "the files are of different formats: use a pattern that takes one of them, or state format",
                )
                .with("file", other)
                .with("other", path));
            }
            Some(_) => (),
        }
    }
    Ok(first.map(|(_, extension)| extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset(format: Option<Format>, compression: Option<TextCompression>) -> Dataset {
        Dataset {
            name: "t".into(),
            urls: Vec::new(),
            format,
            compression,
            schema: None,
            hive: true,
            csv: Csv::default(),
            allow_empty: false,
        }
    }

    #[test]
    fn names_tell_format_and_compression() {
        use TextCompression::{Gzip, None as Plain, Zstd};
        let cases = [
            ("/a/b.parquet", Some(Format::Parquet), Plain),
            ("/a.csv/b.CSV", Some(Format::Csv), Plain),
            ("b.json", Some(Format::Jsonl), Plain),
            ("b.ndjson.zst", Some(Format::Jsonl), Zstd),
            ("b.x.jsonl.GZ", Some(Format::Jsonl), Gzip),
            ("b.snappy.parquet", Some(Format::Parquet), Plain),
            ("b.tsv.gz", Some(Format::Csv), Gzip),
            ("/a.csv/b", None, Plain),
            ("b.txt", None, Plain),
            ("csv", None, Plain),
        ];
        for (name, format, compression) in cases {
            let (extension, c) = by_name(name);
            assert_eq!((extension.map(Extension::format), c), (format, compression), "{name}");
        }
    }

    #[test]
    fn mixed_and_unknown_formats_are_refused_by_name() {
        let none = dataset(None, None);
        for (paths, named) in [
            (vec!["a.csv", "b.jsonl"], "b.jsonl"),
            (vec!["a.csv", "b.tsv"], "b.tsv"),
            (vec!["a.csv", "README"], "README"),
            (vec!["a.parquet.gz"], "a.parquet.gz"),
        ] {
            let error = detect(&none, &paths).err().expect("refused");
            assert!(error.to_string().contains(named), "{error}");
        }
        let stated = detect(&dataset(Some(Format::Csv), None), &["a.txt", "b.jsonl.gz"]).expect("stated");
        assert_eq!(stated.format, Format::Csv);
        assert_eq!(stated.compressions, [TextCompression::None, TextCompression::Gzip]);
        assert_eq!(detect(&none, &["a.tsv"]).expect("tsv").csv.delimiter, b'\t');
        assert!(detect(&dataset(Some(Format::Parquet), Some(TextCompression::Gzip)), &["a"]).is_err());
    }
}
