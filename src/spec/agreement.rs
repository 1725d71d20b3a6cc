//! Tests that the JSON Schema, the check of a file and the job agree on the field list.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::{Map, Value, json};

use super::fields;
use super::given::Given;
use super::parse::{parse, understand};
use super::problem::Problems;
use super::schema::json_schema;
use super::shape::{Block, Shape};
use super::tree::{Data, Node};
use super::valid::Job;
use super::yaml;

/// A comment in bad specs whose fault no schema can express.
const BEYOND: &str = "# beyond the schema";

/// What is wrong with `value` by `schema`: `None` if nothing. Knows the words that `json_schema`
/// uses and no others, so that a new one cannot go unnoticed.
fn fault(schema: &Value, value: &Value) -> Option<String> {
    let Value::Object(words) = schema else {
        return (schema == &Value::Bool(false)).then(|| format!("{value} is not allowed"));
    };
    words.iter().find_map(|(word, arg)| word_fault(words, word, arg, value).map(|f| format!("{word}: {f}")))
}

fn word_fault(schema: &Map<String, Value>, word: &str, arg: &Value, value: &Value) -> Option<String> {
    let no = |good: bool| (!good).then(|| format!("{arg} and {value}"));
    let list = |arg: &Value| arg.as_array().expect("a list").clone();
    match (word, value) {
        ("type", _) => no(match arg {
            Value::Array(types) => types.iter().any(|t| is_type(t, value)),
            one => is_type(one, value),
        }),
        ("enum", _) => no(list(arg).contains(value)),
        ("anyOf", _) => no(list(arg).iter().any(|s| fault(s, value).is_none())),
        ("allOf", _) => list(arg).iter().find_map(|s| fault(s, value)),
        ("not", _) => no(fault(arg, value).is_some()),
        ("pattern", Value::String(text)) => {
            no(Regex::new(arg.as_str().expect("text")).unwrap().is_match(text))
        }
        ("minimum", Value::Number(n)) => no(n.as_f64() >= arg.as_f64()),
        ("maximum", Value::Number(n)) => no(n.as_f64() <= arg.as_f64()),
        ("exclusiveMinimum", Value::Number(n)) => no(n.as_f64() > arg.as_f64()),
        ("minItems", Value::Array(items)) => no(items.len() as u64 >= arg.as_u64().expect("a number")),
        ("items", Value::Array(items)) => items.iter().find_map(|v| fault(arg, v)),
        ("minProperties", Value::Object(map)) => no(map.len() as u64 >= arg.as_u64().expect("a number")),
        ("propertyNames", Value::Object(map)) => map.keys().find_map(|k| fault(arg, &json!(k))),
        ("required", Value::Object(map)) => {
            no(list(arg).iter().all(|k| map.contains_key(k.as_str().expect("text"))))
        }
        ("properties", Value::Object(map)) => {
            map.iter().find_map(|(k, v)| fault(arg.get(k)?, v).map(|f| format!("{k}: {f}")))
        }
        ("additionalProperties", Value::Object(map)) => {
            let known = |k: &String| schema.get("properties").is_some_and(|p| p.get(k).is_some());
            map.iter()
                .filter(|(k, _)| !known(k))
                .find_map(|(k, v)| fault(arg, v).map(|f| format!("{k}: {f}")))
        }
        (
            "$schema"
            | "title"
            | "description"
            | "pattern"
            | "minimum"
            | "maximum"
            | "exclusiveMinimum"
            | "minItems"
            | "items"
            | "minProperties"
            | "propertyNames"
            | "required"
            | "properties"
            | "additionalProperties",
            _,
        ) => None,
        (other, _) => panic!("the schema uses `{other}`, which this test does not know"),
    }
}

fn is_type(name: &Value, value: &Value) -> bool {
    match name.as_str().expect("a type's name") {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|f| f.fract() == 0.0),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        other => panic!("unknown type {other}"),
    }
}

fn tree(text: &str) -> Option<Node> {
    yaml::read(text, &mut Problems::new("f"))
}

/// The YAML files below a folder of the project, with their texts.
fn specs(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for path in entries.map(|e| e.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "yaml") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}

