//! Statements cut, run over morsels in memory, merged: compared with what the rule promises.

use std::sync::Arc;

use arrow::array::{Float64Array, Int64Array, RecordBatch, StringViewArray};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::util::pretty::pretty_format_batches;
use chrono::DateTime;

use super::{Batches, CutKind, PlannerTable, Program, Role};
use crate::error::Result;

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("k", DataType::Int64, true),
        Field::new("v", DataType::Int64, true),
        Field::new("x", DataType::Float64, true),
        Field::new("s", DataType::Utf8View, true),
    ]))
}

/// Rows 0..100: k = row % 3, v = row, x = row / 2, s = a letter.
fn rows(from: i64, to: i64) -> RecordBatch {
    let letters = ["a", "b", "c", "d"];
    let columns: Vec<arrow::array::ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values((from..to).map(|i| i % 3))),
        Arc::new(Int64Array::from_iter_values(from..to)),
        Arc::new(Float64Array::from_iter_values((from..to).map(|i| i as f64 / 2.0))),
        Arc::new(StringViewArray::from_iter_values(
            (from..to).map(|i| letters[usize::try_from(i % 4).unwrap()]),
        )),
    ];
    RecordBatch::try_new(schema(), columns).unwrap()
}

fn side() -> RecordBatch {
    let schema = Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("name", DataType::Utf8View, true),
    ]);
    RecordBatch::try_new(
        Arc::new(schema),
        vec![
            Arc::new(Int64Array::from(vec![0, 1, 7])),
            Arc::new(StringViewArray::from_iter_values(["zero", "one", "seven"])),
        ],
    )
    .unwrap()
}

/// Plans `sql` over the inputs `input` and `more` and the side table `side`.
pub(super) fn plan(sql: &str) -> Result<Program> {
    let input = |n| PlannerTable { role: Role::Input(n), schema: schema(), rows: None };
    let side_table = PlannerTable { role: Role::Side(0), schema: side().schema(), rows: Some(3) };
    let tables =
        [("input".to_owned(), input(0)), ("more".to_owned(), input(1)), ("side".to_owned(), side_table)];
    let program = Program::plan(sql, &tables, DateTime::UNIX_EPOCH)?;
    program.set_side(0, vec![side()]);
    Ok(program)
}

/// Runs `program` over 100 rows in morsels of 30, per-morsel results merged in order.
fn run(program: &Program) -> Result<Vec<RecordBatch>> {
    let mut partials = Vec::new();
    for (number, scan) in program.scans().iter().enumerate() {
        for from in (0..100).step_by(30) {
            let batch = rows(from, (from + 30).min(100)).project(&scan.columns).unwrap();
            let mut batches: Option<Batches> = Some(Box::new([Ok(batch)].into_iter()));
            while !program.instance()?.run(number, &mut batches, &mut |b| {
                partials.push(program.with_sort_keys(&b)?);
                Ok(true)
            })? {}
        }
    }
    let merged = match program.kind() {
        CutKind::Aggregate { .. } => program.finish(program.combine(partials)?)?,
        CutKind::Sort { options, fetch } => sorted(&partials, &program.partial_schema(), options, *fetch),
        CutKind::Limit { .. } | CutKind::Rows | CutKind::Constant => partials,
    };
    let head: Vec<RecordBatch> =
        program.post_head(Box::new(merged.into_iter().map(Ok)))?.collect::<Result<_>>()?;
    let sorted_rows = match program.post_sort() {
        Some((schema, options, fetch)) => {
            let keyed = head.iter().map(|b| program.with_post_keys(b)).collect::<Result<Vec<_>>>()?;
            sorted(&keyed, &schema, &options, fetch)
        }
        None => head,
    };
    program.post_rest(Box::new(sorted_rows.into_iter().map(Ok)))?.collect()
}

fn sorted(
    rows: &[RecordBatch],
    schema: &SchemaRef,
    options: &[SortOptions],
    fetch: Option<usize>,
) -> Vec<RecordBatch> {
    let all = arrow::compute::concat_batches(schema, rows).unwrap();
    let first = all.num_columns() - options.len();
    let columns: Vec<arrow::compute::SortColumn> = options
        .iter()
        .enumerate()
        .map(|(n, o)| arrow::compute::SortColumn { values: all.column(first + n).clone(), options: Some(*o) })
        .collect();
    let order = arrow::compute::lexsort_to_indices(&columns, fetch).unwrap();
    let visible = all.project(&(0..first).collect::<Vec<_>>()).unwrap();
    vec![arrow::compute::take_record_batch(&visible, &order).unwrap()]
}

