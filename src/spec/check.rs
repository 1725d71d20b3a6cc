//! Checks a tree against the field list and fills in its parameters: unknown and missing keys, wrong
//! types, words, ranges. What is left for `build` is what the values mean together.

use super::nearest;
use super::params::Params;
use super::problem::{Pos, Problems, show};
use super::quantity;
use super::shape::{Block, Key, Need, Rule, Shape, Word};
use super::tree::{Data, Entry, Node, Scalar, ScalarKind};

/// Unknown keys of a block for which the nearest known one is looked for.
const MAX_GUESSED: usize = 100;

const NOT_ACTED_ON: &str = "is not acted on by this version of dp";

pub(super) struct Check<'a, 'b> {
    pub params: &'a mut Params<'b>,
    pub problems: &'a mut Problems,
}

impl Check<'_, '_> {
    /// A block with known keys. `at` is its path, empty for the whole file.
    pub(super) fn block(&mut self, node: &mut Node, block: &Block, at: &str, literal: bool) {
        let pos = node.pos;
        let Data::Map(entries) = &mut node.data else {
            return self.wrong(node, at, "a block of keys");
        };
        for (first, second) in block.not_both {
            let found = [first, second].map(|k| entries.iter().find(|e| e.key == **k));
            if let [Some(_), Some(second)] = found {
                let message = format!("cannot stand beside `{first}`; keep one of them");
                self.problems.add(second.pos, &join(at, &second.key), message);
            }
        }
        let guessed = guess(entries, block);
        for key in block.keys {
            self.need(key, entries, &guessed, pos, at);
        }
        for entry in entries {
            let path = join(at, &entry.key);
            let Some(key) = block.keys.iter().find(|k| k.name == entry.key) else {
                let hint = match guessed.iter().find(|(word, _)| *word == entry.key) {
                    Some((_, name)) => format!("did you mean `{name}`?"),
                    None => nearest::list(block.keys.iter().filter(|k| k.acted_on).map(|k| k.name)),
                };
                self.problems.add(entry.pos, &path, format!("unknown key; {hint}"));
                continue;
            };
            if !key.acted_on {
                self.problems.add(entry.pos, "", format!("`{path}` {NOT_ACTED_ON}"));
            }
            self.value(&mut entry.value, &key.shape, &path, literal || key.literal);
        }
    }

    fn need(&mut self, key: &Key, entries: &[Entry], guessed: &[(String, &str)], pos: Pos, at: &str) {
        // A mistyped key counts as there: its own problem says what it should be.
        let has =
            |name: &str| entries.iter().any(|e| e.key == name) || guessed.iter().any(|(_, n)| *n == name);
        let missing = !has(key.name);
        let path = join(at, key.name);
        match key.need {
            Need::Required if missing => self.problems.add(pos, &path, "is missing"),
            Need::Unless(others) if missing && !others.iter().any(|o| has(o)) => {
                self.problems.add(pos, &path, "is missing");
            }
            Need::OrFlag(flag) if missing && !has("job") => {
                self.problems.add(pos, &path, format!("is missing; write it here or give {flag}"));
            }
            Need::Optional | Need::Required | Need::Unless(_) | Need::OrFlag(_) => (),
        }
    }

    /// A value of any shape.
    pub(super) fn value(&mut self, node: &mut Node, shape: &Shape, at: &str, literal: bool) {
        if let Data::Scalar(scalar) = &mut node.data {
            if scalar.kind() == ScalarKind::Null && !matches!(shape, Shape::Any) {
                return self.problems.add(node.pos, at, "is empty; give it a value or leave the key out");
            }
            if !literal && !self.params.fill(scalar, node.pos, at, self.problems) {
                node.data = Data::Bad;
            }
        }
        match (shape, &mut node.data) {
            (Shape::Any, _) | (_, Data::Bad) => (),
            (Shape::Block(block), _) => self.block(node, block, at, literal),
            (Shape::List(item), Data::List(items)) => self.list(items, node.pos, item, at, literal),
            (Shape::Map(keys, value), Data::Map(entries)) => {
                self.map(entries, node.pos, keys, value, at, literal);
            }
            (Shape::Either(shapes), data) => {
                if let Some(shape) = shapes.iter().find(|s| fits(s, data)) {
                    // A text is filled in by now.
                    let filled = matches!(data, Data::Scalar(_));
                    self.value(node, shape, at, literal || filled);
                } else {
                    let what: Vec<_> = shapes.iter().map(expected).collect();
                    self.wrong(node, at, &what.join(" or "));
                }
            }
            (_, Data::Scalar(scalar)) => {
                if let Err(message) = scalar_problem(scalar, shape, literal) {
                    match message {
                        Some(message) => self.problems.add(node.pos, at, message),
                        None => self.wrong(node, at, &expected(shape)),
                    }
                }
            }
            _ => self.wrong(node, at, &expected(shape)),
        }
    }

    fn list(&mut self, items: &mut [Node], pos: Pos, item: &Shape, at: &str, literal: bool) {
        if items.is_empty() {
            self.problems.add(pos, at, "is an empty list; give it a value or leave the key out");
        }
        for (i, node) in items.iter_mut().enumerate() {
            self.value(node, item, &format!("{at}[{i}]"), literal);
        }
    }

    fn map(&mut self, entries: &mut [Entry], pos: Pos, keys: &Rule, value: &Shape, at: &str, literal: bool) {
        if entries.is_empty() {
            self.problems.add(pos, at, "is an empty block; give it a value or leave the key out");
        }
        for entry in entries {
            let path = join(at, &entry.key);
            if let Err(message) = (keys.check)(&entry.key) {
                self.problems.add(entry.pos, &path, message);
            }
            self.value(&mut entry.value, value, &path, literal);
        }
    }

