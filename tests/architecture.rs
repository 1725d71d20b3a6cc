//! The shape of the code, as a test: who may import whom, where each outside crate is at home, who
//! may print, how long files are, and that no crate whose types cross our interfaces is there twice.
//!
//! A failure reads like `src/plan/shard.rs:2: plan must not import store`. To change the shape,
//! change a table here, in the same commit, and ARCHITECTURE.md with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Each module under `src/` and the modules that it may import.
const IMPORTS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("id", &["error"]),
    ("event", &["id", "error"]),
    ("spec", &["id", "error"]),
    ("plan", &["spec", "id", "error"]),
    ("job", &["plan", "spec", "id", "error"]),
    ("store", &["plan", "spec", "event", "id", "error"]),
    ("engine", &["store", "job", "plan", "spec", "event", "id", "error"]),
    ("task", &["engine", "store", "job", "plan", "spec", "event", "id", "error"]),
    ("kube", &["plan", "spec", "id", "error"]),
    ("ops", &["task", "kube", "engine", "store", "job", "plan", "spec", "event", "id", "error"]),
    ("cli", &["ops", "plan", "spec", "event", "id", "error"]),
];

/// Outside crates with a strong flavour and the folders that are their home. The others (arrow,
/// serde, bytes, futures, …) may be used anywhere.
const HOMES: &[(&str, &[&str])] = &[
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("indicatif", &["cli"]),
    ("saphyr_parser", &["spec"]),
    ("datafusion", &["job/sql", "engine/operators"]),
    ("rayon", &["engine"]),
    ("object_store", &["store"]),
    ("kube", &["kube"]),
    ("http", &["kube"]),
    ("parquet", &["store", "engine/write"]),
    ("tokio", &["store", "engine", "kube", "ops", "cli"]),
];

/// Words of the standard library, and marks in comments, that have one home or none.
const WORDS: &[(&str, &[&str])] = &[
    ("println!", &["cli"]),
    ("print!", &["cli"]),
    ("eprintln!", &["cli"]),
    ("eprint!", &["cli"]),
    ("io::stdout", &["cli"]),
    ("io::stderr", &["cli"]),
    ("std::env", &["cli"]),
    ("process::exit", &["cli"]),
    ("[allow(", &[]),
    ("TODO", &[]),
    ("FIXME", &[]),
];

/// Crates whose types cross our interfaces, with all crates that begin with `NAME-`.
const ONE_VERSION: &[&str] = &["arrow", "parquet", "object_store", "datafusion"];

const LINES_MAX: usize = 400;
const LINES_MEDIAN_MAX: usize = 150;
const MAIN_LINES_MAX: usize = 40;

/// A source file: its path under the repository, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// `plan/shard` for `src/plan/shard.rs`, `plan` for `src/plan/mod.rs`.
    fn module(&self) -> &str {
        let path = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        path.strip_suffix("/mod").unwrap_or(path)
    }

    /// The first part of [`Source::module`].
    fn layer(&self) -> &str {
        self.module().split('/').next().unwrap_or_default()
    }

    fn is_in(&self, folders: &[&str]) -> bool {
        folders.iter().any(|f| self.module() == *f || self.module().starts_with(&format!("{f}/")))
    }

    /// The text with line comments blanked, so that positions stay.
    fn code(&self) -> String {
        let code = |line: &str| {
            let end = line.find("//").filter(|at| !line[..*at].ends_with(':')).unwrap_or(line.len());
            format!("{}{}", &line[..end], " ".repeat(line.len() - end))
        };
        self.text.lines().map(code).collect::<Vec<_>>().join("\n")
    }
}

