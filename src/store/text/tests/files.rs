//! Files as people have them, and what is said about bad ones.

use std::io::Write;

use super::*;

const CSV: &[&str] = &["id:int64", "name", "price:decimal(5,2)"];

fn csv(text: &[u8], csv: Csv, bad: BadRecords) -> Result<(Vec<String>, ReadStats)> {
    read_whole(text, &table(Format::Csv, csv, schema(CSV)), bad)
}

#[test]
fn csv_in_many_hands() {
    let plain = Csv::default();
    let cases: Vec<(&[u8], Csv, &[&str])> = vec![
        (b"", plain.clone(), &[]),
        (b"id,name,price\n", plain.clone(), &[]),
        (b"\xef\xbb\xbfid,name,price\r\n1,\"a\"\"b\",2.5\r\n\r\n", plain.clone(), &["1|a\"b|2.50"]),
        (
            b"id,name,price\n1,,\n2,\"\",\"\"\n,NA,",
            plain.clone(),
            &["1|\u{2205}|\u{2205}", "2||\u{2205}", "\u{2205}|NA|\u{2205}"],
        ),
        (b"price,id\n2,1\n", plain.clone(), &["1|\u{2205}|2.00"]),
        (b"id,\"name\"\n1,\"x\ny\"\n", plain.clone(), &["1|x\ny|\u{2205}"]),
        (b"name\n\"a\rb\"\nc\rd\n", plain.clone(), &["\u{2205}|a\rb|\u{2205}", "\u{2205}|c\rd|\u{2205}"]),
        (b"1;5\" pipe;2\n", Csv { header: false, delimiter: b';', ..plain.clone() }, &["1|5\" pipe|2.00"]),
        (
            b"# c\nid|name\n#,\"\n1|'it\\'s \\\\ \\n'\n",
            Csv {
                delimiter: b'|',
                quote: Some(b'\''),
                escape: Some(b'\\'),
                comment: Some(b'#'),
                ..plain.clone()
            },
            &["1|it's \\ \\n|\u{2205}"],
        ),
        (
            b"id,name\nNA,\"NA\"\n1,-\n",
            Csv { null_strings: vec!["NA".into(), "-".into()], ..plain.clone() },
            &["\u{2205}|NA|\u{2205}", "1|\u{2205}|\u{2205}"],
        ),
        (b"1,\"x,2.5\n", Csv { header: false, quote: None, ..plain }, &["1|\"x|2.50"]),
    ];
    for (text, settings, expected) in cases {
        let shown = String::from_utf8_lossy(text);
        let (rows, stats) =
            csv(text, settings, BadRecords::Fail).unwrap_or_else(|e| panic!("{shown:?}: {e}"));
        assert_eq!(rows, expected, "{shown:?}");
        assert_eq!((stats.rows, stats.rejected), (rows.len() as u64, 0));
        assert_eq!(stats.tile, None);
    }
}

#[test]
fn bad_records_fail_with_their_place_or_are_skipped() {
    let head = "id,name,price\n1,a,1\n";
    let cases: [(&[u8], &str); 9] = [
        (
            b"2,b",
            "the record has 2 fields, the file has 3 columns: mend it, check csv.delimiter and csv.quote, or set \
             errors.badRecords: skip (file=a.txt, line=3, byte=20)",
        ),
        (
            b"2,\"b\"c,1",
            "text follows a closing quote: double the quotes inside the field, check csv.quote and csv.escape, or \
             set errors.badRecords: skip (file=a.txt, line=3, byte=20)",
        ),
        (
            b"2,b\xff,1",
            "the record is not UTF-8: convert the file, or set errors.badRecords: skip (file=a.txt, line=3, byte=20)",
        ),
        (
            b"2,b\0,1",
            "the record holds a NUL byte: is the file UTF-16, or no text? mend it, or set errors.badRecords: skip \
             (file=a.txt, line=3, byte=20)",
        ),
        (
            b"x,b,1",
            "'x' is no int64: state the column's type under schema, or set errors.badRecords: skip (column=id, \
             file=a.txt, line=3, byte=20)",
        ),
        (
            b"9223372036854775808,b,1",
            "'9223372036854775808' is no int64: state the column's type under schema, or set errors.badRecords: \
             skip (column=id, file=a.txt, line=3, byte=20)",
        ),
        (
            b"2,b,1.005",
            "'1.005' is no decimal(5,2): state the column's type under schema, or set errors.badRecords: skip \
             (column=price, file=a.txt, line=3, byte=20)",
        ),
        (
            b"\"2\",b,\"1\"\"0\"",
            "'1\"0' is no decimal(5,2): state the column's type under schema, or set errors.badRecords: skip \
             (column=price, file=a.txt, line=3, byte=20)",
        ),
        (
            b"2,\"b\n\",y",
            "'y' is no decimal(5,2): state the column's type under schema, or set errors.badRecords: skip \
             (column=price, file=a.txt, line=3, byte=20)",
        ),
    ];
    for (bad, expected) in cases {
        let text = [head.as_bytes(), bad, b"\n3,\"c\n\"\"\",3\nx,y,z,\n"].concat();
        let error = csv(&text, Csv::default(), BadRecords::Fail).expect_err("a bad record");
        assert_eq!((error.kind(), error.to_string().as_str()), (crate::Kind::BadData, expected));
        let (rows, stats) = csv(&text, Csv::default(), BadRecords::Skip).expect("they are skipped");
        assert_eq!(rows, ["1|a|1.00", "3|c\n\"|3.00"], "{expected}");
        assert_eq!((stats.rows, stats.rejected), (4, 2));
    }
}

