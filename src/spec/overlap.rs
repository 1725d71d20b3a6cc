//! Whether a dataset would read what a job writes.

use globset::GlobBuilder;

use super::location::Location;
use super::valid::{Dataset, Output, OutputCompression, OutputFormat};

const WILD: [char; 4] = ['*', '?', '[', '{'];

/// The first dataset that would take the output's files for its own, with its place.
pub(super) fn reader<'a>(
    output: &Output,
    datasets: impl IntoIterator<Item = &'a Dataset>,
) -> Option<(&'a str, &'a Location)> {
    let file = output.url.join(&format!("part-000000-0.{}", extension(output)));
    datasets.into_iter().find_map(|d| Some((d.name.as_str(), d.urls.iter().find(|url| takes(url, &file))?)))
}

fn extension(output: &Output) -> String {
    let text = matches!(output.format, OutputFormat::Csv | OutputFormat::Jsonl);
    let end = match output.compression {
        OutputCompression::Gzip if text => ".gz",
        OutputCompression::Zstd if text => ".zst",
        _ => "",
    };
    format!("{}{end}", output.format.extension())
}

/// Whether a file lies below a folder or matches a glob, by its name alone.
fn takes(url: &Location, file: &Location) -> bool {
    if (url.scheme(), url.authority()) != (file.scheme(), file.authority()) {
        return false;
    }
    let path = url.path();
    let (folder, pattern) = match path.find(WILD) {
        None => (path.trim_end_matches('/'), "**"),
        Some(wild) => {
            let cut = path.get(..wild).and_then(|p| p.rfind('/')).map_or(0, |i| i + 1);
            let (folder, pattern) = path.split_at_checked(cut).unwrap_or(("", path));
            (folder.trim_end_matches('/'), pattern)
        }
    };
    let below = file.path().strip_prefix(folder).and_then(|rest| match rest.strip_prefix('/') {
        None if folder.is_empty() => Some(rest),
        relative => relative,
    });
    let Some(relative) = below else { return false };
    // Hidden names are left out, unless the pattern says so itself.
    let hidden = |name: &str| name.starts_with('.') || (name.starts_with('_') && !name.contains('='));
    if relative.split('/').any(hidden) && !pattern.split(['/', '{', ',']).any(hidden) {
        return false;
    }
    // A pattern that cannot be read is reported where it is listed.
    let glob = GlobBuilder::new(pattern).literal_separator(true).build();
    glob.is_ok_and(|g| g.compile_matcher().is_match(relative))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_would_be_read_is_found() {
        let place = |text| Location::parse(text, Path::new("/w")).unwrap();
        for (url, folder, reads) in [
            ("data", "data", true),
            ("data/", "data/out", true),
            ("data", "database", false),
            ("data/out", "data", false),
            ("data/*.parquet", "data/out", false),
            ("data/*.parquet", "data", true),
            ("data/*.csv", "data", false),
            ("data/**/*.parquet", "data/a/b", true),
            ("data/**/*.parquet", "data/_results", false),
            ("data/_*/*.parquet", "data/_results", true),
            ("data/a.parquet", "data", false),
            ("data/{a,b}/*", "data/b", true),
            ("data/[", "data", false),
            ("s3://b", "s3://b/out", true),
            ("s3://b/*", "s3://b/out", false),
            ("s3://b/**", "s3://b/out", true),
            ("s3://b/", "s3://c/out", false),
            ("s3://b/", "gs://b/out", false),
            ("/", "out", true),
        ] {
            let dataset = Dataset::new("t", vec![place("elsewhere"), place(url)]);
            let output = Output::new(place(folder), OutputFormat::Parquet);
            assert_eq!(reader(&output, [&dataset]).is_some(), reads, "{url} and {folder}");
        }
    }

    #[test]
    fn text_files_have_the_extension_of_their_compression() {
        let place = |text| Location::parse(text, Path::new("/w")).unwrap();
        let mut output = Output::new(place("d"), OutputFormat::Csv);
        assert_eq!(extension(&output), "csv");
        output.compression = OutputCompression::Gzip;
        assert_eq!(extension(&output), "csv.gz");
        output.format = OutputFormat::Parquet;
        assert_eq!(extension(&output), "parquet");
    }
}
