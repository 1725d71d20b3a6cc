//! A checked tree -> the job it means. Values that the check has refused are left out here; what is
//! built from the others is still looked at, so that all problems of a file come at once.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::check::{boolean, join};
use super::cluster::{Kubernetes, Mode, env_problem};
use super::given::Given;
use super::location::Location;
use super::params::Params;
use super::problem::Problems;
use super::quantity;
use super::schedule::{Schedule, parse_instant, parse_time_zone};
use super::sense::{self, Wrong};
use super::tree::{Data, Node};
use super::types;
use super::valid::{
    Column, Csv, Dataset, Errors, Format, IfExists, Job, Output, OutputCompression, OutputFormat, Resources,
    Shards, TextCompression,
};

pub(super) struct Build<'a> {
    /// The spec's folder.
    pub base: &'a Path,
    pub given: &'a Given,
    pub problems: &'a mut Problems,
}

impl Node {
    fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_text()
    }

    fn as_text(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar(s) => Some(&s.text),
            Data::List(_) | Data::Map(_) | Data::Bad => None,
        }
    }

    fn whole(&self, key: &str) -> Option<u64> {
        self.text(key)?.parse().ok()
    }

    fn size(&self, key: &str) -> Option<u64> {
        quantity::parse_size(self.text(key)?).ok()
    }

    fn flag(&self, key: &str) -> Option<bool> {
        boolean(self.text(key)?)
    }

    /// The texts of one text or a list of texts, with their nodes.
    fn texts(&self, key: &str) -> Vec<(&Self, &str)> {
        let Some(node) = self.get(key) else { return Vec::new() };
        let items = match &node.data {
            Data::List(items) => items.as_slice(),
            Data::Scalar(_) | Data::Map(_) | Data::Bad => std::slice::from_ref(node),
        };
        items.iter().filter_map(|n| Some((n, n.as_text()?))).collect()
    }

    /// A block of names of the file's own choice.
    fn map_of_texts(&self, key: &str) -> BTreeMap<String, String> {
        let Some(Data::Map(entries)) = self.get(key).map(|n| &n.data) else { return BTreeMap::new() };
        entries.iter().filter_map(|e| Some((e.key.clone(), e.value.as_text()?.to_owned()))).collect()
    }

    /// The word of a choice as the type that it names.
    fn word<T: serde::de::DeserializeOwned>(&self, key: &str) -> Option<T> {
        serde_json::from_value(serde_json::Value::String(self.text(key)?.to_owned())).ok()
    }
}

