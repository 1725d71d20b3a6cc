//! Parameters: `{{ name }}` in the texts of a spec. A literal `{{` is written `{{{{`.

use std::collections::{BTreeMap, BTreeSet};

use super::given::{Given, Interval};
use super::nearest;
use super::problem::{Pos, Problems, show};
use super::tree::{Data, Node, Scalar, ScalarKind};

/// Parameters that an interval sets; without one, `--set` may.
const OF_INTERVAL: [&str; 3] = ["date", "interval.start", "interval.end"];

/// Problems shown of one text: to find the place of each costs a pass over it.
const MAX_PROBLEMS: usize = 20;

/// Bytes of a text after its parameters are filled in.
const MAX_FILLED: usize = 4 << 20;

/// The values of all parameters of a spec, and where they are filled in.
#[derive(Debug)]
pub(super) struct Params<'a> {
    /// The file, for places within a text.
    text: &'a str,
    values: BTreeMap<String, String>,
    /// Every name that may be used, with a value or not.
    names: BTreeSet<String>,
    used: BTreeSet<String>,
}

impl<'a> Params<'a> {
    /// Values by weight: `--set`, then the interval, then the defaults of `spec.params`.
    pub(super) fn new(text: &'a str, root: &Node, given: &Given, problems: &mut Problems) -> Self {
        let mut values = BTreeMap::new();
        let mut names: BTreeSet<String> = OF_INTERVAL.map(str::to_owned).into();
        if let Some(Data::Map(entries)) = root.get("spec.params").map(|node| &node.data) {
            for entry in entries {
                names.insert(entry.key.clone());
                if let Data::Scalar(scalar) = &entry.value.data
                    && scalar.kind() != ScalarKind::Null
                {
                    values.insert(entry.key.clone(), scalar.text.clone());
                }
            }
        }
        let declared: BTreeSet<String> = values.keys().cloned().collect();
        values.extend(given.interval.iter().flat_map(Interval::values).map(|(k, v)| (k.to_owned(), v)));
        let mut set = BTreeSet::new();
        for (name, value) in &given.sets {
            let at = format!("--set {}", show(name));
            if !names.contains(name) {
                let hint = nearest::hint(name, names.iter().map(String::as_str));
                problems.add(Pos::default(), &at, format!("unknown parameter; {hint}"));
            } else if !set.insert(name) {
                problems.add(Pos::default(), &at, "is given twice");
            }
            values.insert(name.clone(), value.clone());
        }
        Self { text, values, names, used: declared }
    }

    /// The values of the declared parameters, and of the interval's where they are used.
    pub(super) fn used(&self) -> BTreeMap<String, String> {
        self.values
            .iter()
            .filter(|(k, _)| self.used.contains(*k))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    }

    /// Replaces the parameters in a text. `false`: it could not, and said why.
    pub(super) fn fill(&mut self, scalar: &mut Scalar, pos: Pos, at: &str, problems: &mut Problems) -> bool {
        if !scalar.text.contains("{{") {
            return true;
        }
        let mut good = true;
        let source = std::mem::take(&mut scalar.text);
        let mut filled = String::with_capacity(source.len());
        let mut rest = source.as_str();
        let mut seen = Vec::new();
        while let Some((before, after)) = rest.split_once("{{") {
            filled.push_str(before);
            if let Some(after) = after.strip_prefix("{{") {
                filled.push_str("{{");
                rest = after;
                continue;
            }
            let (token, after) = match after.split_once("}}") {
                Some((token, after)) if !token.contains("{{") => (token, after),
                _ => {
                    let pos = self.locate(scalar, pos, &rest[before.len()..], &mut seen);
                    problems.add(pos, at, "`{{` without `}}`; a literal `{{` is written `{{{{`");
                    return false;
                }
            };
            scalar.filled = true;
            match self.value(token.trim()) {
                Ok(value) => filled.push_str(&value),
                Err(message) => {
                    let pos = self.locate(scalar, pos, &format!("{{{{{token}}}}}"), &mut seen);
                    problems.add(pos, at, message);
                    good = false;
                    if seen.len() >= MAX_PROBLEMS {
                        return false;
                    }
                }
            }
            if filled.len() > MAX_FILLED {
                problems.add(pos, at, "is larger than 4 MiB after its parameters are filled in");
                return false;
            }
            rest = after;
        }
        filled.push_str(rest);
        scalar.text = filled;
        good
    }

