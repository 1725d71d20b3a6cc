//! The statements of the test, as text with headers; the head of `statements.sql` explains them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::Outcome;
use crate::data::{Dataset, dataset};

/// One statement and what it runs over.
#[derive(Debug, Default)]
pub struct Statement {
    /// Its name.
    pub name: String,
    headers: BTreeMap<String, String>,
    /// What dp is asked.
    pub sql: String,
    /// What DuckDB is asked, where that differs.
    duckdb: Option<String>,
}

/// All statements of a text.
pub fn parse(text: &str) -> Outcome<Vec<Statement>> {
    let mut all = Vec::new();
    for block in text.split("\n-- name:").skip(1) {
        let (name, rest) = block.split_once('\n').ok_or("a statement has no text")?;
        all.push(parse_one(name.trim(), rest)?);
    }
    Ok(all)
}

/// One statement: header lines, SQL, perhaps `-- duckdb` and more SQL.
pub fn parse_one(name: &str, text: &str) -> Outcome<Statement> {
    let mut statement = Statement { name: name.to_owned(), ..Statement::default() };
    let mut lines = text.lines().peekable();
    while let Some(header) = lines.peek().and_then(|l| l.strip_prefix("-- ")) {
        let (key, value) = header.split_once(':').ok_or_else(|| format!("{name}: no header: {header}"))?;
        if !["input", "inputs", "tables", "flags", "rows", "between"].contains(&key) {
            return Err(format!("{name}: unknown header {key}").into());
        }
        statement.headers.insert(key.to_owned(), value.trim().to_owned());
        lines.next();
    }
    let body = lines.collect::<Vec<_>>().join("\n");
    let (sql, duckdb) = match body.split_once("-- duckdb\n") {
        Some((sql, duckdb)) => (sql, Some(duckdb.trim().to_owned())),
        None => (body.as_str(), None),
    };
    sql.trim().clone_into(&mut statement.sql);
    statement.duckdb = duckdb;
    Ok(statement)
}

impl Statement {
    fn list(&self, header: &str) -> Vec<&str> {
        let text = self.headers.get(header).map_or("", String::as_str);
        text.split(',').map(str::trim).filter(|s| !s.is_empty()).collect()
    }

    /// The datasets of a header, with their names in SQL.
    fn datasets(&self, header: &str) -> Outcome<Vec<(String, Dataset)>> {
        let named = |text: &str| -> Outcome<(String, Dataset)> {
            let (name, source) = text.split_once('=').unwrap_or((text, text));
            let name = if header == "input" { "input" } else { name };
            Ok((name.to_owned(), dataset(source)?))
        };
        self.list(header).into_iter().map(named).collect()
    }

    /// The spec of a run into `output`.
    pub fn spec(&self, output: &str, shards: u32) -> Outcome<Value> {
        let mut spec = Map::new();
        for (name, dataset) in self.datasets("input")? {
            spec.insert(name, dataset.spec);
        }
        for header in ["inputs", "tables"] {
            let sets = self.datasets(header)?;
            if !sets.is_empty() {
                let sets =
                    sets.into_iter().map(|(name, dataset)| (name, dataset.spec)).collect::<Map<_, _>>();
                spec.insert(header.to_owned(), Value::Object(sets));
            }
        }
        spec.insert("sql".to_owned(), json!(self.sql));
        spec.insert("output".to_owned(), json!({ "url": output, "format": "parquet" }));
        spec.insert("shards".to_owned(), json!({ "count": shards }));
        let name = self.name.replace('_', "-");
        Ok(json!({
            "apiVersion": "dp.dev/v1alpha1",
            "kind": "DataJob",
            "metadata": { "name": name },
            "spec": spec,
        }))
    }

    /// What `compare.py` has to know: see there. `outputs`: label -> files in order.
    pub fn case(&self, outputs: &Value) -> Outcome<Value> {
        let mut views = Vec::new();
        for header in ["input", "inputs", "tables"] {
            for (name, dataset) in self.datasets(header)? {
                views.push(json!([name, format!("SELECT * FROM {}", dataset.duckdb)]));
            }
        }
        let rows = self.headers.get("rows").map(|n| n.parse::<u64>()).transpose()?;
        Ok(json!({
            "name": self.name,
            "views": views,
            "sql": self.duckdb.as_ref().unwrap_or(&self.sql),
            "ordered": self.list("flags").contains(&"ordered"),
            "between": self.list("between"),
            "rows": rows,
            "outputs": outputs,
        }))
    }
}
