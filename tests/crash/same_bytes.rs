//! One plan gives equal bytes for every number of threads, also where SQL leaves a choice.

use std::fs;

use crate::data;
use crate::place::{Place, result};

/// Statements whose result could depend on the order in which threads end.
const STATEMENTS: [&str; 26] = [
    "SELECT k, sum(f) AS a, avg(f) AS b, stddev(f) AS c, var_pop(f32) AS d, corr(f, id) AS e, regr_slope(f, id) AS h FROM input GROUP BY k",
    "SELECT sum(f) AS a, avg(f32) AS b, stddev_pop(f) AS c, covar_samp(f, id) AS d FROM input",
    "SELECT k, array_agg(id) AS a, string_agg(s, '|') AS b, first_value(id) AS c, last_value(s) AS d FROM input GROUP BY k",
    "SELECT k, array_agg(DISTINCT s) AS a, array_agg(DISTINCT f) AS b, string_agg(DISTINCT s, ',') AS c FROM input GROUP BY k",
    "SELECT array_agg(DISTINCT s) AS a, string_agg(s, ',') AS b FROM input",
    "SELECT k, approx_percentile_cont(f, 0.3) AS a, approx_median(f32) AS b, approx_distinct(id) AS c FROM input GROUP BY k",
    "SELECT k, median(f) AS a, median(DISTINCT g) AS b, percentile_cont(f, 0.25) AS c FROM input GROUP BY k",
    "SELECT count(DISTINCT g) AS a, count(DISTINCT s) AS b, sum(DISTINCT k) AS c, sum(f) AS d, count(*) AS n FROM input",
    "SELECT k, count(DISTINCT s) AS a, avg(DISTINCT f) AS b, sum(f) AS c FROM input GROUP BY k",
    "SELECT k, array_agg(id ORDER BY s) AS a, first_value(id ORDER BY k) AS b, nth_value(id, 3 ORDER BY s) AS c FROM input GROUP BY k",
    "SELECT id, s FROM input LIMIT 100",
    "SELECT id, s FROM input WHERE k = 3 LIMIT 50 OFFSET 300",
    "SELECT id, k, s FROM input ORDER BY k",
    "SELECT id, k, s FROM input ORDER BY s DESC, k LIMIT 700",
    "SELECT DISTINCT k, s FROM input LIMIT 60",
    "SELECT g, sum(f) AS a FROM input GROUP BY g LIMIT 20",
    "SELECT g, count(*) AS n FROM input GROUP BY g ORDER BY n DESC LIMIT 30",
    "SELECT f, count(*) AS n FROM input GROUP BY f ORDER BY n DESC",
    "SELECT x, count(*) AS n, sum(f) AS a, array_agg(f) AS b FROM (SELECT k AS x, f FROM one UNION ALL SELECT k AS x, f * 2 FROM other) AS u GROUP BY x",
    "SELECT id FROM one UNION ALL SELECT id + 100000 AS id FROM other LIMIT 5500",
    "SELECT i.id, d.w FROM input AS i LEFT JOIN side AS d ON i.k = d.k ORDER BY d.w LIMIT 3000",
    "SELECT d.w, sum(i.f) AS a, array_agg(i.id) AS b FROM input AS i JOIN side AS d ON i.k = d.k GROUP BY d.w",
    "SELECT g, n, row_number() OVER (ORDER BY n) AS r, sum(a) OVER (ORDER BY n ROWS 3 PRECEDING) AS w FROM (SELECT g, count(*) AS n, sum(f) AS a FROM input GROUP BY g) AS t",
    "SELECT g, k, n, rank() OVER (PARTITION BY k ORDER BY n) AS r, row_number() OVER (PARTITION BY g ORDER BY n) AS q, sum(n) OVER (ORDER BY k, n ROWS 2 PRECEDING) AS w FROM (SELECT g, k, count(*) AS n FROM input GROUP BY g, k) AS t",
    "SELECT id, k, rank() OVER (PARTITION BY k ORDER BY f) AS r FROM (SELECT id, k, f FROM input ORDER BY k, f LIMIT 900) AS t",
    "SELECT k, s, grouping(k) AS gk, count(*) AS n, sum(f32) AS a FROM input GROUP BY CUBE (k, s)",
];

fn inputs(place: &Place) {
    data::parquet(&place.path("p"), 2, 6000);
    data::parquet(&place.path("o"), 1, 3000);
    fs::write(place.path("side.csv"), "k,w\n1,a\n1,b\n2,c\n2,c\n5,a\n99,z\n").expect("it can be written");
}

fn check(place: &Place, name: &str, sql: &str, shards: &str) {
    let input = if sql.contains("FROM other") {
        "inputs: { one: { url: p/ }, other: { url: o/ } }"
    } else {
        "input: { url: p/ }"
    };
    let sql_line = format!("sql: \"{sql}\"");
    let mut first = None;
    for (n, threads) in ["1", "2", "5", "5"].into_iter().enumerate() {
        let out = format!("{name}-{n}");
        let blocks = [input, "tables: { side: { url: side.csv } }", &sql_line, shards];
        let spec = place.spec(&out, &blocks, &format!("url: {out}/, format: parquet"));
        place.dp(&["run", spec.to_str().expect("UTF-8"), "--threads", threads]).expect(0);
        let bytes = result(&place.path(&out)).expect("a result");
        let first = first.get_or_insert_with(|| bytes.clone());
        assert!(*first == bytes, "{sql}: other bytes with {threads} threads");
    }
}

#[test]
fn threads_do_not_show_in_the_result() {
    let place = Place::new();
    inputs(&place);
    std::thread::scope(|scope| {
        for half in 0..2 {
            let place = &place;
            scope.spawn(move || {
                for (n, sql) in STATEMENTS.iter().enumerate().filter(|(n, _)| n % 2 == half) {
                    check(place, &format!("s{n}"), sql, "shards: { count: 6 }");
                }
            });
        }
    });
}

/// More rows than one bucket holds, in morsels whose states do not shrink and in ones that do.
#[test]
fn many_groups_are_cut_into_buckets_in_one_order() {
    let place = Place::new();
    inputs(&place);
    fs::remove_dir_all(place.path("p")).expect("it is there");
    data::parquet(&place.path("p"), 3, 400_000);
    for (name, sql) in [
        (
            "wide",
            "SELECT id % 700000 AS x, sum(f) AS f, count(DISTINCT k) AS n FROM input GROUP BY id % 700000",
        ),
        ("mixed", "SELECT CASE WHEN id % 3 > 0 THEN g ELSE id END AS x, sum(f) AS f FROM input GROUP BY 1"),
    ] {
        check(&place, name, sql, "shards: { count: 3 }");
    }
}
