//! A file as a tree in which every node knows its place.

use std::ops::Range;

use serde_json::{Number, Value};

use super::problem::{Pos, show};

/// A value of the file.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub pos: Pos,
    pub data: Data,
}

#[derive(Debug, Clone)]
pub(super) enum Data {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// Its problem is already reported.
    Bad,
}

/// `key: value`.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub key: String,
    /// Of the key.
    pub pos: Pos,
    pub value: Node,
}

#[derive(Debug, Clone)]
pub(super) struct Scalar {
    pub text: String,
    /// Without quotes: `5` is a number and `~` is nothing.
    pub plain: bool,
    /// Parameters were filled in: it is whatever its reader wants it to be.
    pub filled: bool,
    /// Its characters in the file.
    pub raw: Range<usize>,
}

/// What an unquoted text is, by the core schema of YAML 1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScalarKind {
    Null,
    Bool,
    Int,
    Float,
    Text,
}

impl Scalar {
    pub(super) fn kind(&self) -> ScalarKind {
        let text = self.text.as_str();
        if !self.plain {
            return ScalarKind::Text;
        }
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return ScalarKind::Null,
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => return ScalarKind::Bool,
            _ => (),
        }
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        if !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit()) {
            return ScalarKind::Int;
        }
        let based =
            |prefix, radix| text.strip_prefix(prefix).is_some_and(|t| i128::from_str_radix(t, radix).is_ok());
        if based("0x", 16) || based("0o", 8) {
            return ScalarKind::Int;
        }
        let numeric = unsigned.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
        let special =
            matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN");
        if special || (numeric && text.parse::<f64>().is_ok()) {
            return ScalarKind::Float;
        }
        ScalarKind::Text
    }
}

impl Node {
    /// A text that a flag of the command line gave.
    pub(super) fn of_flag(flag: &'static str, text: &str) -> Self {
        let scalar = Scalar { text: text.to_owned(), plain: false, filled: false, raw: 0..0 };
        Self { pos: Pos::flag(flag), data: Data::Scalar(scalar) }
    }

    /// The entry of a block.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.data {
            Data::Map(entries) => entries.iter().find(|e| e.key == key),
            Data::Scalar(_) | Data::List(_) | Data::Bad => None,
        }
    }

    /// The value at a path of keys such as `spec.input`.
    pub(super) fn get(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |node, key| Some(&node.entry(key)?.value))
    }

    /// The value as JSON, by the core schema of YAML.
    pub(super) fn to_json(&self) -> Value {
        match &self.data {
            Data::Bad => Value::Null,
            Data::List(items) => items.iter().map(Self::to_json).collect(),
            Data::Map(entries) => entries.iter().map(|e| (e.key.clone(), e.value.to_json())).collect(),
            Data::Scalar(s) => match s.kind() {
                ScalarKind::Null => Value::Null,
                ScalarKind::Bool => Value::Bool(s.text.eq_ignore_ascii_case("true")),
                ScalarKind::Int => s.text.parse::<i64>().map_or_else(|_| Value::from(1e30), Value::from),
                ScalarKind::Float => {
                    s.text.parse().ok().and_then(Number::from_f64).map_or(Value::Null, Value::Number)
                }
                ScalarKind::Text => Value::String(s.text.clone()),
            },
        }
    }

    /// For messages: what it is.
    pub(super) fn describe(&self) -> String {
        match &self.data {
            Data::List(_) => "a list".to_owned(),
            Data::Map(_) | Data::Bad => "a block".to_owned(),
            Data::Scalar(s) => match s.kind() {
                ScalarKind::Null => "nothing".to_owned(),
                ScalarKind::Bool => format!("`{}`", s.text),
                ScalarKind::Int | ScalarKind::Float => format!("the number {}", show(&s.text)),
                ScalarKind::Text => format!("the text `{}`", show(&s.text)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_texts_have_the_kinds_of_the_core_schema() {
        for (text, kind) in [
            ("", ScalarKind::Null),
            ("~", ScalarKind::Null),
            ("null", ScalarKind::Null),
            ("true", ScalarKind::Bool),
            ("off", ScalarKind::Text),
            ("yes", ScalarKind::Text),
            ("12", ScalarKind::Int),
            ("-12", ScalarKind::Int),
            ("0x1f", ScalarKind::Int),
            ("1.5", ScalarKind::Float),
            ("1e3", ScalarKind::Float),
            (".inf", ScalarKind::Float),
            ("inf", ScalarKind::Text),
            ("NaN", ScalarKind::Text),
            ("e", ScalarKind::Text),
            ("1.2.3", ScalarKind::Text),
            ("2024-01-01", ScalarKind::Text),
            ("4Gi", ScalarKind::Text),
        ] {
            let scalar = |plain| Scalar { text: text.to_owned(), plain, filled: false, raw: 0..0 };
            assert_eq!(scalar(true).kind(), kind, "{text}");
            assert_eq!(scalar(false).kind(), ScalarKind::Text, "{text}");
        }
    }
}
