//! A JSON value as YAML in block style. Pure. Strings are quoted as in JSON, which YAML reads alike,
//! unless they are plain words.

use serde_json::Value;

/// The document, ended by a line end.
pub(super) fn document(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text.trim_start_matches('\n').to_owned()
}

/// Writes what follows `key:` or `-`: a scalar on the same line, or a block on the next ones.
fn block(value: &Value, depth: usize, to: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            to.push('\n');
            for (key, value) in map {
                indent(depth, to);
                to.push_str(&scalar(&Value::String(key.clone())));
                to.push(':');
                nested(value, depth, to);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            to.push('\n');
            for item in items {
                indent(depth, to);
                to.push('-');
                nested(item, depth, to);
            }
        }
        _ => {
            to.push_str(&scalar(value));
            to.push('\n');
        }
    }
}

fn nested(value: &Value, depth: usize, to: &mut String) {
    let block_follows = match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if !block_follows {
        to.push(' ');
    }
    block(value, depth + 1, to);
}

fn indent(depth: usize, to: &mut String) {
    to.extend(std::iter::repeat_n("  ", depth));
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

/// As JSON, with those characters escaped that JSON leaves bare and YAML forbids or takes for a line end.
fn quoted(text: &str) -> String {
    let escaped = |c: char| match c {
        '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
            format!("\\u{:04x}", u32::from(c))
        }
        _ => c.to_string(),
    };
    Value::String(text.to_owned()).to_string().chars().map(escaped).collect()
}

/// Words that no reader takes for anything but text: letters first, then letters, digits and a few signs.
fn is_plain(text: &str) -> bool {
    const OTHER_MEANING: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'))
        && !OTHER_MEANING.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn blocks_nest() {
        let value = json!({
            "run": "r-12", "rows": 3, "share": 0.5, "gone": null, "ok": true,
            "empty": [], "none": {}, "list": [1, "a b", {"x": 1, "y": [2]}, [3]],
        });
        let want = "\
run: r-12
rows: 3
share: 0.5
gone: null
ok: true
empty: []
none: {}
list:
  - 1
  - \"a b\"
  -
    x: 1
    \"y\":
      - 2
  -
    - 3
";
        assert_eq!(document(&value), want);
        assert_eq!(document(&json!([])), "[]\n");
        assert_eq!(document(&json!("x")), "x\n");
    }

    #[test]
    fn what_could_be_read_as_something_else_is_quoted() {
        for (text, want) in [
            ("", "\"\""),
            ("No", "\"No\""),
            ("12", "\"12\""),
            ("1e3", "\"1e3\""),
            ("2013-01-01", "\"2013-01-01\""),
            ("a: b", "\"a: b\""),
            ("- x", "\"- x\""),
            ("/w/r", "\"/w/r\""),
            ("a\n\"b\"", "\"a\\n\\\"b\\\"\""),
            ("\u{85}\u{2028}", "\"\\u0085\\u2028\""),
            ("ä", "\"ä\""),
        ] {
            assert_eq!(scalar(&json!(text)), want);
        }
    }
}
