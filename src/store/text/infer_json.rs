//! The shape of JSON objects.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::infer::{instant, type_of};
use super::json::{Scalar, Visit, walk};
use super::unify::unify_types;
use crate::error::{Error, Result};

/// The members seen so far of the objects at one place, in the order in which they were first seen.
#[derive(Debug, Default)]
pub(super) struct Shape {
    names: HashMap<String, usize>,
    members: Vec<(String, Node)>,
}

/// What was seen at one place.
#[derive(Debug)]
enum Node {
    Scalar(DataType),
    Object(Shape),
    List(Box<Node>),
}

impl Shape {
    /// Adds a line. One that is no JSON object is passed over: it is a bad record.
    ///
    /// # Errors
    /// `BadData` when a member has a shape that does not go with what was seen before.
    pub(super) fn add(&mut self, line: &[u8]) -> Result<()> {
        let mut builder = Builder { open: Vec::new(), done: None, clash: None };
        if walk(line, &mut builder).is_err() {
            return Ok(());
        }
        match (builder.clash, builder.done) {
            (Some(clash), _) => Err(clash),
            (None, Some(Node::Object(shape))) => self.merge(shape),
            (None, _) => Ok(()),
        }
    }

    /// The shape as a schema.
    pub(super) fn schema(self) -> SchemaRef {
        Arc::new(Schema::new(self.fields()))
    }

    fn fields(self) -> Vec<Field> {
        self.members.into_iter().map(|(name, node)| Field::new(name, node.data_type(), true)).collect()
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        for (name, node) in other.members {
            self.member(&name, node).map_err(|e| e.with("member", &name))?;
        }
        Ok(())
    }

    fn member(&mut self, name: &str, node: Node) -> Result<()> {
        if let Some((_, seen)) = self.names.get(name).and_then(|i| self.members.get_mut(*i)) {
            return seen.merge(node);
        }
        self.names.insert(name.to_owned(), self.members.len());
        self.members.push((name.to_owned(), node));
        Ok(())
    }
}

impl Node {
    fn data_type(self) -> DataType {
        match self {
            Self::Scalar(data_type) => data_type,
            Self::Object(shape) => DataType::Struct(shape.fields().into()),
            Self::List(item) => DataType::new_list(item.data_type(), true),
        }
    }

    const fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(DataType::Null))
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Scalar(_) => "a plain value",
            Self::Object(_) => "an object",
            Self::List(_) => "a list",
        }
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        match (self, other) {
            (_, other) if other.is_null() => Ok(()),
            (seen, other) if seen.is_null() => {
                *seen = other;
                Ok(())
            }
            (Self::Scalar(seen), Self::Scalar(other)) => {
                *seen = unify_types(seen, &other)?;
                Ok(())
            }
            (Self::Object(seen), Self::Object(other)) => seen.merge(other),
            (Self::List(seen), Self::List(other)) => seen.merge(*other),
            (seen, other) => Err(Error::bad_data(format!(
                "a member is {} in one record and {} in another: state the columns under schema, without it",
                seen.kind(),
                other.kind()
            ))),
        }
    }
}

/// Builds the node of one object.
struct Builder {
    /// Objects and lists that are open, with the key that waits for its value.
    open: Vec<(Node, String)>,
    done: Option<Node>,
    /// Items of one list that do not go together.
    clash: Option<Error>,
}

impl Builder {
    fn value(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.done = Some(node),
            Some((Node::Object(shape), key)) => {
                // The last one of a doubled key holds, as in decoding.
                if let Some((_, old)) = shape.names.get(key).and_then(|i| shape.members.get_mut(*i)) {
                    *old = node;
                } else {
                    shape.names.insert(key.clone(), shape.members.len());
                    shape.members.push((std::mem::take(key), node));
                }
            }
            Some((Node::List(item), _)) => {
                if let Err(clash) = item.merge(node) {
                    self.clash = Some(clash);
                }
            }
            Some((Node::Scalar(_), _)) => (),
        }
    }
}

impl Visit for Builder {
    fn key(&mut self, key: &[u8]) {
        if let Some((_, waiting)) = self.open.last_mut() {
            *waiting = unescaped(key);
        }
    }

    fn scalar(&mut self, kind: Scalar, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        self.value(Node::Scalar(match kind {
            Scalar::Null => DataType::Null,
            Scalar::Bool => DataType::Boolean,
            Scalar::Number => type_of(&text),
            Scalar::String => instant(&text),
        }));
    }

    fn open(&mut self, object: bool) {
        let node = if object {
            Node::Object(Shape::default())
        } else {
            Node::List(Box::new(Node::Scalar(DataType::Null)))
        };
        self.open.push((node, String::new()));
    }

    fn close(&mut self) {
        if let Some((node, _)) = self.open.pop() {
            self.value(node);
        }
    }
}

/// A member's name without its escapes.
fn unescaped(key: &[u8]) -> String {
    let quoted = [b"\"", key, b"\""].concat();
    serde_json::from_slice(&quoted).unwrap_or_else(|_| String::from_utf8_lossy(key).into_owned())
}