fn text(sql: &str) -> String {
    let program = plan(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    let batches = run(&program).unwrap_or_else(|e| panic!("{sql}: {e}"));
    pretty_format_batches(&batches).unwrap().to_string()
}

/// The cells of each row of the result.
fn cells(sql: &str) -> Vec<Vec<String>> {
    let cell = |c: &str| c.trim().to_owned();
    text(sql)
        .lines()
        .skip(3)
        .filter(|l| l.starts_with('|'))
        .map(|l| l.trim_matches('|').split('|').map(cell).collect())
        .collect()
}

#[test]
fn aggregates_are_merged_from_partials() {
    let table = [
        ("SELECT count(*) FROM input", vec![vec!["100"]]),
        ("SELECT sum(v), min(v), max(v), avg(v) FROM input WHERE v < 0", vec![vec!["", "", "", ""]]),
        (
            "SELECT k, count(*), sum(v) FROM input GROUP BY k ORDER BY k",
            vec![vec!["0", "34", "1683"], vec!["1", "33", "1617"], vec!["2", "33", "1650"]],
        ),
        ("SELECT count(DISTINCT s), count(DISTINCT k) FROM input", vec![vec!["4", "3"]]),
        ("SELECT count(DISTINCT s) FROM input", vec![vec!["4"]]),
        ("SELECT DISTINCT k FROM input ORDER BY k DESC", vec![vec!["2"], vec!["1"], vec!["0"]]),
        ("SELECT sum(v) FILTER (WHERE k = 1) FROM input", vec![vec!["1617"]]),
        ("SELECT median(v) FROM input", vec![vec!["49.5"]]),
        ("SELECT array_agg(v ORDER BY v DESC) FROM input WHERE v % 40 = 1", vec![vec!["[81, 41, 1]"]]),
        (
            "SELECT first_value(s ORDER BY v DESC), last_value(s ORDER BY v DESC) FROM input",
            vec![vec!["d", "a"]],
        ),
        ("SELECT string_agg(s, '-' ORDER BY v) FROM input WHERE v < 5", vec![vec!["a-b-c-d-a"]]),
        (
            "SELECT k, sum(v) AS t FROM input GROUP BY k HAVING sum(v) > 1640 ORDER BY t",
            vec![vec!["2", "1650"], vec!["0", "1683"]],
        ),
        (
            "SELECT k, grouping(k), count(*) FROM input GROUP BY ROLLUP (k) ORDER BY grouping(k), k",
            vec![vec!["0", "0", "34"], vec!["1", "0", "33"], vec!["2", "0", "33"], vec!["", "1", "100"]],
        ),
        (
            "SELECT k, c, row_number() OVER (ORDER BY c DESC, k) AS n FROM (SELECT k, count(*) AS c FROM input GROUP BY k) ORDER BY n",
            vec![vec!["0", "34", "1"], vec!["1", "33", "2"], vec!["2", "33", "3"]],
        ),
        (
            "SELECT count(*) FROM (SELECT v FROM input UNION ALL SELECT v FROM more WHERE v < 10)",
            vec![vec!["110"]],
        ),
        ("SELECT count(*) FROM input WHERE 1 = 0", vec![vec!["0"]]),
        ("SELECT 1 + 1", vec![vec!["2"]]),
    ];
    for (sql, expected) in table {
        assert_eq!(cells(sql), expected, "{sql}");
    }
}

#[test]
fn side_tables_are_joined_in_map_and_after() {
    let table = [
        (
            "SELECT name, count(*) FROM input JOIN side ON k = id GROUP BY name ORDER BY name",
            vec![vec!["one", "33"], vec!["zero", "34"]],
        ),
        (
            "SELECT coalesce(name, '?') AS n, count(*) FROM input LEFT JOIN side ON k = id GROUP BY n ORDER BY n",
            vec![vec!["?", "33"], vec!["one", "33"], vec!["zero", "34"]],
        ),
        ("SELECT count(*) FROM input WHERE k IN (SELECT id FROM side)", vec![vec!["67"]]),
        ("SELECT count(*) FROM input WHERE NOT EXISTS (SELECT 1 FROM side WHERE id = k)", vec![vec!["33"]]),
        ("SELECT count(*) FROM input, side", vec![vec!["300"]]),
        ("SELECT count(*) FROM input JOIN side ON k < id", vec![vec!["134"]]),
        (
            "SELECT name, c FROM side LEFT JOIN (SELECT k, count(*) AS c FROM input GROUP BY k) ON k = id ORDER BY id",
            vec![vec!["zero", "34"], vec!["one", "33"], vec!["seven", ""]],
        ),
        (
            "SELECT v FROM input WHERE v > (SELECT max(id) * 13 FROM side) ORDER BY v LIMIT 2",
            vec![vec!["92"], vec!["93"]],
        ),
    ];
    for (sql, expected) in table {
        assert_eq!(cells(sql), expected, "{sql}");
    }
}

#[test]
fn sorts_limits_and_rows() {
    let table = [
        ("SELECT v FROM input ORDER BY v DESC LIMIT 2", vec![vec!["99"], vec!["98"]]),
        ("SELECT v FROM input ORDER BY v LIMIT 2 OFFSET 3", vec![vec!["3"], vec!["4"]]),
        ("SELECT v AS w FROM input ORDER BY -v LIMIT 1", vec![vec!["99"]]),
        (
            "SELECT v AS w, name FROM input f JOIN side ON f.k = side.id WHERE f.v IS NOT NULL ORDER BY f.v DESC, name LIMIT 1",
            vec![vec!["99", "zero"]],
        ),
        ("SELECT v FROM input LIMIT 2", vec![vec!["0"], vec!["1"]]),
        ("SELECT v + 1 FROM input WHERE v = 7", vec![vec!["8"]]),
        ("SELECT u FROM (SELECT unnest([v, v + 1]) AS u FROM input WHERE v = 7)", vec![vec!["7"], vec!["8"]]),
    ];
    for (sql, expected) in table {
        assert_eq!(cells(sql), expected, "{sql}");
    }
    let kinds = [
        ("SELECT v AS w FROM input ORDER BY v LIMIT 3", Some(3)),
        ("SELECT v AS w, k FROM input f ORDER BY f.v DESC, f.k LIMIT 20", Some(20)),
        ("SELECT v FROM input ORDER BY v", None),
    ];
    for (sql, expected) in kinds {
        match plan(sql).unwrap().kind() {
            CutKind::Sort { fetch, .. } => assert_eq!(*fetch, expected, "{sql}"),
            other => panic!("{sql}: {other:?}"),
        }
    }
}

#[test]
fn integers_never_wrap() {
    let failing = [
        "SELECT v + 9223372036854775807 FROM input WHERE v = 1",
        "SELECT (v + 9000000000000000000) * 2 FROM input",
        "SELECT -(v - 9223372036854775807 - 2) FROM input WHERE v = 1",
        "SELECT sum(9223372036854775807 - v) FROM input",
        "SELECT k, sum(9223372036854775807 - v) FROM input GROUP BY k",
        "SELECT sum(DISTINCT 9223372036854775807 - v) FROM input",
    ];
    for sql in failing {
        let error = plan(sql).and_then(|p| run(&p)).err();
        let error = error.unwrap_or_else(|| panic!("{sql} gave a result"));
        assert!(error.to_string().to_lowercase().contains("overflow"), "{sql}: {error}");
    }
}

#[test]
fn what_cannot_be_cut_is_refused() {
    let table = [
        ("SELECT count(*) FROM input a JOIN input b ON a.k = b.k", "reads an input twice"),
        ("SELECT count(*) FROM input a JOIN more b ON a.k = b.k", "reads an input twice"),
        ("SELECT * FROM input WHERE v > (SELECT avg(v) FROM input)", "reads an input twice"),
        ("SELECT name FROM side LEFT JOIN input ON k = id", "null-supplying"),
        ("SELECT name FROM side FULL JOIN input ON k = id", "null-supplying"),
        ("SELECT name FROM side WHERE id IN (SELECT k FROM input)", "filtered by the rows of an input"),
        ("SELECT v, row_number() OVER (PARTITION BY k ORDER BY v) FROM input", "window"),
        (
            "SELECT k, count(*) FROM input GROUP BY k UNION ALL SELECT k, count(*) FROM more GROUP BY k",
            "branch of UNION ALL",
        ),
        ("SELECT k FROM input UNION ALL SELECT id FROM side", "UNION ALL mixes"),
        ("SELECT random() FROM input", "random() gives another value"),
        ("SELECT uuid() FROM input", "uuid() gives another value"),
        ("SELECT * FROM input INTERSECT SELECT * FROM more", "reads an input twice"),
        ("SELECT k IN (SELECT id FROM side) FROM input", "outside of WHERE"),
        ("SELECT vv FROM input", "did you mean 'v'"),
        ("SELECT sum(v FROM input", "not understood"),
        ("CREATE TABLE t AS SELECT * FROM input", "CREATE is not a query"),
        ("SELECT 1; SELECT 2", "2 SQL statements"),
        ("", "empty"),
    ];
    for (sql, expected) in table {
        let error = plan(sql).err().unwrap_or_else(|| panic!("{sql} was planned"));
        assert!(error.to_string().contains(expected), "{sql}: {error}");
        assert_eq!(error.kind(), crate::error::Kind::Usage, "{sql}");
    }
}

#[test]
fn now_is_what_the_plan_says() {
    assert!(plan("SELECT now(), count(*) FROM input").unwrap().uses_now());
    assert!(!plan("SELECT count(*) FROM input").unwrap().uses_now());
    assert_eq!(
        cells("SELECT now() = TIMESTAMP '1970-01-01T00:00:00Z', count(*) FROM input GROUP BY 1")[0][0],
        "true"
    );
}
