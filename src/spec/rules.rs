//! Rules for the texts of a job spec: names, places, types, characters.

use super::schedule;
use super::shape::Rule;
use super::types;

/// Words that SQL would not take as a table's name without quotes.
const RESERVED: &[&str] = &[
    "all",
    "and",
    "any",
    "as",
    "between",
    "by",
    "case",
    "cast",
    "cross",
    "distinct",
    "else",
    "end",
    "except",
    "exists",
    "false",
    "from",
    "full",
    "group",
    "having",
    "in",
    "inner",
    "intersect",
    "interval",
    "into",
    "is",
    "join",
    "lateral",
    "left",
    "like",
    "limit",
    "natural",
    "not",
    "null",
    "offset",
    "on",
    "or",
    "order",
    "outer",
    "right",
    "select",
    "set",
    "table",
    "then",
    "true",
    "union",
    "unnest",
    "using",
    "values",
    "when",
    "where",
    "with",
];

pub(super) static ANY_TEXT: Rule = Rule { what: "text", pattern: "", not: "", check: |_| Ok(()) };

pub(super) static NOT_EMPTY: Rule = Rule { what: "text", pattern: r"\S", not: "", check: not_empty };

pub(super) static JOB_NAME: Rule = Rule {
    what: "a name of lower-case letters, digits and `-`",
    pattern: "^[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?$",
    not: "",
    check: job_name,
};

pub(super) static TABLE_NAME: Rule =
    Rule { what: "a name", pattern: "^[A-Za-z_][A-Za-z0-9_]{0,62}$", not: "", check: table_name };

pub(super) static PARAM_NAME: Rule =
    Rule { what: "a name", pattern: "^[A-Za-z_][A-Za-z0-9_-]{0,62}$", not: "", check: param_name };

pub(super) static SQL: Rule = Rule { what: "a SQL statement", pattern: r"\S", not: "", check: sql };

pub(super) static PLACE: Rule = Rule { what: "a path or URL", pattern: r"\S", not: "", check: place };

pub(super) static PLACE_WITHOUT_PARAMS: Rule = Rule {
    what: "a path or URL without parameters",
    pattern: r"\S",
    not: r"\{\{",
    check: |text| no_params(text).and_then(|()| place(text)),
};

pub(super) static COLUMN_TYPE: Rule = Rule {
    what: "a column type",
    pattern: concat!(
        "^(bool|boolean|int8|tinyint|int16|smallint|int32|int|integer|int64|bigint|long|uint8|uint16|uint32|uint64",
        "|float32|float|real|float64|double|string|text|varchar|utf8|binary|bytes|date|timestamp|timestamptz",
        r"|decimal\( *[0-9]+ *(, *[0-9]+ *)?\))$"
    ),
    not: "",
    check: |text| types::read(text).map(|_| ()).map_err(str::to_owned),
};

pub(super) static DELIMITER: Rule = Rule {
    what: "one ASCII character",
    pattern: r"^[\x00-\x09\x0b\x0c\x0e-\x7f]$",
    not: "",
    check: |text| one_character(text, "for a tab write \"\\t\" in double quotes"),
};

pub(super) static CSV_CHARACTER: Rule = Rule {
    what: "one ASCII character, or \"\" for none",
    pattern: r"^[\x00-\x09\x0b\x0c\x0e-\x7f]?$",
    not: "",
    check: |text| if text.is_empty() { Ok(()) } else { one_character(text, "\"\" means none") },
};

pub(super) static CRON: Rule = Rule {
    what: "a cron expression",
    pattern: r"^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[0-9A-Za-z*/,?-]+( +[0-9A-Za-z*/,?-]+){4})$",
    not: "",
    check: |text| schedule::parse_cron(text).map(drop),
};

pub(super) static TIME_ZONE: Rule = Rule {
    what: "a time zone such as Europe/Oslo",
    pattern: "^[A-Za-z0-9_+/-]+$",
    not: "",
    check: |text| schedule::parse_time_zone(text).map(drop),
};

pub(super) static INSTANT: Rule = Rule {
    what: "an instant such as 2026-01-31T00:00:00Z",
    pattern: r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$",
    not: "",
    check: |text| schedule::parse_instant(text).map(drop),
};

fn not_empty(text: &str) -> Result<(), String> {
    if text.trim().is_empty() { Err("is empty".to_owned()) } else { Ok(()) }
}

