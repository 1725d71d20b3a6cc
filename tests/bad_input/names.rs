//! Names and folders: what is found, what is refused.

use std::os::unix::fs::symlink;

use crate::dp::Folder;
use crate::parquet_files::{integers, texts};

#[test]
fn names_with_odd_characters_are_read() {
    for name in
        ["with space.csv", "x#1.csv", "ünïcode.csv", "100%.csv", "a%20b.csv", "a=b.csv", "[x].csv", "a,b.csv"]
    {
        let folder = Folder::new();
        folder.file(&format!("in/{name}"), "a\n7\n");
        assert_eq!(folder.sql(&format!("SELECT a FROM 'in/{name}'")).cells(), ["7"], "{name}");
        assert_eq!(folder.sql("SELECT a FROM 'in/'").cells(), ["7"], "{name} in its folder");
        if !name.contains('[') {
            assert_eq!(folder.sql("SELECT a FROM 'in/*.csv'").cells(), ["7"], "{name} by a glob");
        }
    }
    let folder = Folder::new();
    folder.file("in/k=a%2Fb c/é=1/t.csv", "a\n7\n");
    assert_eq!(folder.sql("SELECT k, \"é\", a FROM 'in/'").cells(), ["a/b c", "1", "7"]);
}

#[test]
fn a_folder_that_links_to_itself_is_read_once() {
    let folder = Folder::new();
    folder.file("loop/a.csv", "a\n1\n");
    symlink(".", folder.path().join("loop/self")).expect("a link");
    symlink("../loop", folder.path().join("loop/other")).expect("a link");
    for url in ["loop/", "loop/**/*.csv"] {
        assert_eq!(folder.sql(&format!("SELECT count(*) FROM '{url}'")).cells(), ["1"], "{url}");
    }
}

#[test]
fn folders_that_do_not_fit_are_refused_by_name() {
    let folder = Folder::new();
    folder.file("mixed/a.csv", "a\n1\n");
    folder.file("mixed/b.jsonl", "{\"a\":1}\n");
    folder.file("unknown/a.xlsx", "PK");
    folder.file("keys/x=1/a.csv", "a\n1\n");
    folder.file("keys/y=1/a.csv", "a\n1\n");
    folder.file("headers/a.csv", "a,b\n1,2\n");
    folder.file("headers/b.csv", "a,c\n1,2\n");
    for folder in [folder.path().join("types"), folder.path().join("none")] {
        std::fs::create_dir(folder).expect("a folder");
    }
    integers(&folder.path().join("types/a.parquet"), 1);
    texts(&folder.path().join("types/b.parquet"));
    symlink("nowhere", folder.path().join("gone.csv")).expect("a link");
    for (name, url, code) in [
        ("mixed-formats", "mixed/", 2),
        ("unknown-format", "unknown/", 2),
        ("different-keys", "keys/", 2),
        ("different-types", "types/", 2),
        ("empty-folder", "none/", 11),
        ("no-match", "mixed/*.parquet", 11),
        ("bad-pattern", "mixed/[a.csv", 2),
        ("missing-file", "mixed/c.csv", 11),
        ("dangling-link", "gone.csv", 11),
        ("below-a-file", "mixed/a.csv/b.csv", 11),
        ("odd-scheme", "ftp://host/a.csv", 2),
    ] {
        folder.sql(&format!("SELECT * FROM '{url}'")).fails(&format!("names/{name}"), code);
    }
    let cells = folder.sql("SELECT sum(a), sum(b), sum(c) FROM 'headers/'").cells();
    assert_eq!(cells, ["2", "2", "2"]);
}
