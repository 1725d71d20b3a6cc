//! The words in which the fields of a job spec are described. The one description in `fields` gives
//! the JSON Schema and drives the check of a file, so that the two cannot disagree.

/// What a value may be.
#[derive(Debug)]
pub(super) enum Shape {
    /// Text by a rule.
    Text(&'static Rule),
    /// Text, number or boolean, taken as its text.
    Scalar,
    Bool,
    /// A whole number.
    Int(u64, u64),
    /// A whole number; a share such as `1%` is known but not acted on.
    IntOrShare(u64, u64),
    /// Bytes: a number or a quantity such as `512MiB`, from 1 to the stated limit.
    Size(u64),
    /// Cores: `2`, `1.5` or `500m`.
    Cpu,
    /// A time such as `90s`, `30m`, `6h` or `2d`.
    Duration,
    /// One word of several.
    Choice(&'static [Word]),
    /// `auto` or `off`; also `false`, which is what tools that read YAML 1.1 (kubectl) make of `off`.
    AutoOrOff,
    List(&'static Shape),
    /// Names of the file's own choice.
    Map(&'static Rule, &'static Shape),
    Block(&'static Block),
    /// Told apart by being text, list or block.
    Either(&'static [Shape]),
    /// A block of Kubernetes that is passed on as it is.
    Any,
}

/// A rule for texts. `pattern` says in a regular expression, as far as it can, what `check` does.
#[derive(Debug)]
pub(super) struct Rule {
    /// What is expected, for messages.
    pub what: &'static str,
    /// For the JSON Schema: ECMA-262.
    pub pattern: &'static str,
    /// For the JSON Schema: what a text must not match; empty for nothing.
    pub not: &'static str,
    /// What is wrong with a text.
    pub check: fn(&str) -> Result<(), String>,
}

/// One word of a choice.
#[derive(Debug)]
pub(super) struct Word {
    pub name: &'static str,
    pub acted_on: bool,
}

/// A block with known keys.
#[derive(Debug)]
pub(super) struct Block {
    pub keys: &'static [Key],
    /// Pairs of keys of which only one can be given.
    pub not_both: &'static [(&'static str, &'static str)],
}

/// Whether a key must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Optional,
    Required,
    /// Required, unless one of these keys is there.
    Unless(&'static [&'static str]),
    /// Required, but a flag of the command line may give it.
    OrFlag(&'static str),
}

/// A key of a block.
#[derive(Debug)]
pub(super) struct Key {
    pub name: &'static str,
    pub shape: Shape,
    /// One sentence for editors.
    pub doc: &'static str,
    pub need: Need,
    /// Whether this version does what it says; if not it is refused by name.
    pub acted_on: bool,
    /// `{{` has no meaning in it.
    pub literal: bool,
}

impl Key {
    pub(super) const fn new(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, shape, doc, need: Need::Optional, acted_on: true, literal: false }
    }

    /// A key that this version refuses by name.
    pub(super) const fn later(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, shape, doc, need: Need::Optional, acted_on: false, literal: false }
    }

    pub(super) const fn need(self, need: Need) -> Self {
        Self { need, ..self }
    }

    pub(super) const fn literal(self) -> Self {
        Self { literal: true, ..self }
    }
}

impl Word {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, acted_on: true }
    }

    /// A word that this version refuses by name.
    pub(super) const fn later(name: &'static str) -> Self {
        Self { name, acted_on: false }
    }
}
