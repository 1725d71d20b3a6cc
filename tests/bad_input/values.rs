//! Values that a type cannot hold: never wrapped, never cut, always exit 10.

use crate::dp::Folder;
use crate::parquet_files::{decimals, numbers};

#[test]
fn what_overflows_is_an_error() {
    let folder = Folder::new();
    numbers(&folder.path().join("num.parquet"));
    decimals(&folder.path().join("dec.parquet"));
    for (name, file, expression) in [
        ("add", "num", "i + 1"),
        ("add-narrow", "num", "t + t"),
        ("subtract", "num", "i - 2"),
        ("multiply", "num", "j * j"),
        ("divide-least", "num", "i / -1"),
        ("minus", "num", "-i"),
        ("minus-narrow", "num", "-t"),
        ("abs", "num", "abs(i)"),
        ("sum-unsigned", "num", "sum(u)"),
        ("sum-of-products", "num", "sum(i * i)"),
        ("cast-int", "num", "CAST(i AS INT)"),
        ("cast-unsigned", "num", "CAST(u AS BIGINT)"),
        ("cast-float", "num", "CAST(f AS BIGINT)"),
        ("cast-text", "num", "CAST(s AS INT)"),
        ("cast-decimal", "num", "CAST(i AS DECIMAL(5, 2))"),
        ("divide-by-zero", "num", "i / z"),
        ("rest-by-zero", "num", "i % z"),
        ("lcm", "num", "lcm(i, j)"),
        ("factorial", "num", "factorial(j)"),
        ("decimal-sum", "dec", "sum(d)"),
        ("decimal-add", "dec", "d + d"),
        ("decimal-multiply", "dec", "d * d"),
        ("decimal-cast", "dec", "CAST(d AS DECIMAL(5, 2))"),
        ("decimal-divide-by-zero", "dec", "CAST(d AS DECIMAL(38, 0)) / CAST(0 AS DECIMAL(3, 0))"),
    ] {
        folder
            .sql(&format!("SELECT {expression} FROM '{file}.parquet'"))
            .fails(&format!("overflow/{name}"), 10);
    }
    for (expression, value) in [
        ("sum(i)", "0"),
        ("sum(j)", "0"),
        ("sum(CAST(u AS DECIMAL(38, 0)))", "18446744073709551616"),
        ("count(TRY_CAST(s AS INT))", "2"),
        ("count(i / nullif(z, 0))", "0"),
        ("min(i)", "-9223372036854775808"),
    ] {
        let cells = folder.sql(&format!("SELECT {expression} FROM 'num.parquet'")).cells();
        assert_eq!(cells, [value], "{expression}");
    }
}

#[test]
fn stated_types_hold_or_refuse() {
    let folder = Folder::new();
    folder.file("t.csv", "a,d\n1,1.25\n300,123456.50\n");
    for (name, schema) in [
        ("stated-narrow", "{ a: int8, d: string }"),
        ("stated-decimal", "{ a: int64, d: 'decimal(5,2)' }"),
        ("stated-scale", "{ a: int64, d: 'decimal(12,1)' }"),
        ("stated-date", "{ a: date, d: string }"),
    ] {
        folder.job(
            &format!("{{ url: t.csv, schema: {schema} }}"),
            "SELECT max(a) AS a, max(d) AS d FROM input",
            "",
        );
        folder.run().fails(name, 10);
        folder.nothing_published();
    }
}
