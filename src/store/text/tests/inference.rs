//! What types are found.

use super::super::{infer, unify};
use super::*;

fn found(text: &[u8], format: Format, csv: &Csv) -> Result<Vec<String>> {
    let schema = infer(&Memory(Bytes::copy_from_slice(text)), format, TextCompression::None, csv)?;
    Ok(schema
        .fields()
        .iter()
        .map(|f| format!("{}:{}", f.name(), crate::spec::types::name(f.data_type())))
        .collect())
}

#[test]
fn csv_columns() {
    let plain = Csv::default();
    let bare = Csv { header: false, ..Csv::default() };
    let na = Csv { null_strings: vec!["NA".into()], ..Csv::default() };
    let cases: Vec<(&str, &Csv, &[&str])> = vec![
        ("", &plain, &[]),
        ("", &bare, &[]),
        ("a,b\n", &plain, &["a:null", "b:null"]),
        ("1,x\n2.5,\n", &bare, &["column_1:float64", "column_2:string"]),
        (
            "i,f,b,d,t,s\n1,1.5,true,2020-01-01,2020-01-01 10:00:00,x\n",
            &plain,
            &["i:int64", "f:float64", "b:bool", "d:date", "t:timestamp", "s:string"],
        ),
        (
            "zip,big,neg,plus\n00501,99999999999999999999,-7,+1\n",
            &plain,
            &["zip:string", "big:string", "neg:int64", "plus:string"],
        ),
        ("n,q\nNA,\"NA\"\n5,NA\n", &na, &["n:int64", "q:string"]),
        ("n\n5\nx\n", &plain, &["n:string"]),
        ("d\n2020-01-01\n2020-01-01T00:00:01.5\n", &plain, &["d:timestamp"]),
        ("d\n2020-01-01T00:00:01Z\n", &plain, &["d:timestamptz"]),
        ("d\n2020-02-30\n", &plain, &["d:string"]),
        ("d\n2020-01-0é1\n", &plain, &["d:string"]),
        ("f,g,h,i\n1e5,nan,-.5,1.2.3\n", &plain, &["f:float64", "g:float64", "h:float64", "i:string"]),
        ("n,\n1,\"\"\n", &plain, &["n:int64", "column_2:null"]),
        ("a,b\n1,2,3\n1,x\n", &plain, &["a:int64", "b:string"]),
    ];
    for (text, csv, expected) in cases {
        assert_eq!(found(text.as_bytes(), Format::Csv, csv).expect("a schema"), expected, "{text}");
    }
}

#[test]
fn what_is_inferred_is_read() {
    let text =
        b"i,f,b,d,t,z,s\n-1,1e5,TRUE,2020-01-01,2020-01-01 10:00:00.25,2020-01-01T00:00:00+01:00,007\n\
        ,nan,,,2020-01-02,,\n";
    let schema =
        infer(&Memory(Bytes::from_static(text)), Format::Csv, TextCompression::None, &Csv::default());
    let table = table(Format::Csv, Csv::default(), schema.expect("a schema"));
    let (rows, _) = read_whole(text, &table, BadRecords::Fail).expect("all values fit");
    assert_eq!(
        rows,
        [
            "-1|100000.0|true|2020-01-01|2020-01-01T10:00:00.250|2019-12-31T23:00:00Z|007",
            "∅|NaN|∅|∅|2020-01-02T00:00:00|∅|∅"
        ]
    );
}

#[test]
fn json_members() {
    let plain = Csv::default();
    let cases: [(&str, &[&str]); 5] = [
        ("", &[]),
        ("{}\nnot json\n", &[]),
        (
            "{\"a\":1,\"b\":null,\"\\u0063\":\"x\"}\n\n{\"b\":2.5,\"d\":true,\"a\":9}\n",
            &["a:int64", "b:float64", "c:string", "d:bool"],
        ),
        (
            "{\"d\":\"2020-01-01\",\"n\":\"5\",\"u\":18446744073709551615}\n",
            &["d:date", "n:string", "u:string"],
        ),
        ("{\"a\":1}\n{\"a\":\"x\"}\n", &["a:string"]),
    ];
    for (text, expected) in cases {
        assert_eq!(found(text.as_bytes(), Format::Jsonl, &plain).expect("a schema"), expected, "{text}");
    }
    let nested = b"{\"l\":[],\"s\":{\"x\":1}}\n{\"l\":[1,2.5,null],\"s\":{\"y\":[{}]}}\n";
    let schema = infer(&Memory(Bytes::from_static(nested)), Format::Jsonl, TextCompression::None, &plain);
    let schema = schema.expect("a schema");
    let table = table(Format::Jsonl, plain.clone(), schema);
    let (rows, _) = read_whole(nested, &table, BadRecords::Fail).expect("all values fit");
    assert_eq!(rows, ["[]|{x: 1, y: }", "[1.0, 2.5, ]|{x: , y: [{}]}"]);
    for clash in ["{\"a\":1}\n{\"a\":[]}\n", "{\"a\":[{},[]]}\n", "{\"a\":{\"b\":1}}\n{\"a\":{\"b\":{}}}\n"] {
        let error = found(clash.as_bytes(), Format::Jsonl, &plain).expect_err("no common shape").to_string();
        assert!(error.contains("in one record and") && error.contains("file=a.txt"), "{error}");
    }
    let deep = [b"{\"a\":1}\n{\"b\":", "[".repeat(10_000).as_bytes()].concat();
    assert_eq!(found(&deep, Format::Jsonl, &plain).expect("a schema"), ["a:int64"]);
}

#[test]
fn ten_thousand_columns() {
    let names: Vec<String> = (0..10_000).map(|i| format!("c{i}")).collect();
    let values: Vec<String> = (0..10_000).map(|i| i.to_string()).collect();
    let text = format!("{}\n{}\n{}\n", names.join(","), values.join(","), values.join(","));
    let schema =
        infer(&Memory(Bytes::from(text.clone())), Format::Csv, TextCompression::None, &Csv::default());
    let schema = schema.expect("a schema");
    assert_eq!(unify(&schema, &schema).expect("itself"), schema);
    let table = table(Format::Csv, Csv::default(), schema);
    let (rows, _) = read_whole(text.as_bytes(), &table, BadRecords::Fail).expect("good records");
    assert_eq!(rows, [values.join("|"), values.join("|")]);
    let again = text.len() as u64 / 2;
    let (rows, ..) =
        read_cut(text.as_bytes(), &table, &[100, again], BadRecords::Fail, 64).expect("good records");
    assert_eq!(rows.len(), 2);
}
