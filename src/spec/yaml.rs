//! YAML text -> tree. What a job spec has no use for (anchors, aliases, tags, merge keys, several
//! documents) is refused by name.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::problem::{Pos, Problems, shorten, show};
use super::tree::{Data, Entry, Node, Scalar};

/// Bytes of a spec: what an object of the Kubernetes API can hold.
const MAX_BYTES: usize = 1 << 20;

/// Levels of nesting; a pod's description needs about 15.
const MAX_DEPTH: usize = 64;

/// Reads one document. Every problem is added; `None` if there is no tree to go on with.
pub(super) fn read(text: &str, problems: &mut Problems) -> Option<Node> {
    if text.len() > MAX_BYTES {
        problems.add(
            Pos::at(1, 1),
            "",
            format!("the file has {} bytes; a job spec has at most 1 MiB", text.len()),
        );
        return None;
    }
    if let Some(pos) = first_control_character(text) {
        problems.add(pos, "", "a control character; a job spec is plain text in UTF-8");
        return None;
    }
    let mut tree = Tree { problems, open: Vec::new(), root: None, documents: 0 };
    for event in Parser::new_from_str(text) {
        let result = match event {
            Ok((event, span)) => tree.event(event, span),
            Err(error) => {
                tree.problems.add(pos_of(&error), "", syntax_message(&error, text));
                return None;
            }
        };
        if result.is_err() {
            return None;
        }
    }
    if tree.root.is_none() {
        tree.problems.add(Pos::at(1, 1), "", "the file is empty; a job spec begins with apiVersion and kind");
    }
    tree.root
}

/// Control characters, which the parser would take for the end of the file or keep in names.
fn first_control_character(text: &str) -> Option<Pos> {
    text.lines().enumerate().find_map(|(line, text)| {
        let column = text.chars().position(|c| c.is_control() && c != '\t')?;
        Some(Pos::at(line + 1, column + 1))
    })
}

fn pos_of(error: &ScanError) -> Pos {
    Pos::at(error.marker().line().max(1), error.marker().col() + 1)
}

fn syntax_message(error: &ScanError, text: &str) -> String {
    let line = text.lines().nth(error.marker().line().saturating_sub(1)).unwrap_or_default();
    let indent = line.len() - line.trim_start().len();
    if line.get(..indent).is_some_and(|i| i.contains('\t')) {
        return "the line is indented with a tab; YAML wants spaces".to_owned();
    }
    if error.info().contains("recursion limit") {
        return format!("nested deeper than {MAX_DEPTH} levels");
    }
    let mut message = format!("this is no YAML: {}", shorten(error.info(), 200));
    if line.contains(": {{") {
        message.push_str("; a value that begins with `{{` must stand in quotes");
    }
    message
}

/// Reading cannot go on; why is reported.
struct Stop;

enum Open {
    List(Pos, Vec<Node>),
    Map {
        pos: Pos,
        entries: Vec<Entry>,
        seen: HashMap<String, usize>,
        key: Option<(Option<String>, Pos)>,
        refused: bool,
    },
}

struct Tree<'a> {
    problems: &'a mut Problems,
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
}

impl Tree<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        let pos = Pos::at(span.start.line().max(1), span.start.col() + 1);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => (),
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.problems.add(pos, "", "a second document begins here; a job spec is one document");
                    return Err(Stop);
                }
            }
            Event::Alias(_) => {
                self.problems.add(pos, "", "anchors and aliases are not supported; write the value out");
                self.put(Node { pos, data: Data::Bad });
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.decorations(pos, anchor, tag.is_some());
                let raw = span.start.index()..span.end.index();
                let plain = style == ScalarStyle::Plain;
                let scalar = Scalar { text: text.into_owned(), plain, filled: false, raw };
                self.put(Node { pos, data: Data::Scalar(scalar) });
            }
            Event::SequenceStart(anchor, tag) => {
                self.decorations(pos, anchor, tag.is_some());
                self.push(pos, Open::List(pos, Vec::new()))?;
            }
            Event::MappingStart(anchor, tag) => {
                self.decorations(pos, anchor, tag.is_some());
                let open =
                    Open::Map { pos, entries: Vec::new(), seen: HashMap::new(), key: None, refused: false };
                self.push(pos, open)?;
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(pos, items)) => self.put(Node { pos, data: Data::List(items) }),
                Some(Open::Map { pos, entries, refused, .. }) => {
                    // Nothing but keys that were refused: to ask for others would mislead.
                    let bad = entries.is_empty() && refused;
                    self.put(Node { pos, data: if bad { Data::Bad } else { Data::Map(entries) } });
                }
                None => (),
            },
        }
        Ok(())
    }

    fn decorations(&mut self, pos: Pos, anchor: usize, tagged: bool) {
        if anchor > 0 {
            self.problems.add(pos, "", "anchors and aliases are not supported; write the value out");
        }
        if tagged {
            self.problems.add(
                pos,
                "",
                "tags are not supported; put a text in quotes, write a number without",
            );
        }
    }

    fn push(&mut self, pos: Pos, open: Open) -> Result<(), Stop> {
        if self.open.len() >= MAX_DEPTH {
            self.problems.add(pos, "", format!("nested deeper than {MAX_DEPTH} levels"));
            return Err(Stop);
        }
        self.open.push(open);
        Ok(())
    }

    /// A node is complete: a key, a value, an item or the whole document.
    fn put(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map { entries, seen, key, refused, .. }) => match key.take() {
                None => {
                    let name = key_of(&node, seen, self.problems);
                    *refused |= name.is_none();
                    *key = Some((name, node.pos));
                }
                Some((Some(name), pos)) => entries.push(Entry { key: name, pos, value: node }),
                Some((None, _)) => (),
            },
        }
    }
}