/// All `.rs` files under `folder` of the repository, sorted by path.
fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(next) = folders.pop() {
        let Ok(entries) = fs::read_dir(&next) else { continue };
        for path in entries.map(|e| e.expect("a folder of the repository can be listed").path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).expect("a source file is UTF-8");
                let path = path.strip_prefix(root).expect("it lies below the root");
                found.push(Source { path: path.display().to_string(), text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Where `word` stands in `code` as a whole path root: no letter and no `::` before it.
fn roots(code: &str, word: &str) -> Vec<usize> {
    let free = |at: usize| !code[..at].ends_with(is_word) && !code[..at].ends_with("::");
    code.match_indices(word).map(|(at, _)| at).filter(|at| free(*at)).collect()
}

/// The names that follow a path prefix: one, or those of a `{…}` group at its first level.
fn names_after(code: &str) -> BTreeSet<String> {
    let word = |text: &str| text.trim_start().chars().take_while(|c| is_word(*c)).collect::<String>();
    let Some(group) = code.strip_prefix('{') else { return BTreeSet::from([word(code)]) };
    let (mut depth, mut start, mut names) = (0_usize, 0, BTreeSet::new());
    for (at, c) in group.char_indices() {
        if matches!(c, ',' | '}') && depth == 0 {
            names.insert(word(&group[start..at]));
            start = at + 1;
        }
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            _ => {}
        }
    }
    names
}

/// Paths that leave the file's own layer, as (position, first name after the crate root): through
/// `crate::`, or through as many `super::` as the file is deep.
fn imports(source: &Source, code: &str) -> Vec<(usize, BTreeSet<String>)> {
    let up = "super::".repeat(source.module().split('/').count());
    let mut found = Vec::new();
    for prefix in ["crate::", up.as_str()] {
        for at in roots(code, prefix) {
            let rest = code[at + prefix.len()..].trim_start_matches("super::");
            found.push((at, names_after(rest)));
        }
    }
    found
}

/// Imports that the table does not allow.
fn wrong_imports(source: &Source) -> Vec<String> {
    let Some((layer, allowed)) = IMPORTS.iter().find(|(layer, _)| *layer == source.layer()) else {
        return vec![format!("{}:1: {} has no row in the table of layers", source.path, source.layer())];
    };
    let code = source.code();
    let mut wrong = Vec::new();
    for (at, names) in imports(source, &code) {
        for name in names {
            let known = IMPORTS.iter().any(|(other, _)| *other == name);
            if known && name != *layer && !allowed.contains(&name.as_str()) {
                wrong.push(format!("{}:{}: {layer} must not import {name}", source.path, line_of(&code, at)));
            }
        }
    }
    wrong
}

/// `code` without its `use` statements of our own modules, whose names may equal a crate's.
fn without_own_uses(code: &str) -> String {
    let mut out = code.to_owned();
    for prefix in ["use crate::", "use super::", "use self::"] {
        for at in roots(code, prefix) {
            let end = code[at..].find(';').map_or(code.len(), |n| at + n);
            let blank: String = code[at..end].chars().map(|c| if c == '\n' { c } else { ' ' }).collect();
            if blank.len() == end - at {
                out.replace_range(at..end, &blank);
            }
        }
    }
    out
}

/// Outside crates and words used away from home.
fn wrong_homes(source: &Source) -> Vec<String> {
    let code = without_own_uses(&source.code());
    let mut wrong = Vec::new();
    for (name, homes) in HOMES.iter().filter(|(_, homes)| !source.is_in(homes)) {
        let uses = roots(&code, name).into_iter().filter(|at| {
            let rest = &code[at + name.len()..];
            rest.starts_with("::") || (rest.starts_with([';', ' ']) && code[..*at].ends_with("use "))
        });
        wrong.extend(uses.map(|at| away_from_home(source, &code, at, name, homes)));
    }
    for (word, homes) in WORDS.iter().filter(|(_, homes)| !source.is_in(homes)) {
        let text = if homes.is_empty() { &source.text } else { &code };
        let uses = text.match_indices(word).filter(|(at, _)| !text[..*at].ends_with(is_word));
        wrong.extend(uses.map(|(at, _)| away_from_home(source, text, at, word, homes)));
    }
    wrong
}

fn away_from_home(source: &Source, text: &str, at: usize, name: &str, homes: &[&str]) -> String {
    let place = format!("{}:{}", source.path, line_of(text, at));
    if homes.is_empty() {
        return format!("{place}: '{name}' has no place in this project");
    }
    format!("{place}: {name} is at home in {} only", homes.join(", "))
}

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn imports_go_one_way() {
    let sources = sources("src");
    let wrong = sources.iter().filter(|s| !matches!(s.module(), "lib" | "main")).map(wrong_imports);
    assert_none(&wrong.flatten().collect::<Vec<_>>());
}

#[test]
fn outside_crates_and_printing_have_one_home() {
    assert_none(&sources("src").iter().flat_map(wrong_homes).collect::<Vec<_>>());
}

#[test]
fn files_are_short() {
    let mut wrong = Vec::new();
    let mut lengths = Vec::new();
    for source in ["src", "tests", "benches", "jobs"].into_iter().flat_map(sources) {
        let lines = source.text.lines().count();
        if source.path.starts_with("src/") {
            lengths.push(lines);
        }
        let mut head = source.text.lines().take_while(|line| line.starts_with("//!"));
        let says_why = head.any(|line| line.starts_with("//! Long because:"));
        if lines > LINES_MAX && !says_why {
            wrong.push(format!(
                "{}:1: {lines} lines, at most {LINES_MAX}, or say `//! Long because: …` in its head",
                source.path
            ));
        }
        if source.path == "src/main.rs" && lines > MAIN_LINES_MAX {
            wrong.push(format!("src/main.rs:1: {lines} lines, at most {MAIN_LINES_MAX}"));
        }
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    if median >= LINES_MEDIAN_MAX {
        wrong.push(format!("src: the median file has {median} lines, it must stay below {LINES_MEDIAN_MAX}"));
    }
    assert_none(&wrong);
}

#[test]
fn one_version_of_the_crates_whose_types_we_pass_on() {
    let lock = include_str!("../Cargo.lock");
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let field = |key| package.lines().find_map(|l| l.strip_prefix(key)?.strip_suffix('"'));
        let (Some(name), Some(version)) = (field("name = \""), field("version = \"")) else { continue };
        versions.entry(name).or_default().insert(version);
    }
    let ours = |name: &str| ONE_VERSION.iter().any(|f| name == *f || name.starts_with(&format!("{f}-")));
    let twice = versions.iter().filter(|(name, all)| ours(name) && all.len() > 1);
    assert_none(&twice.map(|(name, all)| format!("Cargo.lock: {name} twice: {all:?}")).collect::<Vec<_>>());
    for name in ONE_VERSION {
        assert!(versions.contains_key(name), "Cargo.lock does not name {name}: is this test reading it?");
    }
}

#[test]
fn documents_name_files_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    for document in ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "jobs/DATA.md"] {
        let text = fs::read_to_string(root.join(document)).expect("a document can be read");
        let folder = root.join(document).parent().expect("it lies in a folder").to_owned();
        for (n, line) in text.lines().enumerate() {
            // Odd pieces stand between backticks.
            let names = line.split('`').skip(1).step_by(2).filter(|name| is_path(name));
            let gone = names.filter(|name| !root.join(name).exists() && !folder.join(name).exists());
            wrong.extend(gone.map(|name| format!("{document}:{}: there is no {name}", n + 1)));
        }
    }
    assert_none(&wrong);
}

