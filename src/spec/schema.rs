//! The field list as a JSON Schema, for editors. It allows whatever [`super::parse()`] could allow;
//! what no schema can say (`quote` differs from `delimiter`) only the check of a file finds.

use serde_json::{Map, Value, json};

use super::fields;
use super::quantity::{CPU_PATTERN, DURATION_PATTERN, SIZE_PATTERN};
use super::shape::{Block, Key, Need, Rule, Shape};

/// A text with parameters, whose value is not known before they are filled in.
const WITH_PARAMS: &str = r"\{\{";

/// The JSON Schema (draft 2020-12) of a job spec.
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "DataJob",
        "description": "A job of dp: one statement over a dataset of any size.",
    });
    merge(&mut schema, block(&fields::JOB, false));
    schema
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

fn block(block: &Block, literal: bool) -> Value {
    let mut properties = Map::new();
    let mut rules = Vec::new();
    for key in block.keys {
        properties.insert(key.name.to_owned(), property(key, literal));
        if let Need::Unless(others) = key.need {
            let any: Vec<_> =
                std::iter::once(&key.name).chain(others).map(|k| json!({"required": [k]})).collect();
            rules.push(json!({"anyOf": any}));
        }
    }
    rules.extend(block.not_both.iter().map(|(a, b)| json!({"not": {"required": [a, b]}})));
    let required: Vec<_> = block.keys.iter().filter(|k| k.need == Need::Required).map(|k| k.name).collect();
    let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        merge(&mut schema, json!({"required": required}));
    }
    if !rules.is_empty() {
        merge(&mut schema, json!({"allOf": rules}));
    }
    schema
}

fn property(key: &Key, literal: bool) -> Value {
    if key.acted_on {
        let mut schema = json!({"description": key.doc});
        merge(&mut schema, shape(&key.shape, literal || key.literal));
        return schema;
    }
    let doc = format!("Not acted on by this version of dp. {}", key.doc);
    json!({"description": doc, "not": {}, "allOf": [shape(&key.shape, literal || key.literal)]})
}

fn shape(what: &Shape, literal: bool) -> Value {
    match what {
        Shape::Any => json!({}),
        Shape::Block(b) => block(b, literal),
        Shape::List(item) => json!({"type": "array", "minItems": 1, "items": shape(item, literal)}),
        Shape::Map(names, value) => json!({
            "type": "object",
            "minProperties": 1,
            "propertyNames": text(names),
            "additionalProperties": shape(value, literal),
        }),
        Shape::Either(shapes) => {
            json!({"anyOf": shapes.iter().map(|s| shape(s, literal)).collect::<Vec<_>>()})
        }
        Shape::Text(rule) => or_params(text(rule), literal),
        Shape::Scalar => {
            json!({"type": ["string", "number", "boolean"], "not": {"pattern": WITH_PARAMS, "type": "string"}})
        }
        Shape::Bool => or_params(json!({"type": "boolean"}), literal),
        Shape::Int(min, max) | Shape::IntOrShare(min, max) => {
            or_params(json!({"type": "integer", "minimum": min, "maximum": max}), literal)
        }
        Shape::Size(max) => quantity(SIZE_PATTERN, &json!({"exclusiveMinimum": 0, "maximum": max}), literal),
        Shape::Cpu => quantity(CPU_PATTERN, &json!({"exclusiveMinimum": 0, "maximum": 4096}), literal),
        Shape::Duration => or_params(json!({"type": "string", "pattern": DURATION_PATTERN}), literal),
        Shape::AutoOrOff => or_params(json!({"enum": ["auto", "off", false]}), literal),
        Shape::Choice(words) => {
            let names: Vec<_> = words.iter().filter(|w| w.acted_on).map(|w| w.name).collect();
            or_params(json!({"enum": names}), literal)
        }
    }
}

fn quantity(pattern: &str, range: &Value, literal: bool) -> Value {
    let mut number = json!({"type": "number"});
    merge(&mut number, range.clone());
    let either = json!({"anyOf": [number, {"type": "string", "pattern": pattern}]});
    or_params(either, literal)
}

fn text(rule: &Rule) -> Value {
    let mut schema = json!({"type": "string"});
    if !rule.pattern.is_empty() {
        merge(&mut schema, json!({"pattern": rule.pattern}));
    }
    if !rule.not.is_empty() {
        merge(&mut schema, json!({"not": {"pattern": rule.not}}));
    }
    schema
}

fn or_params(schema: Value, literal: bool) -> Value {
    if literal { schema } else { json!({"anyOf": [schema, {"type": "string", "pattern": WITH_PARAMS}]}) }
}
