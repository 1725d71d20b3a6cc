//! Parquet: damaged, cut, and odd but right.

use std::fs;

use parquet::basic::{Compression, ZstdLevel};

use crate::dp::Folder;
use crate::parquet_files as files;

#[test]
fn what_is_no_parquet_is_refused() {
    let folder = Folder::new();
    let path = folder.path().join("t.parquet");
    files::mixed(&path, Compression::UNCOMPRESSED, true);
    let whole = fs::read(&path).expect("a file");
    let length = whole.len();
    let mut wrong_length = whole.clone();
    wrong_length[length - 8..length - 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut encrypted = whole.clone();
    encrypted[length - 4..].copy_from_slice(b"PARE");
    let mut no_footer = whole.clone();
    no_footer[length - 200..length - 8].fill(0xff);
    for (name, content, code) in [
        ("empty", vec![], 11),
        ("one-byte", whole[..1].to_vec(), 10),
        ("magic", whole[..4].to_vec(), 10),
        ("twice-magic", b"PAR1PAR1".to_vec(), 10),
        ("half", whole[..length / 2].to_vec(), 10),
        ("one-less", whole[..length - 1].to_vec(), 10),
        ("no-end", whole[..length - 8].to_vec(), 10),
        ("no-start", whole[100..].to_vec(), 10),
        ("long-footer", wrong_length, 10),
        ("encrypted", encrypted, 10),
        ("broken-footer", no_footer, 10),
        ("text", b"hello, I am a text and no Parquet at all\n".to_vec(), 10),
    ] {
        folder.file("t.parquet", content);
        folder
            .sql("SELECT count(*), sum(n), max(few), max(many) FROM 't.parquet'")
            .fails(&format!("parquet/{name}"), code);
        folder.job("{ url: t.parquet }", "SELECT n, few, many FROM input", "");
        assert_eq!(folder.run().code(), code, "{name}");
        folder.nothing_published();
    }
}

/// A small generator of its own, so that the cases are the same for ever.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % n
    }
}

#[test]
fn flipped_bytes_never_crash() {
    let folder = Folder::new();
    let path = folder.path().join("t.parquet");
    let mut random = Random(7);
    for compression in
        [Compression::UNCOMPRESSED, Compression::ZSTD(ZstdLevel::default()), Compression::SNAPPY]
    {
        files::mixed(&path, compression, true);
        let whole = fs::read(&path).expect("a file");
        let footer = u32::from_le_bytes(whole[whole.len() - 8..whole.len() - 4].try_into().expect("4 bytes"));
        let data = whole.len() - 8 - footer as usize;
        for case in 0..70 {
            // One in five in the footer and the page index before it, the others in the pages.
            let at = if case % 5 == 0 { data + random.below(whole.len() - data) } else { random.below(data) };
            let mut broken = whole.clone();
            broken[at] ^= 1 << random.below(8);
            fs::write(&path, broken).expect("a file");
            let ended =
                folder.sql("SELECT count(*), sum(n), max(few), max(many), sum(list[1]) FROM 't.parquet'");
            // A column's name, or its type, may be what has changed: then the statement is wrong.
            let allowed: &[i32] = if case % 5 == 0 { &[0, 2, 10, 11] } else { &[0, 10] };
            assert!(
                allowed.contains(&ended.code()),
                "{compression} byte {at}: {}\n{}",
                ended.code(),
                ended.stderr()
            );
        }
    }
}

/// Written by `pyarrow.parquet.write_table(…, compression="none", write_page_checksum=True)`: arrow-rs
/// writes no checksums. Columns `n` of 0 to 99 and `s` of `row <n>`.
const WITH_CHECKSUMS: &[u8] = include_bytes!("page_checksums.parquet");

#[test]
fn a_flipped_bit_under_a_checksum_is_bad_data() {
    let folder = Folder::new();
    folder.file("t.parquet", WITH_CHECKSUMS);
    let sum = "SELECT sum(n) FROM 't.parquet'";
    assert_eq!(folder.sql(sum).cells(), ["4950"]);
    let value = 57_i64.to_le_bytes();
    let at = WITH_CHECKSUMS.windows(8).position(|w| w == value).expect("the value is there");
    let mut broken = WITH_CHECKSUMS.to_vec();
    broken[at] ^= 1;
    folder.file("t.parquet", broken);
    folder.sql(sum).fails("parquet/checksum", 10);
}

#[test]
fn zeroed_pages_are_bad_data() {
    let folder = Folder::new();
    let path = folder.path().join("t.parquet");
    files::mixed(&path, Compression::ZSTD(ZstdLevel::default()), true);
    let mut broken = fs::read(&path).expect("a file");
    broken[4..2000].fill(0);
    fs::write(&path, broken).expect("a file");
    folder.sql("SELECT sum(n) FROM 't.parquet'").fails("parquet/zeroed-pages", 10);
}

#[test]
fn odd_files_that_work() {
    let folder = Folder::new();
    let path = folder.path().join("t.parquet");
    let rows: [(&str, &dyn Fn(), &str, &[&str]); 8] = [
        ("int96", &|| files::int96(&path), "SELECT ts FROM T", &["1970-01-02T12:00:00"]),
        (
            "nested",
            &|| files::nested(&path),
            "SELECT sum(s['x']), sum(l[1]), sum(n) FROM T",
            &["3", "1", "11"],
        ),
        ("no rows", &|| files::no_rows(&path), "SELECT count(*), sum(a) FROM T", &["0", "NULL"]),
        ("wide", &|| files::wide(&path), "SELECT c0, c9999 FROM T", &["0", "9999"]),
        ("no columns", &|| files::wide(&path), "SELECT count(*) FROM T", &["1"]),
        (
            "no statistics",
            &|| files::mixed(&path, Compression::SNAPPY, false),
            "SELECT count(*), sum(n), count(DISTINCT few) FROM T WHERE n >= 1000",
            &["2000", "3999000", "13"],
        ),
        (
            "dictionaries",
            &|| files::mixed(&path, Compression::UNCOMPRESSED, true),
            "SELECT count(*), min(many), max(few) FROM T WHERE few = 's3'",
            &["231", "text number 10009616", "s3"],
        ),
        ("limit", &|| files::integers(&path, 5000), "SELECT a FROM T LIMIT 1 OFFSET 4000", &["4001"]),
    ];
    for (name, make, sql, cells) in rows {
        make();
        assert_eq!(folder.sql(&sql.replace("FROM T", "FROM 't.parquet'")).cells(), cells, "{name}");
    }
}