#[test]
fn bad_specs_fail_the_schema_where_it_can_tell() {
    let schema = json_schema();
    let (mut told, mut wrong) = (0, Vec::new());
    for (path, text) in specs("tests/golden/spec") {
        let Some(tree) = tree(&text) else { continue };
        let fault = fault(&schema, &tree.to_json());
        told += usize::from(fault.is_some());
        if fault.is_none() != text.contains(BEYOND) {
            wrong.push(format!("{}: {fault:?}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(told >= 25, "only {told}");
}

#[test]
fn good_and_shipped_specs_pass_the_schema() {
    let schema = json_schema();
    for (path, text) in specs("tests/golden/spec-good").into_iter().chain(specs("jobs")) {
        assert_eq!(fault(&schema, &tree(&text).unwrap().to_json()), None, "{}", path.display());
    }
}

/// The paths of all keys of a block; `*` is a name of the file's choice, `[]` an item of a list.
fn keys_of_block(block: &Block, at: &str, only_acted_on: bool, found: &mut BTreeSet<String>) {
    for key in block.keys.iter().filter(|k| k.acted_on || !only_acted_on) {
        let path = format!("{at}.{}", key.name);
        keys_of_shape(&key.shape, &path, only_acted_on, found);
        found.insert(path);
    }
}

fn keys_of_shape(shape: &Shape, at: &str, only_acted_on: bool, found: &mut BTreeSet<String>) {
    match shape {
        Shape::Block(block) => keys_of_block(block, at, only_acted_on, found),
        Shape::Map(_, value) => keys_of_shape(value, &format!("{at}.*"), only_acted_on, found),
        Shape::List(item) => keys_of_shape(item, &format!("{at}.[]"), only_acted_on, found),
        Shape::Either(shapes) => {
            for shape in *shapes {
                keys_of_shape(shape, at, only_acted_on, found);
            }
        }
        _ => (),
    }
}

fn keys_of_schema(schema: &Value, at: &str, found: &mut BTreeSet<String>) {
    for (key, value) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = format!("{at}.{key}");
        keys_of_schema(value, &path, found);
        found.insert(path);
    }
    for (word, step) in [("additionalProperties", ".*"), ("items", ".[]")] {
        if let Some(inner) = schema.get(word) {
            keys_of_schema(inner, &format!("{at}{step}"), found);
        }
    }
    for word in ["anyOf", "allOf"] {
        for inner in schema.get(word).and_then(Value::as_array).into_iter().flatten() {
            keys_of_schema(inner, at, found);
        }
    }
}

/// A spec with nothing but this key.
fn spec_with(path: &str) -> String {
    path.trim_start_matches('.').rsplit('.').fold("x".to_owned(), |inner, step| match step {
        "*" => format!("{{ name: {inner} }}"),
        "[]" => format!("[ {inner} ]"),
        key => format!("{{ {key}: {inner} }}"),
    })
}

fn says_unknown(text: &str) -> bool {
    let problems = parse(text, "f", Path::new("/"), &Given::default()).unwrap_err();
    problems.iter().any(|p| p.message.starts_with("unknown key"))
}

#[test]
fn schema_and_check_know_the_same_keys() {
    let (mut described, mut in_schema) = (BTreeSet::new(), BTreeSet::new());
    keys_of_block(&fields::JOB, "", false, &mut described);
    keys_of_schema(&json_schema(), "", &mut in_schema);
    assert_eq!(described, in_schema);
    assert!(described.len() > 80, "{}", described.len());
    for path in &in_schema {
        assert!(!says_unknown(&spec_with(path)), "{path}");
        assert!(says_unknown(&spec_with(&format!("{path}Zqxj"))), "{path}");
    }
}

#[test]
fn keys_not_acted_on_are_refused_by_check_and_schema() {
    let (mut all, mut acted_on) = (BTreeSet::new(), BTreeSet::new());
    keys_of_block(&fields::JOB, "", false, &mut all);
    keys_of_block(&fields::JOB, "", true, &mut acted_on);
    for path in all.difference(&acted_on) {
        let text = spec_with(path);
        let problems = parse(&text, "f", Path::new("/"), &Given::default()).unwrap_err();
        let refused = problems.iter().any(|p| p.message.ends_with("is not acted on by this version of dp"));
        assert!(refused, "{path}");
        let fault = fault(&json_schema(), &tree(&text).unwrap().to_json());
        assert!(fault.is_some(), "{path}");
    }
}

fn job_of(root: Node) -> Option<Job> {
    let mut problems = Problems::new("f");
    let job = understand(root, "", Path::new("/specs"), &Given::default(), &mut problems);
    job.filter(|_| problems.is_empty())
}

/// Every tree that is `node` without one key, with the key's path.
fn without_one_key(node: &Node, at: &str) -> Vec<(String, Node)> {
    let mut found = Vec::new();
    let Data::Map(entries) = &node.data else { return found };
    for (i, entry) in entries.iter().enumerate() {
        let path = format!("{at}.{}", entry.key);
        let mut rest = entries.clone();
        rest.remove(i);
        found.push((path.clone(), Node { pos: node.pos, data: Data::Map(rest) }));
        for (path, value) in without_one_key(&entry.value, &path) {
            let mut changed = entries.clone();
            changed[i].value = value;
            found.push((path, Node { pos: node.pos, data: Data::Map(changed) }));
        }
    }
    found
}

/// No key is read, found good and then forgotten: without it the job is another one, or none.
#[test]
fn every_key_acted_on_changes_the_job() {
    let mut silent = BTreeSet::new();
    keys_of_block(&fields::JOB, "", true, &mut silent);
    // Kept for Kubernetes only. Columns as a list are in a list, which this test does not cut.
    silent.retain(|p| !p.starts_with(".metadata.labels") && !p.starts_with(".metadata.annotations"));
    silent.retain(|p| !p.contains(".schema.[]"));
    let any_name = Regex::new(r"^\.spec\.(inputs|tables)\.[a-z]+").unwrap();
    for (path, text) in specs("tests/golden/spec-good") {
        let root = tree(&text).unwrap();
        let Some(whole) = job_of(root.clone()) else { continue };
        for (key, changed) in without_one_key(&root, "") {
            if job_of(changed).is_none_or(|job| job != whole) {
                silent.remove(&any_name.replace(&key, ".spec.$1.*").into_owned());
                // `input`, `inputs` and `tables` are read by one function.
                for block in [".spec.input", ".spec.inputs.*", ".spec.tables.*"] {
                    silent.remove(&any_name.replace(&key, block).into_owned());
                }
            }
        }
        assert!(path.exists());
    }
    assert_eq!(silent, BTreeSet::new());
}
