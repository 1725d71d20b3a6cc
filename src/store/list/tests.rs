//! Folders made here, and what is listed of them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};

use super::*;
use crate::error::Kind;
use crate::store::client::StoreOptions;

fn dataset(urls: &[String]) -> Dataset {
    let parse = |u: &String| Location::parse(u, Path::new("/")).expect("a location");
    Dataset {
        name: "t".into(),
        urls: urls.iter().map(parse).collect(),
        format: None,
        compression: None,
        schema: None,
        hive: true,
        csv: Csv::default(),
        allow_empty: false,
    }
}

fn lake(files: &[&str]) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for file in files {
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("mkdir");
        fs::write(path, file).expect("write");
    }
    let root = dir.path().to_string_lossy().into_owned();
    (dir, root)
}

fn stores() -> Stores {
    Stores::new(StoreOptions::default()).expect("stores")
}

/// Paths below `root`, and their folder values.
fn names(listing: &Listing, root: &str) -> Vec<String> {
    let below =
        |f: &ListedFile| f.path.strip_prefix(root).unwrap_or(&f.path).trim_start_matches('/').to_owned();
    listing.files.iter().map(below).collect()
}

const FILES: [&str; 9] = [
    "y=2013/m=1/a.csv",
    "y=2013/m=2/a b#1.csv",
    "y=2014/m=__HIVE_DEFAULT_PARTITION__/ü%20%.csv",
    "y=2014/m=3/_hidden.csv",
    "y=2014/m=3/.b.csv.crc",
    "_dp/run/x.csv",
    ".git/x.csv",
    "_SUCCESS",
    "y=2014/m=3/c.csv",
];
const SEEN: [&str; 4] = [
    "y=2013/m=1/a.csv",
    "y=2013/m=2/a b#1.csv",
    "y=2014/m=3/c.csv",
    "y=2014/m=__HIVE_DEFAULT_PARTITION__/ü%20%.csv",
];

#[test]
fn folders_globs_and_files() {
    let (_dir, root) = lake(&FILES);
    let cases: [(&[&str], &[&str]); 10] = [
        (&[""], &SEEN),
        (&["/"], &SEEN),
        (&["/**/*.csv"], &SEEN),
        (&["/**"], &SEEN),
        (&["/y=2013/*/*.csv"], &SEEN[..2]),
        (&["/y=2013"], &SEEN[..2]),
        (&["/y=*/m={1,3}/[ac].csv"], &[SEEN[0], SEEN[2]]),
        (&["/y=2013/m=2/a b#1.csv", "/y=2013", "/**/a.csv"], &SEEN[..2]),
        (&["/y=2014/m=3/_hidden.csv"], &["y=2014/m=3/_hidden.csv"]),
        (&["/*/*/_*.csv"], &["y=2014/m=3/_hidden.csv"]),
    ];
    for (urls, expected) in cases {
        let urls: Vec<String> = urls.iter().map(|u| format!("{root}{u}")).collect();
        let listing = list(&stores(), &dataset(&urls)).expect("listed");
        assert_eq!(names(&listing, &root), expected, "{urls:?}");
        assert_eq!(listing.format, Format::Csv);
        assert!(listing.files.iter().all(|f| f.bytes > 0 && f.etag.is_some() && f.folder_values.len() == 2));
    }
    let mut plain = dataset(&[root]);
    plain.hive = false;
    assert!(list(&stores(), &plain).expect("listed").files.iter().all(|f| f.folder_values.is_empty()));
}

#[test]
fn a_name_with_wildcards_is_a_name_if_it_exists() {
    let (_dir, root) = lake(&["a[1].csv", "a1.csv"]);
    let listing = list(&stores(), &dataset(&[format!("{root}/a[1].csv")])).expect("listed");
    assert_eq!(names(&listing, &root), ["a[1].csv"]);
}

