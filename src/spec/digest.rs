//! What of a job decides its output bytes, in one canonical form.

use serde_json::{Map, Value};

use super::valid::Job;

impl Job {
    /// The job as canonical JSON (keys sorted) without what does not decide the output bytes:
    /// `resources`, `work`, `errors.attempts`, `output.ifExists`. `output.url` stays: a run is named
    /// by its digest, and two outputs are two runs.
    #[must_use]
    pub fn digest_form(&self) -> Value {
        // Text keys, finite numbers: nothing of a job has no JSON form.
        let mut value = serde_json::to_value(self).unwrap_or_default();
        for (block, key) in [("", "resources"), ("", "work"), ("errors", "attempts"), ("output", "ifExists")]
        {
            let block = if block.is_empty() { Some(&mut value) } else { value.get_mut(block) };
            if let Some(map) = block.and_then(Value::as_object_mut) {
                map.remove(key);
            }
        }
        sorted(value)
    }
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(String, Value)> = map.into_iter().map(|(k, v)| (k, sorted(v))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(Map::from_iter(entries))
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::given::Given;
    use super::super::parse::parse;

    fn digest_form(change: (&str, &str)) -> String {
        let text = include_str!("../../tests/golden/spec-good/full.yaml");
        assert!(text.contains(change.0), "{}", change.0);
        let text = text.replace(change.0, change.1);
        parse(&text, "f", Path::new("/specs"), &Given::default()).unwrap().digest_form().to_string()
    }

    #[test]
    fn only_what_decides_the_bytes_is_in_the_digest() {
        let whole = digest_form(("", ""));
        for (from, to) in [
            ("memory: 4Gi", "memory: 5Gi"),
            ("cpu: 1500m", "cpu: 8"),
            ("s3://runs/dp/", "s3://elsewhere/"),
            ("attempts: 5", "attempts: 6"),
            ("ifExists: replace", "ifExists: fail"),
            ("team: data", "team: other"),
            ("carrier: string", "carrier: varchar"),
        ] {
            assert_eq!(digest_form((from, to)), whole, "{from}");
        }
        for (from, to) in [
            ("name: full", "name: other"),
            ("az://lake/out/", "az://lake/elsewhere/"),
            ("compression: gzip", "compression: zstd"),
            ("what: 1", "what: 2"),
            ("1.5Mi", "1Mi"),
            ("maxBadRecords: 10", "maxBadRecords: 11"),
            ("hive: off", "hive: auto"),
            ("targetFileSize: 1GB", "targetFileSize: 2GB"),
        ] {
            assert_ne!(digest_form((from, to)), whole, "{from}");
        }
    }

    #[test]
    fn keys_are_sorted() {
        let whole = digest_form(("", ""));
        let first = ["errors", "inputs", "name", "output", "params", "shards", "sql", "tables"];
        let places: Vec<_> = first.iter().map(|k| whole.rfind(&format!("\"{k}\":"))).collect();
        assert!(places.iter().all(Option::is_some), "{whole}");
        assert!(whole.starts_with("{\"errors\":{\"badRecords\":\"skip\",\"maxBadRecords\":10}"), "{whole}");
    }
}
