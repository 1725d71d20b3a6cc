//! CSV and JSONL as people have them.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use crate::dp::Folder;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

fn rows(n: usize) -> String {
    (0..n).fold("a,b\n".to_owned(), |text, i| text + &format!("{i},x{i}\n"))
}

fn garbage(n: u32) -> Vec<u8> {
    (0..n).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

#[test]
fn broken_files_are_named_with_the_place() {
    let packed = gzip(rows(5000).as_bytes());
    let mut frame = b"\x28\xb5\x2f\xfd".to_vec();
    frame.extend(garbage(100));
    let late = "{\"a\":1}\n".repeat(2000);
    let cases: [(&str, &str, Vec<u8>, i32); 21] = [
        ("empty-csv", "t.csv", vec![], 11),
        ("empty-jsonl", "t.jsonl", vec![], 11),
        ("few-fields", "t.csv", b"a,b,c\n1,2,3\n4,5\n".into(), 10),
        ("many-fields", "t.csv", b"a,b,c\n1,2,3\n4,5,6,7\n".into(), 10),
        ("utf8-csv", "t.csv", b"a,b\n1,x\n2,\xff\xfe\n".into(), 10),
        ("utf8-header", "t.csv", b"a,\xff\n1,2\n".into(), 10),
        ("utf8-jsonl", "t.jsonl", b"{\"a\":1,\"b\":\"ok\"}\n{\"a\":1,\"b\":\"\xff\"}\n".into(), 10),
        ("nul-csv", "t.csv", b"a,b\n1,x\0y\n2,z\n".into(), 10),
        ("nul-jsonl", "t.jsonl", b"{\"a\":1}\n\0\0\n".into(), 10),
        ("open-quote", "t.csv", b"a,b\n1,x\n2,\"yy\n3,z\n".into(), 10),
        ("lone-quote", "t.csv", b"a,b\n1,x\"y\n2,\"q\"z\n".into(), 10),
        ("same-columns", "t.csv", b"a,a\n1,2\n".into(), 10),
        ("number-too-large", "t.csv", (rows(1500) + "99999999999999999999,1\n").into(), 10),
        ("not-json", "t.jsonl", (late.clone() + "{\"a\":\n").into(), 10),
        ("json-clash", "t.jsonl", (late.clone() + "{\"a\":[1]}\n").into(), 10),
        (
            "deep-json",
            "t.jsonl",
            format!("{}{{\"a\":1,\"b\":{}{}}}\n", late, "[".repeat(10_000), "]".repeat(10_000)).into(),
            10,
        ),
        (
            "only-deep-json",
            "t.jsonl",
            format!("{}1{}\n", "{\"b\":".repeat(10_000), "}".repeat(10_000)).into(),
            11,
        ),
        ("cut-gzip", "t.csv.gz", packed[..packed.len() / 2].into(), 10),
        ("no-gzip", "t.csv.gz", rows(10).into(), 10),
        ("garbage-zstd", "t.csv.zst", frame, 10),
        ("cut-gzip-jsonl", "t.jsonl.gz", gzip(late.as_bytes())[..30].into(), 10),
    ];
    for (name, file, content, code) in cases {
        let folder = Folder::new();
        folder.file(file, content);
        folder.sql(&format!("SELECT * FROM '{file}'")).fails(name, code);
        folder.job(&format!("{{ url: {file} }}"), "SELECT count(*) AS n FROM input", "");
        if !["empty-csv", "empty-jsonl", "only-deep-json"].contains(&name) {
            // Values of columns that are not asked for are not looked at.
            let unread = ["number-too-large", "json-clash"].contains(&name);
            assert_eq!(folder.run().code(), if unread { 0 } else { code }, "{name}: count(*)");
            assert!(unread || folder.published().is_empty(), "{name}");
        }
        if code == 10 && !["number-too-large", "json-clash"].contains(&name) {
            folder.nothing_published();
        }
    }
}

#[test]
fn a_line_of_70_mib_is_refused() {
    let long = "x".repeat(70 << 20);
    for (name, file, text) in [
        ("long-csv", "t.csv", format!("a,b\n1,{long}\n2,y\n")),
        ("long-jsonl", "t.jsonl", format!("{{\"a\":1,\"b\":\"{long}\"}}\n{{\"a\":2}}\n")),
    ] {
        let folder = Folder::new();
        folder.file(file, text);
        folder.sql(&format!("SELECT count(*) FROM '{file}'")).fails(name, 10);
    }
}

#[test]
fn odd_files_that_work() {
    let wide: Vec<String> = (0..10_000).map(|i| format!("c{i}")).collect();
    let ones = vec!["1"; 10_000].join(",");
    let cases: [(&str, Vec<u8>, &str, &[&str]); 9] = [
        ("t.csv", b"a,b\n".into(), "SELECT count(*), count(a) FROM T", &["0", "0"]),
        ("t.csv", b"\xef\xbb\xbfa,b\r\n1,x\r\n2,y\r\n".into(), "SELECT sum(a), max(b) FROM T", &["3", "y"]),
        ("t.csv", b"a,b\n1,x\"y\n".into(), "SELECT a, b FROM T", &["1", "x\"y"]),
        ("t.tsv", b"a\tb\n1\tx,y\n".into(), "SELECT a, b FROM T", &["1", "x,y"]),
        ("t.csv", b"a,b\n1,\"x\ny\"".into(), "SELECT a, char_length(b) FROM T", &["1", "3"]),
        ("t.csv", format!("{}\n{ones}\n", wide.join(",")).into(), "SELECT c0, c9999 FROM T", &["1", "1"]),
        ("t.csv", rows(9000).into(), "SELECT b FROM T LIMIT 1", &["x0"]),
        ("t.csv.gz", gzip(rows(9000).as_bytes()), "SELECT b FROM T LIMIT 1 OFFSET 8500", &["x8500"]),
        ("t.jsonl", b"{\"a\":1}\n\n{\"b\":2}\n".into(), "SELECT sum(a), sum(b) FROM T", &["1", "2"]),
    ];
    for (file, content, sql, cells) in cases {
        let folder = Folder::new();
        folder.file(file, content);
        assert_eq!(folder.sql(&sql.replace("FROM T", &format!("FROM '{file}'"))).cells(), cells, "{sql}");
    }
}

#[test]
fn limit_over_a_cut_text_is_right_with_quotes_and_without() {
    let folder = Folder::new();
    let quoted = (0..60_000).fold("a,b\n".to_owned(), |t, i| t + &format!("{i},\"x\n{i},\"\"\"\n"));
    for text in [rows(60_000), quoted] {
        folder.file("t.csv", text);
        for (limit, offset, n, least) in
            [(5, 59_990, "5", "59990"), (100_000, 0, "60000", "0"), (3, 70_000, "0", ""), (7, 1, "7", "1")]
        {
            let sql = format!(
                "SELECT count(*) AS n, min(a) AS a FROM (SELECT a, b FROM input LIMIT {limit} OFFSET {offset})"
            );
            folder.job("{ url: t.csv }", &sql, "  shards: { count: 9 }\n");
            let _ = std::fs::remove_dir_all(folder.path().join("out"));
            assert_eq!(folder.run().cells(), [n, if n == "0" { "NULL" } else { least }], "{limit} {offset}");
        }
    }
}

#[test]
fn bad_records_are_skipped_counted_and_limited() {
    let folder = Folder::new();
    let bad = (0..12).fold(rows(2000), |t, i| t + &format!("x{i},y,z\n"));
    folder.file("t.csv", bad + "9,9\n");
    let errors = |max: &str| format!("  errors: {{ badRecords: skip{max} }}\n");
    for (max, good) in [("", true), (", maxBadRecords: 12", true), (", maxBadRecords: 11", false)] {
        let _ = std::fs::remove_dir_all(folder.path().join("out"));
        folder.job("{ url: t.csv }", "SELECT count(*) AS n FROM input", &errors(max));
        let ended = folder.run();
        if good {
            assert_eq!(ended.cells(), ["2001"], "{max}");
            assert!(ended.stdout().contains("12 records left out"), "{}", ended.stdout());
        } else {
            ended.fails("too-many-bad-records", 10);
            folder.nothing_published();
            assert_eq!(folder.run().code(), 10, "started again it is still refused");
        }
    }
}

#[test]
fn ten_thousand_tiny_files_work() {
    let folder = Folder::new();
    for i in 0..10_000 {
        folder.file(&format!("tiny/{i}.csv"), format!("a\n{i}\n"));
    }
    assert_eq!(folder.sql("SELECT count(*), sum(a) FROM 'tiny/'").cells(), ["10000", "49995000"]);
}