fn printable(text: &str) -> Result<(), String> {
    match text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        Some(c) => Err(format!("holds the control character {}", c.escape_default())),
        None => Ok(()),
    }
}

fn sql(text: &str) -> Result<(), String> {
    not_empty(text)?;
    printable(text)
}

fn place(text: &str) -> Result<(), String> {
    not_empty(text)?;
    if text.contains(['\n', '\r', '\t']) {
        return Err("holds a line break or tab; write one path or URL".to_owned());
    }
    printable(text)
}

fn no_params(text: &str) -> Result<(), String> {
    if text.contains("{{") {
        return Err(
            "may not hold parameters: runs are looked up under it before any value is known".to_owned()
        );
    }
    Ok(())
}

fn job_name(text: &str) -> Result<(), String> {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = [text.bytes().next(), text.bytes().next_back()];
    if text.len() > 52 {
        return Err(format!("has {} characters; names of jobs have at most 52", text.chars().count()));
    }
    if text.bytes().all(|b| good(b) || b == b'-') && ends.iter().all(|b| b.is_some_and(good)) {
        return Ok(());
    }
    Err("must consist of lower-case letters, digits and `-`, with a letter or digit at both ends".to_owned())
}

fn table_name(text: &str) -> Result<(), String> {
    identifier(text, false)?;
    if RESERVED.contains(&text.to_ascii_lowercase().as_str()) {
        return Err("is a word of SQL and cannot name a table".to_owned());
    }
    Ok(())
}

fn param_name(text: &str) -> Result<(), String> {
    identifier(text, true)
}

fn identifier(text: &str, dashes: bool) -> Result<(), String> {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    let rest = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || (dashes && b == b'-'));
    if first && rest && text.len() <= 63 {
        return Ok(());
    }
    let dash = if dashes { ", `_` and `-`" } else { " and `_`" };
    Err(format!("is no name: use up to 63 ASCII letters, digits{dash}, not beginning with a digit"))
}

fn one_character(text: &str, or: &str) -> Result<(), String> {
    match text.as_bytes() {
        [b'\n' | b'\r'] => Err("cannot be a line break".to_owned()),
        [byte] if byte.is_ascii() => Ok(()),
        _ => Err(format!("must be one ASCII character ({or})")),
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    /// The pattern and the check of a rule agree, apart from what a pattern cannot say.
    #[test]
    fn patterns_say_what_the_checks_do() {
        let texts = [
            "",
            " ",
            "a",
            "a-b",
            "-a",
            "a-",
            "A",
            "a_b",
            "9a",
            "_x",
            "é",
            "a.b",
            "ab",
            "a b",
            "select",
            "{{ x }}",
            "s3://b/{{ x }}",
            "int64",
            "decimal(15,2)",
            "decimal( 3 )",
            "in64",
            "\t",
            "\n",
            ";",
            "\"",
            "\u{1}",
        ]
        .map(str::to_owned);
        let long = ["a".repeat(52), "a".repeat(53), "a".repeat(63), "a".repeat(64)];
        for rule in
            [&JOB_NAME, &TABLE_NAME, &PARAM_NAME, &SQL, &PLACE, &COLUMN_TYPE, &DELIMITER, &CSV_CHARACTER]
        {
            let pattern = Regex::new(rule.pattern).unwrap();
            for text in texts.iter().chain(&long) {
                let unsaid = text == "select" || text == "\u{1}";
                let agrees = pattern.is_match(text) == (rule.check)(text).is_ok();
                assert!(agrees || unsaid, "{} and {text:?}", rule.pattern);
            }
        }
    }

    #[test]
    fn names_of_tables_are_identifiers_and_no_words_of_sql() {
        for (name, good) in [("a", true), ("_a9", true), ("Order", false), ("9a", false), ("a-b", false)] {
            assert_eq!((TABLE_NAME.check)(name).is_ok(), good, "{name}");
        }
    }

    #[test]
    fn places_hold_no_control_characters() {
        for (text, good) in
            [("s3://b/k", true), ("a b", true), ("a\0b", false), ("a\nb", false), ("  ", false)]
        {
            assert_eq!((PLACE.check)(text).is_ok(), good, "{text:?}");
        }
        assert!((PLACE_WITHOUT_PARAMS.check)("s3://b/{{ date }}").is_err());
    }
}