impl Build<'_> {
    /// The job; only to be used if no problem was found.
    pub(super) fn job(&mut self, root: &Node, params: &Params<'_>) -> Option<Job> {
        let spec = root.get("spec")?;
        let mut inputs = self.datasets(spec, "inputs");
        if let Some(node) = spec.get("input") {
            let input = self.dataset("input", node, "spec.input");
            if inputs.is_empty() {
                inputs.push(input);
            }
        } else if spec.get("inputs").is_none() && spec.entry("job").is_none() {
            self.problems.add(
                spec.pos,
                "spec.input",
                "is missing; write `input` or `inputs` here or give --in",
            );
        }
        let tables = self.datasets(spec, "tables");
        self.names(spec, &inputs, &tables);
        let job = Job {
            name: root.text("metadata.name").unwrap_or_default().to_owned(),
            inputs,
            tables,
            sql: spec.text("sql").unwrap_or_default().to_owned(),
            params: params.used(),
            output: spec.get("output").and_then(|node| self.output(node)),
            shards: shards(spec),
            errors: self.errors(spec),
            resources: Resources {
                memory: spec.size("resources.memory"),
                cpu: spec.text("resources.cpu").and_then(|t| quantity::parse_cpu(t).ok()),
                scratch: spec.size("resources.scratch"),
                max_memory: spec.size("resources.maxMemory"),
                deadline: spec.text("resources.deadline").and_then(|t| quantity::parse_duration(t).ok()),
            },
            work: spec
                .get("work.url")
                .filter(|node| node.as_text().is_some_and(|t| !t.contains("{{")))
                .and_then(|node| self.folder(node, "spec.work.url")),
            kubernetes: self.kubernetes(spec),
            schedule: schedule(spec),
        };
        if let (Some(output), Some(node)) = (&job.output, spec.get("output")) {
            self.report(node, "spec.output", sense::not_over_input(output, &job.inputs, &job.tables));
        }
        Some(job)
    }

    fn report(&mut self, node: &Node, at: &str, wrongs: Vec<Wrong>) {
        for wrong in wrongs {
            let place = node.entry(wrong.key);
            let pos = place.map_or(node.pos, |e| e.value.pos);
            let path = if wrong.key.is_empty() { at.to_owned() } else { join(at, wrong.key) };
            self.problems.add(pos, &path, wrong.message);
        }
    }

    fn kubernetes(&mut self, spec: &Node) -> Kubernetes {
        let cpu = spec.text("resources.cpu").map(str::to_owned);
        let Some(block) = spec.get("kubernetes") else { return Kubernetes { cpu, ..Kubernetes::default() } };
        let owned = |key: &str| block.text(key).map(str::to_owned);
        let values = |key: &str| match block.get(key).map(Node::to_json) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        };
        let env = values("env");
        for (i, message) in env.iter().enumerate().filter_map(|(i, e)| Some((i, env_problem(e)?))) {
            let pos = block.entry("env").map_or(block.pos, |e| e.pos);
            self.problems.add(pos, &format!("spec.kubernetes.env[{i}]"), message);
        }
        let pod_patch = block.get("podPatch").map(Node::to_json);
        if let (Some(node), Some(false)) = (block.get("podPatch"), pod_patch.as_ref().map(Value::is_object)) {
            self.problems.add(
                node.pos,
                "spec.kubernetes.podPatch",
                "expected a block of keys, as in a pod's `spec`",
            );
        }
        Kubernetes {
            image: owned("image"),
            image_pull_policy: owned("imagePullPolicy"),
            indexes: small(block.whole("indexes")),
            parallelism: small(block.whole("parallelism")),
            mode: if block.text("mode") == Some("single") { Mode::Single } else { Mode::Indexed },
            service_account: owned("serviceAccount"),
            queue: owned("queue"),
            priority_class: owned("priorityClass"),
            labels: block.map_of_texts("labels"),
            annotations: block.map_of_texts("annotations"),
            env,
            env_from: values("envFrom"),
            pod_patch,
            cpu,
        }
    }

    fn names(&mut self, spec: &Node, inputs: &[Dataset], tables: &[Dataset]) {
        for (block, name, message) in sense::names(inputs, tables) {
            let pos = spec.get(block).and_then(|n| n.entry(&name)).map_or(spec.pos, |e| e.pos);
            self.problems.add(pos, &format!("spec.{block}.{name}"), message);
        }
    }

    fn datasets(&mut self, spec: &Node, block: &str) -> Vec<Dataset> {
        let Some(Data::Map(entries)) = spec.get(block).map(|n| &n.data) else { return Vec::new() };
        let path = join("spec", block);
        entries.iter().map(|e| self.dataset(&e.key, &e.value, &join(&path, &e.key))).collect()
    }

    fn dataset(&mut self, name: &str, node: &Node, at: &str) -> Dataset {
        let texts = node.texts("url");
        let several = texts.len() > 1;
        let mut urls = Vec::new();
        for (i, (url, text)) in texts.into_iter().enumerate() {
            let path = if several { format!("{at}.url[{i}]") } else { join(at, "url") };
            let Some(location) = self.location(url, text, &path) else { continue };
            match sense::input_place(&location) {
                Ok(()) => urls.push(location),
                Err(message) => self.problems.add(url.pos, &path, message),
            }
        }
        let mut dataset = Dataset::new(name, urls);
        dataset.format = node.word::<Format>("format");
        dataset.compression = node.word::<TextCompression>("compression");
        dataset.schema = self.schema(node, at);
        dataset.hive = node.text("hive").is_none_or(|t| t == "auto");
        dataset.allow_empty = node.flag("allowEmpty").unwrap_or(false);
        if let Some(block) = node.get("csv") {
            dataset.csv = csv(block);
            if dataset.format.is_some_and(|f| f != Format::Csv) {
                self.problems.add(block.pos, &join(at, "csv"), "has a meaning only with `format: csv`");
            }
            dataset.format = dataset.format.or(Some(Format::Csv));
            self.report(block, &join(at, "csv"), sense::csv(&dataset.csv));
        }
        self.report(node, at, sense::dataset(&dataset));
        dataset
    }

    fn schema(&mut self, node: &Node, at: &str) -> Option<Vec<Column>> {
        let schema = node.get("schema")?;
        let column = |name: &str, text: Option<&str>| {
            Some(Column { name: name.to_owned(), data_type: types::parse(text?).ok()? })
        };
        match &schema.data {
            Data::Map(entries) => {
                Some(entries.iter().filter_map(|e| column(&e.key, e.value.as_text())).collect())
            }
            Data::List(items) => {
                let mut seen = std::collections::HashSet::new();
                for (i, item) in items.iter().enumerate() {
                    let Some(name) =
                        item.get("name").filter(|n| n.as_text().is_some_and(|t| !seen.insert(t)))
                    else {
                        continue;
                    };
                    self.problems.add(name.pos, &format!("{at}.schema[{i}].name"), "names a column twice");
                }
                Some(items.iter().filter_map(|n| column(n.text("name")?, n.text("type"))).collect())
            }
            Data::Scalar(_) | Data::Bad => None,
        }
    }

    fn output(&mut self, node: &Node) -> Option<Output> {
        let format = node.word("format").unwrap_or(OutputFormat::Parquet);
        if let Some(rows) = node.get("rowGroupRows")
            && format != OutputFormat::Parquet
        {
            self.problems.add(
                rows.pos,
                "spec.output.rowGroupRows",
                "has a meaning only with `format: parquet`",
            );
        }
        let url = node.get("url").and_then(|url| self.folder(url, "spec.output.url"));
        // A place that is wrong is reported; the rest of the block is looked at all the same.
        let mut output = Output::new(url.clone().unwrap_or_else(|| Location::local(self.base)), format);
        output.compression = node.word::<OutputCompression>("compression").unwrap_or(output.compression);
        output.target_file_bytes = node.size("targetFileSize").unwrap_or(output.target_file_bytes);
        let rows = node.whole("rowGroupRows").and_then(|r| usize::try_from(r).ok());
        output.row_group_rows = rows.unwrap_or(output.row_group_rows);
        output.if_exists = node.word("ifExists").unwrap_or(IfExists::Fail);
        self.report(node, "spec.output", sense::output(&output));
        url.map(|_| output)
    }

    /// A folder to write to.
    fn folder(&mut self, node: &Node, at: &str) -> Option<Location> {
        let location = self.location(node, node.as_text()?, at)?;
        match sense::folder(&location) {
            Ok(folder) => Some(folder),
            Err(message) => {
                self.problems.add(node.pos, at, message);
                None
            }
        }
    }

    fn location(&mut self, node: &Node, text: &str, at: &str) -> Option<Location> {
        let base = if node.pos.flag.is_some() { &self.given.base } else { self.base };
        match Location::parse(text, base) {
            Ok(location) => Some(location),
            Err(_) if text.trim().is_empty() => None,
            Err(error) => {
                self.problems.add(node.pos, at, error.message());
                None
            }
        }
    }

    fn errors(&mut self, spec: &Node) -> Errors {
        let defaults = Errors::default();
        let errors = Errors {
            attempts: small(spec.whole("errors.attempts")).unwrap_or(defaults.attempts),
            bad_records: spec
                .get("errors")
                .and_then(|n| n.word("badRecords"))
                .unwrap_or(defaults.bad_records),
            max_bad_records: spec.whole("errors.maxBadRecords"),
        };
        if let Some(max) = spec.get("errors.maxBadRecords")
            && matches!(spec.text("errors.badRecords"), None | Some("fail"))
        {
            let message = "has a meaning only with `badRecords: skip`";
            self.problems.add(max.pos, "spec.errors.maxBadRecords", message);
        }
        errors
    }
}

