//! Statements that need not read all of their input: reduce proves their plan's work all the same.

use std::fs;

use crate::data;
use crate::place::{Place, result};

#[test]
fn what_is_left_unread_is_no_contradiction() {
    let place = Place::new();
    data::parquet(&place.path("p"), 2, 2000);
    data::quoted_csv(&place.path("q.csv"), 900);
    fs::write(place.path("side.csv"), "k,w\n1,a\n2,b\n").expect("it can be written");
    let ids = |range: std::ops::Range<u32>| {
        range.flat_map(|id| [id.to_string(), "\n".to_owned()]).collect::<String>()
    };
    for (n, (input, sql, want)) in [
        // The records of a cut text behind a LIMIT, in the first shard or in a later one.
        ("q.csv", "SELECT id FROM input LIMIT 5", format!("id\n{}", ids(0..5))),
        ("q.csv", "SELECT id FROM input LIMIT 400 OFFSET 300", format!("id\n{}", ids(300..700))),
        ("q.csv", "SELECT id FROM input LIMIT 2000", format!("id\n{}", ids(0..900))),
        ("p/", "SELECT id FROM input LIMIT 3000", format!("id\n{}", ids(0..3000))),
        // Partials without columns.
        ("q.csv", "SELECT count(*) AS n FROM (SELECT id FROM input LIMIT 700) AS t", "n\n700\n".to_owned()),
        ("p/", "SELECT count(*) AS n FROM (SELECT id FROM input LIMIT 700) AS t", "n\n700\n".to_owned()),
        // Row by row behind the cut, and then not: one plan pulls the other's rows.
        ("q.csv", "SELECT id + 1 AS n FROM input ORDER BY id DESC LIMIT 1 OFFSET 2", "n\n898\n".to_owned()),
        (
            "p/",
            "SELECT n + 1 AS m FROM (SELECT count(*) AS n FROM input LIMIT 1) AS t LIMIT 1",
            "m\n4001\n".to_owned(),
        ),
        // A join with nothing.
        (
            "p/",
            "SELECT id, w FROM input JOIN (SELECT * FROM side WHERE k > 5) AS s USING (k)",
            "id,w\n".to_owned(),
        ),
        (
            "q.csv",
            "SELECT count(*) AS n FROM input WHERE k IN (SELECT k FROM side WHERE k > 5)",
            "n\n0\n".to_owned(),
        ),
        ("p/", "SELECT id FROM input WHERE 1 = 0", "id\n".to_owned()),
    ]
    .into_iter()
    .enumerate()
    {
        for shards in [1, 7] {
            let (name, input) = (format!("j{n}-{shards}"), format!("input: {{ url: {input} }}"));
            let (sql_line, shards) = (format!("sql: \"{sql}\""), format!("shards: {{ count: {shards} }}"));
            let blocks = [&input, "tables: { side: { url: side.csv } }", &sql_line, &shards];
            place.spec(&name, &blocks, &format!("url: {name}/, format: csv"));
            place.dp(&["run", &format!("{name}.yaml")]).expect(0);
            let files = result(&place.path(&name)).expect("a result");
            let rows: Vec<String> =
                files.into_values().map(|b| String::from_utf8(b).expect("UTF-8")).collect();
            assert_eq!(rows.concat(), want, "{sql}, {shards}");
        }
    }
}
