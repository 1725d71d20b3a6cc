//! What every backend must do alike, as tests: local files and an object store.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::memory::InMemory;

use super::client::{StoreOptions, Stores};
use super::folder::{Created, Entry, Folder, Lock};
use crate::error::Kind;
use crate::spec::{Location, Scheme};

const PART_BYTES: usize = 1000;

/// A durable local folder, a scratch one, an object store.
fn folders() -> (tempfile::TempDir, [Folder; 3]) {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { part_bytes: PART_BYTES, pause: Duration::ZERO, ..StoreOptions::default() };
    let stores = Stores::new(options).unwrap().with_store(Scheme::S3, "b", Arc::new(InMemory::new()));
    let local = Location::local(&dir.path().join("local"));
    let scratch = Location::local(&dir.path().join("scratch"));
    let remote = Location::parse("s3://b/some/folder/", dir.path()).unwrap();
    let folders = [stores.folder(&local), stores.scratch(&scratch), stores.folder(&remote)];
    (dir, folders.map(Result::unwrap))
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn write(folder: &Folder, rel: &str, content: &[u8]) -> super::writer::Written {
    let mut writer = folder.writer(rel).unwrap();
    for piece in content.chunks(333) {
        writer.write_all(piece).unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn a_create_happens_once() {
    for folder in folders().1 {
        assert_eq!(folder.get("a/b/c.json").unwrap(), None);
        assert_eq!(folder.create("a/b/c.json", bytes("one")).unwrap(), Created::New);
        assert_eq!(folder.create("a/b/c.json", bytes("two")).unwrap(), Created::Exists);
        assert_eq!(folder.get("a/b/c.json").unwrap(), Some(bytes("one")));
        assert_eq!(folder.size("a/b/c.json").unwrap(), Some(3));
        assert_eq!(folder.list("").unwrap(), [Entry { name: "a/b/c.json".to_owned(), bytes: 3 }]);
        folder.delete("a/b/c.json").unwrap();
        folder.delete("a/b/c.json").unwrap();
        assert!(!folder.exists("a/b/c.json").unwrap());
    }
}

#[test]
fn of_many_creates_at_once_one_wins() {
    let (_dir, folders) = folders();
    for folder in &folders {
        for round in 0..20 {
            let name = format!("r{round}");
            let won: Vec<String> = std::thread::scope(|scope| {
                let tries: Vec<_> = (0..8)
                    .map(|n| {
                        let name = &name;
                        scope.spawn(move || {
                            (n.to_string(), folder.create(name, bytes(&n.to_string())).unwrap())
                        })
                    })
                    .collect();
                let all = tries.into_iter().map(|t| t.join().unwrap());
                all.filter(|(_, created)| *created == Created::New).map(|(n, _)| n).collect()
            });
            assert_eq!(won.len(), 1);
            assert_eq!(folder.get(&name).unwrap(), Some(bytes(&won[0])));
        }
    }
}

#[test]
fn files_of_any_size_come_back_with_their_checksum() {
    for folder in folders().1 {
        for size in [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 5 * PART_BYTES, 300_000] {
            let content: Vec<u8> = (0..size).map(|n| u8::try_from(n % 251).unwrap()).collect();
            let name = format!("f{size}");
            let written = write(&folder, &name, &content);
            assert_eq!(written.bytes, size as u64);
            assert_eq!(written.blake3, blake3::hash(&content).to_hex().to_string());
            assert_eq!(folder.get(&name).unwrap().unwrap(), content);
            let mut read = Vec::new();
            folder.reader(&name).unwrap().read_to_end(&mut read).unwrap();
            assert_eq!(read, content);
            let middle = size / 3..size / 2;
            let range = folder.read_range(&name, middle.start as u64..middle.end as u64).unwrap();
            assert_eq!(range, content[middle]);
            let end = size as u64 + 1;
            let beyond = folder.read_range(&name, 0..end).unwrap_err();
            assert_eq!(beyond.kind(), Kind::Stop, "{beyond}");
        }
    }
}

#[test]
fn an_unfinished_file_is_not_there() {
    for folder in folders().1 {
        let mut writer = folder.writer("x/y").unwrap();
        writer.write_all(&vec![7; 3 * PART_BYTES + 200_000]).unwrap();
        drop(writer);
        assert!(!folder.exists("x/y").unwrap());
        assert!(folder.list("").unwrap().is_empty());
    }
}

#[test]
fn placing_keeps_both_and_can_be_repeated() {
    for folder in folders().1 {
        write(&folder, "_dp/a", b"new");
        for _ in 0..2 {
            assert_eq!(folder.link_or_copy("_dp/a", "part", 3, false).unwrap(), Created::New);
        }
        write(&folder, "other", b"longer");
        assert_eq!(folder.link_or_copy("_dp/a", "other", 3, false).unwrap(), Created::Exists);
        assert_eq!(folder.get("other").unwrap(), Some(bytes("longer")));
        assert_eq!(folder.link_or_copy("_dp/a", "other", 3, true).unwrap(), Created::New);
        for name in ["_dp/a", "part", "other"] {
            assert_eq!(folder.get(name).unwrap(), Some(bytes("new")));
        }
        assert_eq!(folder.link_or_copy("_dp/a", "x", 4, true).unwrap_err().kind(), Kind::Stop);
        assert_eq!(folder.link_or_copy("_dp/b", "x", 3, true).unwrap_err().kind(), Kind::Stop);
        assert!(!folder.exists("x").unwrap());
    }
}

#[test]
fn listings_are_sorted_and_one_level_or_all() {
    for folder in folders().1 {
        assert!(folder.list("none").unwrap().is_empty() && folder.children().unwrap().is_empty());
        for name in ["b", "a/2", "a/1", "a/x/3", "c#1"] {
            folder.create(name, bytes(name)).unwrap();
        }
        let names = |entries: Vec<Entry>| entries.into_iter().map(|e| e.name).collect::<Vec<_>>();
        assert_eq!(names(folder.list("").unwrap()), ["a/1", "a/2", "a/x/3", "b", "c#1"]);
        assert_eq!(names(folder.list("a").unwrap()), ["1", "2", "x/3"]);
        assert_eq!(names(folder.children().unwrap()), ["a/", "b", "c#1"]);
        assert_eq!(names(folder.sub("a").children().unwrap()), ["1", "2", "x/"]);
        folder.remove_folder("a").unwrap();
        assert_eq!(names(folder.list("").unwrap()), ["b", "c#1"]);
        assert!(folder.remove_folder("").is_err() && folder.remove_folder("/").is_err());
    }
}

#[test]
fn a_local_lock_is_held_by_one() {
    let (dir, [folder, ..]) = folders();
    let held = folder.lock("l/lock").unwrap();
    assert!(matches!(held, Lock::Held(_)));
    assert!(matches!(folder.lock("l/lock").unwrap(), Lock::Busy));
    std::fs::remove_file(dir.path().join("local/l/lock")).unwrap();
    drop(held);
    assert!(matches!(folder.lock("l/lock").unwrap(), Lock::Held(_)));
}

#[test]
fn a_file_in_the_way_of_a_folder_is_named() {
    let (_dir, [folder, ..]) = folders();
    folder.create("a", bytes("x")).unwrap();
    for error in [
        folder.create("a/b", bytes("y")).unwrap_err(),
        folder.writer("a/b/c").unwrap_err(),
        folder.get("a/b").unwrap_err(),
    ] {
        assert_eq!(error.kind(), Kind::Stop, "{error}");
        assert!(error.to_string().contains("is a file, not a folder"), "{error}");
        assert!(error.to_string().contains("/local/a/b"), "{error}");
    }
}

#[test]
fn a_full_disk_says_what_to_do() {
    let full =
        Stores::new(StoreOptions::default()).unwrap().folder(&Location::local("/dev".as_ref())).unwrap();
    let io = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap().write_all(b"x").unwrap_err();
    let error = super::folder::classify(io, "cannot write");
    assert_eq!(error.kind(), Kind::Stop);
    assert!(error.to_string().contains("free space"), "{error}");
    assert!(full.exists("null").is_ok_and(|there| !there), "a device is no file of ours");
}