/// The name of a key; `None` if its entry is to be left out, which is then reported.
fn key_of(node: &Node, seen: &mut HashMap<String, usize>, problems: &mut Problems) -> Option<String> {
    let Data::Scalar(scalar) = &node.data else {
        problems.add(
            node.pos,
            "",
            "a list or block cannot be a key (a value that begins with `{{` must stand in quotes)",
        );
        return None;
    };
    if scalar.plain && scalar.text == "<<" {
        problems.add(node.pos, "", "merge keys are not supported; write the values out");
        return None;
    }
    if scalar.text.is_empty() {
        problems.add(node.pos, "", "a key is empty");
        return None;
    }
    if let Some(line) = seen.insert(scalar.text.clone(), node.pos.line) {
        seen.insert(scalar.text.clone(), line);
        problems.add(
            node.pos,
            "",
            format!("the key `{}` is here twice; first on line {line}", show(&scalar.text)),
        );
        return None;
    }
    Some(scalar.text.clone())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::super::given::Given;
    use super::super::parse::parse;
    use super::*;

    const FULL: &str = include_str!("../../tests/golden/spec-good/full.yaml");

    #[test]
    fn line_ends_and_a_byte_order_mark_change_nothing() {
        let job = |text: &str| parse(text, "f", Path::new("/specs"), &Given::default()).unwrap();
        assert_eq!(job(&FULL.replace('\n', "\r\n")), job(FULL));
        assert_eq!(job(&format!("\u{feff}{FULL}")), job(FULL));
    }

    /// Hostile files end soon, with few problems.
    #[test]
    fn large_files_are_refused_quickly() {
        let lines = |line: &str| line.repeat(MAX_BYTES / line.len());
        let keys: String = (0..30_000).map(|i| format!("key{i}: {i}\n")).collect();
        for text in [
            lines("a"),
            lines("[") + "x",
            lines("- "),
            lines("? "),
            lines("a: "),
            lines("{a: "),
            lines("- a\n"),
            lines("a: 1\n"),
            lines("&a "),
            lines("\"\\n"),
            lines("'"),
            lines("\n"),
            lines("#\n"),
            lines("!"),
            lines("a: |\n "),
            lines("--- \n"),
            lines("{{ a }} "),
            format!("spec: {{ sql: '{}' }}\n", "{{ a }}".repeat(140_000)),
            format!("spec: {{ sql: '{}' }}\n", "{{ date }".repeat(110_000)),
            format!(
                "spec: {{ params: {{ a: {} }}, sql: '{}' }}",
                "x".repeat(900_000),
                "{{ a }}".repeat(10_000)
            ),
            keys.replace("key", "url"),
            format!("spec:\n{}", keys.replace("key", "  urk")),
            format!("spec:\n  params:\n{}  sql: '{}'", keys.replace("key", "    p"), "{{ pp }}".repeat(1000)),
            format!("spec:\n  tables:\n{}", keys.replace("key", "    input")),
            format!("spec:\n  input:\n    schema:\n{}", keys.replace("key", "      c")),
            keys,
            "a".repeat(MAX_BYTES + 1),
        ] {
            let start = Instant::now();
            let result = parse(&text, "f", Path::new("/"), &Given::default());
            let head: String = text.chars().take(40).collect();
            assert!(result.is_err(), "{head}");
            // Ten times what it takes without optimisation on a slow machine.
            assert!(start.elapsed() < Duration::from_secs(30), "{head}: {:?}", start.elapsed());
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[-a-c:{}\\[\\]&*!|>'\"%@`#?,.~<\\\\ \t\r\n0-9]{0,80}") {
            let _ = parse(&text, "f", Path::new("/"), &Given::default());
        }

        #[test]
        fn no_change_of_a_spec_panics(at in 0..FULL.len(), cut in 0..40_usize, put in "[-{}\\[\\]:&*!|>'\"#, \n\tаz0]{0,6}") {
            let end = (at + cut).min(FULL.len());
            if let (Some(before), Some(after)) = (FULL.get(..at), FULL.get(end..)) {
                let text = format!("{before}{put}{after}");
                if let Err(problems) = parse(&text, "f", Path::new("/specs"), &Given::default()) {
                    prop_assert!(!problems.is_empty());
                    let lines = text.lines().count() + 1;
                    prop_assert!(problems.iter().all(|p| (1..=lines).contains(&p.line) && p.column > 0));
                }
            }
        }
    }
}