#[test]
fn links_are_followed_but_not_in_circles() {
    let (dir, root) = lake(&["d/a.csv", "other/b.csv"]);
    symlink(dir.path(), dir.path().join("d/up")).expect("link");
    symlink("../other/b.csv", dir.path().join("d/b.csv")).expect("link");
    let listing = list(&stores(), &dataset(&[format!("{root}/d")])).expect("listed");
    assert_eq!(names(&listing, &root), ["d/a.csv", "d/b.csv", "d/up/other/b.csv"]);
    symlink("nowhere.csv", dir.path().join("d/c.csv")).expect("link");
    let error = list(&stores(), &dataset(&[format!("{root}/d")])).expect_err("dangling");
    assert!(error.to_string().contains("d/c.csv"), "{error}");
}

#[test]
fn what_is_missing_is_named() {
    let (_dir, root) = lake(&["flights/a.csv", "empty/_x.csv"]);
    let cases = [
        ("/fligths", "did you mean '{root}/flights'?"),
        ("/fligths/a.csv", "did you mean '{root}/flights'?"),
        ("/flights/b.csv", "did you mean '{root}/flights/a.csv'?"),
        ("/nothing-like-it", "no such file or folder"),
        ("/empty", "holds no files"),
        ("/flights/*.parquet", "no file matches"),
        ("/fligths/*.csv", "did you mean"),
        ("/flights/a.csv/x", "a part of its path is a file"),
    ];
    for (url, text) in cases {
        let mut data = dataset(&[format!("{root}{url}")]);
        let error = list(&stores(), &data).expect_err(url);
        assert!(error.to_string().contains(&text.replace("{root}", &root)), "{url}: {error}");
        if text.starts_with("a part") {
            assert_eq!(error.kind(), Kind::Stop, "{url}");
        } else {
            data.allow_empty = true;
            assert!(list(&stores(), &data).expect("empty").files.is_empty(), "{url}");
        }
    }
}

#[test]
fn what_may_not_be_read_is_named() {
    let (dir, root) = lake(&["d/a.csv", "d/e/b.csv"]);
    let locked = dir.path().join("d/e");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).expect("chmod");
    // The superuser may read everything.
    if fs::read_dir(&locked).is_err() {
        let error = list(&stores(), &dataset(&[root])).expect_err("denied");
        assert_eq!(error.kind(), Kind::Stop);
        assert!(error.to_string().contains("d/e"), "{error}");
    }
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o755)).expect("chmod");
}

#[test]
fn object_stores_list_as_folders_do() {
    let store = Arc::new(InMemory::new());
    let stores = stores().with_store(Scheme::S3, "lake", Arc::clone(&store) as Arc<dyn ObjectStore>);
    let put = |key: &str, text: &'static str| {
        let key = object_store::path::Path::parse(key).expect("a key");
        stores
            .block_on(store.put(&key, PutPayload::from_static(text.as_bytes())))
            .expect("runtime")
            .expect("put");
    };
    for file in FILES {
        put(&format!("d/{file}"), "x");
    }
    put("d/y=2013", "");
    put("data/x.csv", "x");
    let cases: [(&[&str], &[&str]); 7] = [
        (&["d"], &SEEN),
        (&["d/"], &SEEN),
        (&["d/**/*.csv"], &SEEN),
        (&["d/y=2013/*/*.csv", "d/y=2013"], &SEEN[..2]),
        (&["d/y=2014/m=3/_hidden.csv"], &["y=2014/m=3/_hidden.csv"]),
        (&["d*/x.csv"], &["s3://lake/data/x.csv"]),
        (&["data/x.csv"], &["s3://lake/data/x.csv"]),
    ];
    for (urls, expected) in cases {
        let urls: Vec<String> = urls.iter().map(|u| format!("s3://lake/{u}")).collect();
        let listing = list(&stores, &dataset(&urls)).expect("listed");
        assert_eq!(names(&listing, "s3://lake/d/"), expected, "{urls:?}");
        assert!(listing.files.iter().all(|f| f.etag.is_some()));
    }
    let first = list(&stores, &dataset(&["s3://lake/d/y=2013".into()])).expect("listed").files.remove(0);
    assert_eq!(first.folder_values, [("y".into(), Some("2013".into())), ("m".into(), Some("1".into()))]);
    for missing in ["s3://lake/none", "s3://lake/d/*.parquet"] {
        assert_eq!(list(&stores, &dataset(&[missing.into()])).expect_err("missing").kind(), Kind::Stop);
    }
}
