//! Jobs without a file: what `dp sql` runs, with the same defaults and rules as a spec.

use std::collections::BTreeMap;

use crate::error::{Error, Result};

use super::cluster::Kubernetes;
use super::location::Location;
use super::rules;
use super::sense;
use super::valid::{
    BadRecords, Csv, Dataset, Errors, IfExists, Job, Output, OutputCompression, OutputFormat, Resources,
    Shards,
};

/// The name of a job without a file.
const NAME: &str = "sql";

impl Job {
    /// The job of a statement over `inputs` (cut into shards) and side `tables`; without `output`
    /// the result is only shown. Other blocks have their defaults.
    ///
    /// # Errors
    /// [`crate::Kind::Usage`] with a line for each broken rule.
    pub fn for_sql(
        inputs: Vec<Dataset>,
        tables: Vec<Dataset>,
        sql: &str,
        output: Option<Output>,
    ) -> Result<Self> {
        let mut lines = Vec::new();
        if let Err(message) = (rules::SQL.check)(sql) {
            lines.push(format!("the statement {message}"));
        }
        for dataset in inputs.iter().chain(&tables) {
            lines.extend(dataset_problems(dataset));
        }
        lines.extend(
            sense::names(&inputs, &tables).into_iter().map(|(_, name, m)| format!("table {name}: {m}")),
        );
        let output = output.map(|o| checked_output(o, &inputs, &tables, &mut lines));
        if !lines.is_empty() {
            return Err(Error::usage(lines.join("\n")));
        }
        Ok(Self {
            name: NAME.to_owned(),
            inputs,
            tables,
            sql: sql.to_owned(),
            params: BTreeMap::new(),
            output,
            shards: Shards::default(),
            errors: Errors::default(),
            resources: Resources::default(),
            work: None,
            kubernetes: Kubernetes::default(),
            schedule: None,
        })
    }
}

fn dataset_problems(dataset: &Dataset) -> Vec<String> {
    let mut found: Vec<String> = (rules::TABLE_NAME.check)(&dataset.name).err().into_iter().collect();
    if dataset.urls.is_empty() {
        found.push("has no url".to_owned());
    }
    found
        .extend(dataset.urls.iter().filter_map(|u| sense::input_place(u).err().map(|m| format!("{u}: {m}"))));
    let wrongs = sense::dataset(dataset).into_iter().chain(sense::csv(&dataset.csv));
    found.extend(wrongs.map(|w| format!("{} {}", w.key, w.message)));
    found.into_iter().map(|message| format!("table {}: {message}", dataset.name)).collect()
}

fn checked_output(
    mut output: Output,
    inputs: &[Dataset],
    tables: &[Dataset],
    lines: &mut Vec<String>,
) -> Output {
    match sense::folder(&output.url) {
        Ok(folder) => output.url = folder,
        Err(message) => lines.push(format!("output {}: {message}", output.url)),
    }
    let wrongs = sense::output(&output).into_iter().chain(sense::not_over_input(&output, inputs, tables));
    lines.extend(wrongs.map(|w| format!("output {} {}", w.key, w.message)));
    output
}

impl Dataset {
    /// A dataset of which nothing but the places is stated.
    #[must_use]
    pub fn new(name: &str, urls: Vec<Location>) -> Self {
        Self {
            name: name.to_owned(),
            urls,
            format: None,
            compression: None,
            schema: None,
            hive: true,
            csv: Csv::default(),
            allow_empty: false,
        }
    }
}

impl Output {
    /// An output of which nothing but place and format is stated.
    #[must_use]
    pub fn new(url: Location, format: OutputFormat) -> Self {
        let compression = match format {
            OutputFormat::Parquet | OutputFormat::Arrow => OutputCompression::Zstd,
            OutputFormat::Csv | OutputFormat::Jsonl => OutputCompression::None,
        };
        Self {
            url,
            format,
            compression,
            target_file_bytes: 512 << 20,
            row_group_rows: 262_144,
            if_exists: IfExists::Fail,
        }
    }
}

impl Default for Shards {
    fn default() -> Self {
        Self { target_bytes: 64 << 20, count: None }
    }
}

impl Default for Errors {
    fn default() -> Self {
        Self { attempts: 3, bad_records: BadRecords::Fail, max_bad_records: None }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn place(text: &str) -> Location {
        Location::parse(text, Path::new("/here")).unwrap()
    }

    #[test]
    fn defaults_are_those_of_a_spec() {
        let output = Output::new(place("out/"), OutputFormat::Parquet);
        let inputs = vec![Dataset::new("input", vec![place("data/")])];
        let job = Job::for_sql(inputs, Vec::new(), "SELECT 1", Some(output)).unwrap();
        let text = include_str!("../../tests/golden/spec-good/least.yaml");
        let given = super::super::Given::default();
        let mut spec = super::super::parse(text, "f", Path::new("/here"), &given).unwrap();
        spec.name = job.name.clone();
        assert_eq!(job, spec);
    }

    #[test]
    fn rules_are_those_of_a_spec() {
        let dataset = |name, url| Dataset::new(name, vec![place(url)]);
        let csv = |compression| {
            let output = Output::new(place("out"), OutputFormat::Csv);
            Some(Output { compression, ..output })
        };
        let input = || vec![dataset("input", "data/")];
        for (inputs, tables, sql, output, said) in [
            (input(), vec![], " ", None, "the statement is empty"),
            (vec![dataset("select", "a")], vec![], "s", None, "word of SQL"),
            (vec![dataset("a", "https://h/*")], vec![], "s", None, "cannot be listed"),
            (input(), vec![dataset("INPUT", "b")], "s", None, "choose another"),
            (vec![Dataset::new("a", vec![])], vec![], "s", None, "has no url"),
            (input(), vec![], "s", csv(OutputCompression::Snappy), "cannot be used for csv"),
            (input(), vec![], "s", Some(Output::new(place("data"), OutputFormat::Csv)), "lies where"),
            (input(), vec![], "s", Some(Output::new(place("s3://b/*"), OutputFormat::Csv)), "glob"),
        ] {
            let error = Job::for_sql(inputs, tables, sql, output).unwrap_err();
            assert!(error.message().contains(said), "{error}");
        }
    }
}
