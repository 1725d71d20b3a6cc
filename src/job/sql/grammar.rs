//! GRAMMAR.md is true: each example of its table is planned, or refused with the words beside it.

use super::tests::plan;
use crate::error::Kind;

const GRAMMAR: &str = include_str!("GRAMMAR.md");

/// A rule of the table, as it is written.
struct Rule {
    name: String,
    planned: Vec<String>,
    refused: Vec<String>,
    reason: String,
    instead: Vec<String>,
}

/// The rows of the table under "The rules".
fn rules() -> Vec<Rule> {
    let rows = GRAMMAR.lines().filter(|line| line.starts_with("| ")).skip(2);
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [name, planned, refused, reason, instead] = cells.as_slice() else {
            panic!("{} cells, not 5: {row}", cells.len());
        };
        Rule {
            name: (*name).to_owned(),
            planned: quoted(planned),
            refused: quoted(refused),
            reason: (*reason).to_owned(),
            instead: quoted(instead).into_iter().filter(|q| is_statement(q)).collect(),
        }
    })
    .collect()
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn is_statement(text: &str) -> bool {
    text.starts_with("SELECT ") || text.starts_with("WITH ")
}

#[test]
fn what_the_grammar_accepts_is_planned() {
    let rules = rules();
    assert!(rules.len() > 20, "only {} rules were read", rules.len());
    for rule in &rules {
        assert!(!rule.planned.is_empty(), "{}: no example that is planned", rule.name);
        for sql in rule.planned.iter().chain(&rule.instead) {
            if let Err(e) = plan(sql) {
                panic!("{}: {sql}: {e}", rule.name);
            }
        }
    }
}

#[test]
fn what_the_grammar_refuses_is_refused_with_its_reason() {
    for rule in rules() {
        assert!(!rule.refused.is_empty(), "{}: no example that is refused", rule.name);
        for sql in &rule.refused {
            let error = plan(sql).err().unwrap_or_else(|| panic!("{}: {sql} was planned", rule.name));
            assert_eq!(error.kind(), Kind::Usage, "{}: {sql}", rule.name);
            let said = error.to_string();
            assert!(said.contains(&rule.reason), "{}: {sql}: {said}\nnot: {}", rule.name, rule.reason);
        }
    }
}