    fn wrong(&mut self, node: &Node, at: &str, what: &str) {
        if matches!(node.data, Data::Bad) {
            return;
        }
        let mut message = format!("expected {what}, found {}", node.describe());
        if what.contains("text") && matches!(&node.data, Data::Scalar(s) if s.plain) {
            message.push_str("; put it in quotes");
        } else if matches!(&node.data, Data::Scalar(s) if !s.plain && !s.filled) && !what.contains("one of") {
            message.push_str(" in quotes");
        }
        self.problems.add(node.pos, at, message);
    }
}

/// Mistyped keys and the known ones that were probably meant.
fn guess(entries: &[Entry], block: &Block) -> Vec<(String, &'static str)> {
    let names = || block.keys.iter().map(|k| k.name);
    let unknown = entries.iter().filter(|e| names().all(|n| n != e.key)).take(MAX_GUESSED);
    unknown.filter_map(|e| Some((e.key.clone(), nearest::nearest(&e.key, names())?))).collect()
}

/// The path of a key.
pub(super) fn join(at: &str, key: &str) -> String {
    if at.is_empty() { show(key) } else { format!("{at}.{}", show(key)) }
}

fn fits(shape: &Shape, data: &Data) -> bool {
    match shape {
        Shape::Block(_) | Shape::Map(..) => matches!(data, Data::Map(_)),
        Shape::List(_) => matches!(data, Data::List(_)),
        Shape::Any | Shape::Either(_) => true,
        _ => matches!(data, Data::Scalar(_)),
    }
}

fn expected(shape: &Shape) -> String {
    match shape {
        Shape::Text(rule) => {
            let text = if rule.what.contains("text") { "" } else { " (text)" };
            format!("{}{text}", rule.what)
        }
        Shape::Scalar => "text, a number, true or false".to_owned(),
        Shape::Bool => "true or false".to_owned(),
        Shape::Int(..) | Shape::IntOrShare(..) => "a whole number".to_owned(),
        Shape::Size(_) => "a size such as 512MiB".to_owned(),
        Shape::Cpu => "a number of cores such as 2 or 500m".to_owned(),
        Shape::Duration => "a time such as 90s, 30m or 6h".to_owned(),
        Shape::Choice(words) => one_of(words),
        Shape::AutoOrOff => "`auto` or `off`".to_owned(),
        Shape::List(_) => "a list".to_owned(),
        Shape::Map(..) | Shape::Block(_) => "a block of keys".to_owned(),
        Shape::Either(_) | Shape::Any => "a value".to_owned(),
    }
}

fn one_of(words: &[Word]) -> String {
    let names: Vec<_> = words.iter().filter(|w| w.acted_on).map(|w| format!("`{}`", w.name)).collect();
    if let [only] = names.as_slice() { only.clone() } else { format!("one of {}", names.join(", ")) }
}

/// What is wrong with a scalar: `Some(message)`, or `None` for a wrong type.
fn scalar_problem(scalar: &Scalar, shape: &Shape, literal: bool) -> Result<(), Option<String>> {
    let kind = scalar.kind();
    let text = scalar.text.as_str();
    let loose = scalar.filled;
    let with_text = |message: String| Some(format!("`{}` {message}", show(text)));
    match shape {
        Shape::Text(rule) if kind == ScalarKind::Text || loose => {
            (rule.check)(text).map_err(|m| if text.is_empty() { Some(m) } else { with_text(m) })
        }
        Shape::Scalar if literal && text.contains("{{") => {
            Err(Some("a default value may not hold parameters".to_owned()))
        }
        Shape::Scalar => Ok(()),
        Shape::Bool if kind == ScalarKind::Bool || loose => boolean(text).map(|_| ()).ok_or(None),
        Shape::IntOrShare(..) if text.ends_with('%') || kind == ScalarKind::Float => {
            Err(with_text(format!("is a share, which {NOT_ACTED_ON}; write a number")))
        }
        Shape::Int(min, max) | Shape::IntOrShare(min, max) if kind == ScalarKind::Int || loose => {
            match text.parse::<i128>() {
                Ok(n) if (i128::from(*min)..=i128::from(*max)).contains(&n) => Ok(()),
                Err(_) if !text.bytes().all(|b| b.is_ascii_digit()) => Err(None),
                // A number, in range of i128 or not.
                Ok(_) | Err(_) => Err(with_text(format!("is out of range: from {min} to {max}"))),
            }
        }
        Shape::Size(max) if kind != ScalarKind::Bool => match quantity::parse_size(text) {
            Ok(bytes) if bytes <= *max => Ok(()),
            Ok(_) => Err(with_text(format!("is out of range: at most {max} bytes"))),
            Err(message) => Err(with_text(message)),
        },
        Shape::Duration if kind == ScalarKind::Text || loose => {
            quantity::parse_duration(text).map(|_| ()).map_err(with_text)
        }
        Shape::Cpu if kind != ScalarKind::Bool => quantity::parse_cpu(text).map(|_| ()).map_err(with_text),
        Shape::AutoOrOff if matches!(text, "auto" | "off") || boolean(text) == Some(false) => Ok(()),
        Shape::Choice(words) => match words.iter().find(|w| w.name == text) {
            Some(word) if word.acted_on => Ok(()),
            Some(_) => Err(with_text(NOT_ACTED_ON.to_owned())),
            None => {
                let near = nearest::nearest(text, words.iter().map(|w| w.name)).filter(|_| words.len() > 1);
                let near = near.map_or_else(String::new, |w| format!("; did you mean `{w}`?"));
                Err(with_text(format!("is not known here: expected {}{near}", one_of(words))))
            }
        },
        _ => Err(None),
    }
}

/// `true` or `false` as YAML writes them.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}
