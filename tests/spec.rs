//! Job specs from text to job: every bad spec with all that is said about it, every good one with the
//! job that it means, and every spec that ships.

mod support;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::DateTime;
use dp::spec::{self, Given, Interval};

/// The folder in which the specs of these tests pretend to lie.
const BASE: &str = "/specs";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The YAML files below a folder, sorted.
fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for path in entries.map(|e| e.expect("entry of a folder").path()) {
        if path.is_dir() {
            files.extend(yaml_files(&path));
        } else if path.extension() == Some(OsStr::new("yaml")) {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn name(file: &Path) -> &str {
    file.file_stem().and_then(OsStr::to_str).expect("a name in UTF-8")
}

/// The flags that a spec states in lines such as `#! --set day=2024-01-01`.
fn given(text: &str) -> Given {
    let mut given = Given { base: PathBuf::from("/here"), ..Given::default() };
    for line in text.lines().filter_map(|l| l.strip_prefix("#! ")) {
        let (flag, value) = line.split_once(' ').expect("flag and value");
        match flag {
            "--set" => {
                let (name, value) = value.split_once('=').expect("name=value");
                given.sets.push((name.to_owned(), value.to_owned()));
            }
            "--in" => given.input = Some(value.to_owned()),
            "--out" => given.output = Some(value.to_owned()),
            "--work" => given.work = Some(value.to_owned()),
            "interval" => {
                let (start, end) = value.split_once(' ').expect("start and end");
                let at = |t| DateTime::parse_from_rfc3339(t).expect("an instant");
                given.interval = Some(Interval::new(at(start), at(end)).expect("an interval"));
            }
            other => panic!("unknown flag {other}"),
        }
    }
    given
}

#[test]
fn bad_specs_are_refused_with_all_their_problems() {
    let files = yaml_files(&root().join("tests/golden/spec"));
    assert!(files.len() >= 25, "only {} bad specs", files.len());
    for file in files {
        let text = fs::read_to_string(&file).expect("a spec");
        let problems = match spec::parse(&text, "job.yaml", Path::new(BASE), &given(&text)) {
            Ok(job) => panic!("{} was accepted: {job:?}", file.display()),
            Err(problems) => problems,
        };
        let lines: String = problems.iter().map(|p| format!("{p}\n")).collect();
        support::golden(&format!("spec/{}.err", name(&file)), &lines);
    }
}

#[test]
fn good_specs_mean_what_they_say() {
    let files = yaml_files(&root().join("tests/golden/spec-good"));
    assert!(!files.is_empty());
    for file in files {
        let text = fs::read_to_string(&file).expect("a spec");
        let job = spec::parse(&text, "job.yaml", Path::new(BASE), &given(&text))
            .unwrap_or_else(|problems| panic!("{}:\n{}", file.display(), spec::problems_to_error(problems)));
        let json = serde_json::to_string_pretty(&job).expect("a job has a JSON form");
        support::golden(&format!("spec-good/{}.json", name(&file)), &format!("{json}\n"));
        let again: spec::Job = serde_json::from_str(&json).expect("the JSON form is a job");
        // What runs a job is no part of its plan.
        let job = spec::Job { kubernetes: spec::Kubernetes::default(), schedule: None, ..job };
        assert_eq!(job, again, "{}", file.display());
    }
}

#[test]
fn shipped_specs_are_good() {
    for file in yaml_files(&root().join("jobs")) {
        let text = fs::read_to_string(&file).expect("a spec");
        let folder = file.parent().expect("a file has a folder");
        // Specs for a schedule use its values.
        let at = |t| DateTime::parse_from_rfc3339(t).expect("an instant");
        let interval =
            Interval::new(at("2013-01-01T00:00:00Z"), at("2013-01-02T00:00:00Z")).expect("an interval");
        let given = Given { interval: Some(interval), ..Given::default() };
        if let Err(problems) = spec::parse(&text, &file.display().to_string(), folder, &given) {
            panic!("{}", spec::problems_to_error(problems));
        }
    }
}