fn schedule(spec: &Node) -> Option<Schedule> {
    let block = spec.get("schedule")?;
    Some(Schedule {
        cron: block.text("cron")?.to_owned(),
        time_zone: block.text("timeZone").map_or(Some(chrono_tz::Etc::UTC), |t| parse_time_zone(t).ok())?,
        start: block.text("start").and_then(|t| parse_instant(t).ok()),
        catch_up: block.word("catchUp").unwrap_or_default(),
        overlap: block.word("overlap").unwrap_or_default(),
        starting_deadline: block.text("startingDeadline").and_then(|t| quantity::parse_duration(t).ok()),
        suspend: block.flag("suspend").unwrap_or(false),
        history: small(block.whole("history")).unwrap_or(3),
    })
}

fn small(number: Option<u64>) -> Option<u32> {
    u32::try_from(number?).ok()
}

fn shards(spec: &Node) -> Shards {
    let defaults = Shards::default();
    Shards {
        target_bytes: spec.size("shards.targetBytes").unwrap_or(defaults.target_bytes),
        count: small(spec.whole("shards.count")),
    }
}

fn csv(block: &Node) -> Csv {
    let defaults = Csv::default();
    let character = |key| block.text(key).map(|t| t.bytes().next());
    Csv {
        delimiter: character("delimiter").flatten().unwrap_or(defaults.delimiter),
        quote: character("quote").unwrap_or(defaults.quote),
        escape: character("escape").unwrap_or(defaults.escape),
        header: block.flag("header").unwrap_or(defaults.header),
        null_strings: block.texts("nullStrings").into_iter().map(|(_, t)| t.to_owned()).collect(),
        comment: character("comment").unwrap_or(defaults.comment),
    }
}