    fn value(&mut self, name: &str) -> Result<String, String> {
        let good = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
        if name.is_empty() || !name.bytes().all(good) {
            let name = show(&format!("{{{{ {name} }}}}").replace("  ", " "));
            return Err(format!("`{name}` names no parameter; a literal `{{{{` is written `{{{{{{{{`"));
        }
        if let Some(value) = self.values.get(name) {
            self.used.insert(name.to_owned());
            return Ok(value.clone());
        }
        if OF_INTERVAL.contains(&name) {
            return Err(format!(
                "`{{{{ {name} }}}}` is set by a schedule; without one give it by --set {name}=VALUE"
            ));
        }
        if self.names.contains(name) {
            // Its default is no value, which is reported there.
            return Ok(String::new());
        }
        let hint = nearest::hint(name, self.names.iter().map(String::as_str));
        Err(format!("unknown parameter `{}`; {hint}", show(name)))
    }

    /// The place of a token in the file. Where the text is written with escapes it may not be found;
    /// then the text's own place serves. `seen` holds the tokens that were looked for before.
    fn locate(&self, scalar: &Scalar, pos: Pos, token: &str, seen: &mut Vec<String>) -> Pos {
        let token = token.lines().next().unwrap_or(token);
        let nth = seen.iter().filter(|t| *t == token).count();
        seen.push(token.to_owned());
        if pos.flag.is_some() {
            return pos;
        }
        let offset = |chars: usize| self.text.char_indices().nth(chars).map_or(self.text.len(), |(i, _)| i);
        let (start, end) = (offset(scalar.raw.start), offset(scalar.raw.end));
        let raw = self.text.get(start..end).unwrap_or_default();
        let Some((found, _)) = raw.match_indices(token).nth(nth) else { return pos };
        let before = &self.text[..start + found];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let line = before.matches('\n').count() + 1;
        Pos::at(line, before[line_start..].chars().count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::parse::parse;
    use super::super::valid::Job;
    use super::*;

    fn job(sql: &str, params: &str, given: &Given) -> Result<Job, String> {
        let text = format!(
            "apiVersion: dp.dev/v1alpha1\nkind: DataJob\nmetadata: {{ name: a }}\nspec:\n  input: {{ url: a }}\n  \
             sql: {sql}\n  output: {{ url: b }}\n  params: {params}\n"
        );
        parse(&text, "f", Path::new("/"), given)
            .map_err(|p| p.iter().map(|p| p.message.clone()).collect::<Vec<_>>().join("; "))
    }

    fn interval() -> Interval {
        let at = |t| chrono::DateTime::parse_from_rfc3339(t).unwrap();
        Interval::new(at("2024-01-01T00:00:00Z"), at("2024-01-02T00:00:00Z")).unwrap()
    }

    #[test]
    fn texts_are_filled() {
        for (sql, filled) in [
            ("'{{a}}'", "1"),
            ("'x{{ a }}y{{  b}}z'", "x1ytwo {{ a }}z"),
            ("'{{{{ a }}'", "{{ a }}"),
            ("'{{{{{{ a }}'", "{{1"),
            ("'{{{{{{{{'", "{{{{"),
            ("'a } } { b }}'", "a } } { b }}"),
            ("'{{ date }} {{ interval.end }}'", "2024-01-01 2024-01-02T00:00:00Z"),
        ] {
            let given = Given {
                interval: Some(interval()),
                sets: vec![("b".to_owned(), "two {{ a }}".to_owned())],
                ..Given::default()
            };
            assert_eq!(job(sql, "{ a: 1, b: 2 }", &given).map(|j| j.sql), Ok(filled.to_owned()), "{sql}");
        }
    }

    #[test]
    fn sets_weigh_more_than_the_interval_and_it_more_than_defaults() {
        let with = |interval, sets: &[(&str, &str)]| {
            let sets = sets.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            let given = Given { sets, interval, ..Given::default() };
            job("'{{ date }}'", "{ date: never }", &given).map(|j| j.sql)
        };
        assert_eq!(with(None, &[]), Ok("never".to_owned()));
        assert_eq!(with(Some(interval()), &[]), Ok("2024-01-01".to_owned()));
        assert_eq!(with(Some(interval()), &[("date", "x")]), Ok("x".to_owned()));
    }

    #[test]
    fn what_is_not_a_parameter_is_an_error() {
        for sql in ["'{{'", "'{{ a'", "'{{ a {{ a }}'", "'{{}}'", "'{{ é }}'", "'{{ c }}'", "'{{ date }}'"] {
            assert!(job(sql, "{ a: 1 }", &Given::default()).is_err(), "{sql}");
        }
    }
}