#[test]
fn headers_that_do_not_fit() {
    let cases: [(&[u8], &str); 6] = [
        (
            b"id,name,id\n",
            "the header names column 'id' twice: rename one, or set csv.header: false and state a schema",
        ),
        (b"id,prise\n", "the header names column 'prise', which table 'input' does not have"),
        (b"id,\xff\n", "the name of column 2 is not UTF-8: convert the file"),
        (b"id\0,name\n", "the header holds a NUL byte: is the file UTF-16, or no text?"),
        (b"id,name\r1,2\r", "the header holds a carriage return without a line feed"),
        (b"\"id,name\n1,2\n", "the quotes of the header are broken"),
    ];
    for (text, expected) in cases {
        let error = csv(text, Csv::default(), BadRecords::Skip).expect_err("a bad header").to_string();
        assert!(error.starts_with(expected) && error.ends_with("(file=a.txt)"), "{error}");
    }
}

#[test]
fn an_open_quote_cannot_be_skipped() {
    let error = csv(b"id,name\n1,\"x\n2,y\n", Csv::default(), BadRecords::Skip).expect_err("an open quote");
    assert!(error.to_string().starts_with("a quote is never closed"), "{error}");
}

#[test]
fn settings_that_mean_nothing() {
    let cases = [
        (Csv { delimiter: b'\n', ..Csv::default() }, "csv.delimiter must be an ASCII character"),
        (Csv { delimiter: 0xe9, ..Csv::default() }, "csv.delimiter must be an ASCII character"),
        (Csv { quote: Some(b','), ..Csv::default() }, "csv.delimiter and csv.quote are both ','"),
        (Csv { comment: Some(b'"'), ..Csv::default() }, "csv.quote and csv.comment are both '\"'"),
    ];
    for (settings, expected) in cases {
        let error = csv(b"", settings, BadRecords::Skip).expect_err("a bad setting");
        assert_eq!(error.kind(), crate::Kind::Usage);
        assert!(error.message().starts_with(expected), "{error}");
    }
}

#[test]
fn projection_folders_and_missing_columns() {
    let mut table = table(Format::Csv, Csv::default(), schema(&["a:int64", "b", "c", "day:date", "k"]));
    table.hive_columns = 2;
    let text = b"b,k,a\nx,inner,1\ny,inner,2\n";
    let mut whole = split(text.len(), Extent::Whole);
    whole.folder_values = vec![Some("2013-01-02".to_owned()), None];
    let open = |projection: &[usize], split: &Split| {
        let source = Arc::new(Memory(Bytes::from_static(text)));
        super::super::open(source, &table, split, projection, None, BadRecords::Fail, 10)
    };
    let read = |projection: &[usize]| {
        let reader = open(projection, &whole).expect("it opens");
        reader.collect::<Result<Vec<_>>>().expect("good records")
    };
    assert_eq!(rows(&read(&[3, 0, 2, 4, 0])), ["2013-01-02|1|∅|∅|1", "2013-01-02|2|∅|∅|2"]);
    let counted = read(&[]);
    assert_eq!((counted.len(), counted[0].num_rows(), counted[0].num_columns()), (1, 2, 0));
    whole.folder_values[0] = Some("monday".to_owned());
    let error = open(&[3], &whole).err().expect("no date").to_string();
    assert_eq!(error, "the folder day=monday is no date: state the column's type under schema (file=a.txt)");
}