/// Whether a word in backticks names a file or folder of the repository.
fn is_path(name: &str) -> bool {
    let ours = ["src/", "tests/", "jobs/", "benches/", "deploy/", "data/"];
    let plain = name.chars().all(|c| is_word(c) || "./-".contains(c));
    plain && (ours.iter().any(|f| name.starts_with(f)) || name.ends_with(".md") || name.ends_with(".toml"))
}

#[test]
fn the_tables_find_what_they_forbid() {
    let cases = [
        (
            "src/plan/shard.rs",
            "//! x\nuse crate::store::x;",
            "src/plan/shard.rs:2: plan must not import store",
        ),
        ("src/plan/mod.rs", "use super::ops;", "src/plan/mod.rs:1: plan must not import ops"),
        ("src/plan/a.rs", "use super::super::job::J;", "src/plan/a.rs:1: plan must not import job"),
        (
            "src/store/a.rs",
            "use crate::{\n id, job::{a, plan},\n};",
            "src/store/a.rs:1: store must not import job",
        ),
        ("src/error.rs", "fn f() -> crate::id::ShardId {}", "src/error.rs:1: error must not import id"),
        ("src/job/a.rs", "/// [`crate::ops`]\nuse crate::plan::x;\nuse crate::job::b;", ""),
        ("src/plan/a.rs", "mod tests { use super::*; use super::store; }", ""),
        ("src/new/a.rs", "", "src/new/a.rs:1: new has no row in the table of layers"),
        ("src/plan/a.rs", "\nuse rayon::prelude::*;", "src/plan/a.rs:2: rayon is at home in engine only"),
        (
            "src/job/a.rs",
            "use datafusion as df;",
            "src/job/a.rs:1: datafusion is at home in job/sql, engine/operators only",
        ),
        ("src/job/sql/a.rs", "use datafusion::x;", ""),
        ("src/ops/a.rs", "use crate::store::{parquet::Footer, tokio};", ""),
        ("src/ops/a.rs", "fn f() { println!(\"\") }", "src/ops/a.rs:1: println! is at home in cli only"),
        ("src/cli/a.rs", "fn f() { println!(\"\") }", ""),
        ("src/cli/a.rs", "// TODO", "src/cli/a.rs:1: 'TODO' has no place in this project"),
    ];
    for (path, text, expected) in cases {
        let source = Source { path: path.to_owned(), text: text.to_owned() };
        let found = [wrong_imports(&source), wrong_homes(&source)].concat().join("\n");
        assert_eq!(found, expected, "{path}: {text}");
    }
}
