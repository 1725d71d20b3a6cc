//! Statements and flags that are wrong: exit 2, in one sentence.

use crate::dp::Folder;

#[test]
fn wrong_statements_say_what_is_wrong() {
    let folder = Folder::new();
    folder.file("t.csv", "a,b\n1,x\n2,y\n");
    let sums = |n: usize| vec!["a"; n].join("+");
    let cases = [
        ("empty", String::new(), 2),
        ("semicolon", ";".into(), 2),
        ("comment", "/* nothing */".into(), 2),
        ("two", "SELECT a FROM 't.csv'; SELECT 1".into(), 2),
        ("no-end", "SELECT a FROM 't.csv' WHERE".into(), 2),
        ("syntax", "SELEC a FROM 't.csv'".into(), 2),
        ("drop", "DROP TABLE t".into(), 2),
        ("insert", "INSERT INTO 't.csv' VALUES (1)".into(), 2),
        ("explain", "EXPLAIN SELECT 1".into(), 2),
        ("unknown-column", "SELECT bb FROM 't.csv'".into(), 2),
        ("column-case", "SELECT \"A\" FROM 't.csv'".into(), 2),
        ("unknown-table", "SELECT a FROM lake".into(), 2),
        ("unknown-path", "SELECT a FROM 'lake'".into(), 11),
        ("near-path", "SELECT a FROM 'tt.csv'".into(), 11),
        ("empty-path", "SELECT a FROM ''".into(), 2),
        ("unknown-function", "SELECT sun(a) FROM 't.csv'".into(), 2),
        ("wrong-argument", "SELECT sum(b) FROM 't.csv'".into(), 2),
        ("wrong-types", "SELECT a + b FROM 't.csv'".into(), 2),
        ("wrong-unit", "SELECT date_trunc('fortnight', to_timestamp(b)) FROM 't.csv'".into(), 2),
        ("divided-by-zero", "SELECT 1 / (2 - 2), a FROM 't.csv'".into(), 2),
        ("no-condition", "SELECT a FROM 't.csv' WHERE a".into(), 2),
        ("same-names", "SELECT a, a FROM 't.csv'".into(), 2),
        ("same-alias", "SELECT a, b AS a FROM 't.csv'".into(), 2),
        ("parentheses", format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000)), 2),
        ("sum-of-5000", format!("SELECT {} FROM 't.csv'", sums(5000)), 2),
        ("or-of-5000", format!("SELECT a FROM 't.csv' WHERE {}", vec!["a=1"; 5000].join(" OR ")), 2),
        ("union-of-3000", vec!["SELECT a FROM 't.csv'"; 3000].join(" UNION ALL "), 2),
    ];
    for (name, sql, code) in cases {
        folder.sql(&sql).fails(&format!("sql/{name}"), code);
    }
}

#[test]
fn odd_statements_that_work() {
    let folder = Folder::new();
    folder.file("t.csv", "a,b\n1,x\n2,y\n");
    folder.file("Größe.csv", "Straße,\"a b\"\n3,ü\n");
    let sums = vec!["a"; 300].join("+");
    let values = (0..15_000).map(|i| i.to_string()).collect::<Vec<_>>().join(",");
    for (sql, cells) in [
        ("/* c */ SELECT sum(a) FROM 't.csv' -- end".to_owned(), "3"),
        ("SELECT sum(a) FROM 't.csv';".into(), "3"),
        ("SELECT '日本' FROM 't.csv' LIMIT 1".into(), "日本"),
        ("SELECT \"Straße\" FROM 'Größe.csv'".into(), "3"),
        ("SELECT \"a b\" FROM 'Größe.csv'".into(), "ü"),
        ("SELECT count(*) FROM 't.csv' x JOIN 'Größe.csv' y ON x.a < y.\"Straße\"".into(), "2"),
        (format!("SELECT sum({sums}) FROM 't.csv'"), "900"),
        (format!("SELECT sum(a) FROM 't.csv' WHERE a IN ({values})"), "3"),
        (format!("SELECT count(*) FROM 't.csv' WHERE {}", vec!["a=1"; 300].join(" OR ")), "1"),
    ] {
        assert_eq!(folder.sql(&sql).cells(), [cells], "{sql:.80}");
    }
}

#[test]
fn wrong_flags_and_specs_say_what_is_wrong() {
    let folder = Folder::new();
    folder.file("t.csv", "a,b\n1,x\n");
    folder.job("{ url: t.csv }", "SELECT a FROM input", "");
    for (name, flags) in [
        ("memory-word", &["--memory", "lots"][..]),
        ("memory-zero", &["--memory", "0"]),
        ("threads-zero", &["--threads", "0"]),
        ("set-unknown", &["--set", "colour=red"]),
        ("set-shape", &["--set", "colour"]),
    ] {
        folder
            .dp(&[&["run", "job.yaml", "--progress", "none"], flags].concat())
            .fails(&format!("flag/{name}"), 2);
    }
    for (name, input, sql, rest) in [
        ("unknown-key", "{ url: t.csv, fromat: csv }", "SELECT a FROM input", ""),
        ("wrong-type", "{ url: t.csv }", "SELECT a FROM input", "  errors: { maxBadRecords: many }\n"),
        ("bad-sql", "{ url: t.csv }", "SELECT FROM WHERE", ""),
        ("unknown-column", "{ url: t.csv }", "SELECT aa FROM input", ""),
        ("unknown-table", "{ url: t.csv }", "SELECT a FROM inputs", ""),
        ("not-acted-on", "{ url: t.csv }", "SELECT a FROM input", "  errors: { badRecords: quarantine }\n"),
    ] {
        folder.job(input, sql, rest);
        folder.run().fails(&format!("spec/{name}"), 2);
        folder.nothing_published();
    }
    folder.dp(&["run", "jobs.yaml"]).fails("spec/missing", 2);
    folder.file("job.yaml", "x".repeat(2 << 20));
    folder.run().fails("spec/too-large", 2);
}