#[test]
fn json_lines() {
    let nested = schema(&["id:int64", "tags", "p", "n:float64", "day:date"]);
    let mut fields: Vec<Field> = nested.fields().iter().map(|f| f.as_ref().clone()).collect();
    fields[1] = Field::new("tags", DataType::new_list(DataType::Int64, true), true);
    fields[2] =
        Field::new("p", DataType::Struct(vec![Field::new("x", DataType::Utf8View, true)].into()), true);
    let table = table(Format::Jsonl, Csv::default(), Arc::new(Schema::new(fields)));
    let good = concat!(
        r#"{"id":1,"tags":[1,2],"p":{"x":"a"},"n":1.5,"day":"2020-01-01","extra":[[{}]]}"#,
        "\r\n\n",
        r#"{"n":2e0,"id":2.0,"p":{"x":7},"tags":null}"#,
        "\n \t\n{}"
    );
    let (rows, stats) = read_whole(good.as_bytes(), &table, BadRecords::Fail).expect("good lines");
    assert_eq!(rows, ["1|[1, 2]|{x: a}|1.5|2020-01-01", "2|∅|{x: 7}|2.0|∅", "∅|∅|∅|∅|∅"]);
    assert_eq!((stats.rows, stats.rejected), (3, 0));
    let deep = format!("{{\"other\":{}", "[".repeat(10_000));
    let cases = [
        ("[1]", "the line is no JSON object that can be read, it does not begin with '{'"),
        (r#"{"id":2.5}"#, "'2.5' is no int64"),
        (r#"{"id":""}"#, "'' is no int64"),
        (r#"{"id":99999999999999999999}"#, "'99999999999999999999' is no int64"),
        (r#"{"tags":[1,"x"]}"#, "'x' is no int64"),
        (
            r#"{"tags":3}"#,
            "the line is no JSON object that can be read, whilst decoding field 'tags': expected [ got 3",
        ),
        (r#"{"p":[]}"#, "the line is no JSON object that can be read, whilst decoding field 'p'"),
        (r#"{"n":1e999}"#, "'1e999' is no float64"),
        (r#"{"day":"2020-01-01T10:00:00"}"#, "'2020-01-01T10:00:00' is no date"),
        (r#"{"day":17}"#, "'17' is no date"),
        (r#"{"p":{"x":"\ud800"}}"#, "the line is no JSON object that can be read"),
        (
            r#"{"id":1}{"id":2}"#,
            "the line is no JSON object that can be read, the end of the line was expected",
        ),
        ("{\"id\":", "the line is no JSON object that can be read, it ends where a value was expected"),
        (&deep, "the line is no JSON object that can be read, it is nested more than 128 levels deep"),
    ];
    for (bad, expected) in cases {
        let text = format!("{{\"id\":1}}\n{bad}\n{{\"id\":3}}\n");
        let error = read_whole(text.as_bytes(), &table, BadRecords::Fail).expect_err("a bad line");
        assert!(error.message().starts_with(expected), "{bad:.40}: {error}");
        assert!(error.to_string().ends_with("file=a.txt, line=2, byte=9)"), "{error}");
        let (rows, stats) = read_whole(text.as_bytes(), &table, BadRecords::Skip).expect("it is skipped");
        assert_eq!(rows, ["1|∅|∅|∅|∅", "3|∅|∅|∅|∅"], "{bad:.40}");
        assert_eq!((stats.rows, stats.rejected), (3, 1));
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text).and_then(|()| packed.finish()).expect("in memory")
}

fn zstd_frame(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 1).expect("in memory")
}

#[test]
fn compressed_files_stream() {
    let table = table(Format::Csv, Csv::default(), schema(&["a:int64"]));
    let lines = "7\n".repeat(3_000_000);
    for (compression, pack) in
        [(TextCompression::Gzip, gzip as fn(&[u8]) -> Vec<u8>), (TextCompression::Zstd, zstd_frame)]
    {
        let read = |packed: &[u8]| {
            let whole = Split { compression, ..split(packed.len(), Extent::Whole) };
            let ask = Ask { projection: &[0], begin: None, bad: BadRecords::Fail, batch_rows: 8192 };
            let source = Arc::new(Memory(Bytes::copy_from_slice(packed)));
            let mut reader = Heads::default().open(source, &table, &whole, ask)?;
            let rows = reader.by_ref().try_fold(0, |n, batch| batch.map(|b| n + b.num_rows()))?;
            assert_eq!(reader.stats().bytes, packed.len() as u64);
            Ok::<_, crate::Error>(rows)
        };
        let parts = [pack(b"a\n1\n"), pack(b""), pack(b"2\n"), pack(lines.as_bytes())].concat();
        assert!(parts.len() < lines.len() / 50, "it should be dense: {}", parts.len());
        assert_eq!(read(&parts).expect("a good file"), 3_000_002);
        assert_eq!(read(&[]).expect("an empty file"), 0);
        for cut in [1, 5, parts.len() / 2, parts.len() - 1] {
            let error = read(&parts[..cut]).expect_err("a truncated file").to_string();
            let expected = "the compressed file ends too early: write it again, or leave it out (file=a.txt)";
            assert_eq!(error, expected, "cut at {cut}");
        }
        let error = read(b"a\n1\n2\nno archive at all").expect_err("no archive").to_string();
        assert_eq!(error, "the compressed file is damaged: write it again, or leave it out (file=a.txt)");
    }
}

#[test]
fn endless_records_are_refused() {
    let mut text = b"a\n1\n".to_vec();
    text.resize(70 << 20, b'x');
    let table = table(Format::Csv, Csv::default(), schema(&["a"]));
    let error = read_whole(&text, &table, BadRecords::Skip).expect_err("an endless record").to_string();
    assert_eq!(
        error,
        "a record is longer than 64 MiB: is a quote never closed, or is it another format? (file=a.txt, byte=4)"
    );
}

#[test]
fn a_later_split_names_the_record() {
    let text = b"a\n1\n2\n3\nx\n5\n";
    let table = table(Format::Csv, Csv::default(), schema(&["a:int64"]));
    let piece = split(text.len(), Extent::Bytes { start: 3, end: 12 });
    let error = read(text, &table, &piece, None, BadRecords::Fail, 0).expect_err("a bad record").to_string();
    assert!(error.ends_with("(column=a, file=a.txt, record=3 of the split, byte=8)"), "{error}");
}
