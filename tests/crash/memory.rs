//! A tight budget: the same bytes, and nothing left in the scratch folder.

use crate::data;
use crate::place::{Place, result};

/// Jobs that hold more than the tight budget, with names.
const JOBS: [(&str, &str); 4] = [
    (
        "groups",
        "SELECT g, s, id % 4000 AS x, sum(f) AS f, avg(f32) AS a, count(*) AS n FROM input GROUP BY g, s, id % 4000",
    ),
    ("sort", "SELECT id, s, f FROM input ORDER BY f, s"),
    (
        "lists",
        "SELECT k, array_agg(id) AS ids, array_agg(s ORDER BY f) AS s, median(f) AS m FROM input GROUP BY k",
    ),
    ("rows", "SELECT id, s, f FROM input WHERE g <> 7"),
];

fn jobs(place: &Place) {
    data::parquet(&place.path("p"), 3, 40_000);
    for (name, sql) in JOBS {
        for out in ["roomy", "tight", "killed"] {
            let sql = format!("sql: \"{sql}\"");
            let output = format!("url: {name}-{out}/, format: parquet");
            place.spec(
                &format!("{name}-{out}"),
                &["input: { url: p/ }", &sql, "shards: { count: 3 }"],
                &output,
            );
        }
    }
}

#[test]
fn a_tight_budget_gives_the_same_bytes_and_leaves_no_scratch() {
    let place = Place::new();
    jobs(&place);
    for (name, _) in JOBS {
        let run = |out: &str| format!("{name}-{out}.yaml");
        place.dp(&["run", &run("roomy"), "--memory", "4GiB"]).expect(0);
        let roomy = result(&place.path(&format!("{name}-roomy")));
        for memory in ["64MiB", "1MiB"] {
            place.dp(&["run", &run("tight"), "--memory", memory]).expect(0);
            let output = place.path(&format!("{name}-tight"));
            assert!(result(&output) == roomy, "{name}, {memory}: other bytes");
            std::fs::remove_dir_all(output).expect("it can be removed");
        }
        let killed = run("killed");
        for step in ["before-write", "committed:2", "reduce-checked", "manifest-written"] {
            let ended = place.dp_killed_at(step, &["run", &killed, "--memory", "1MiB", "--threads", "2"]);
            assert!(ended.killed(), "{name}, {step}: {}", ended.stderr());
            assert!(place.scratch().is_empty(), "{name}, {step}: {:?}", place.scratch());
        }
        place.dp(&["run", &killed, "--memory", "1MiB"]).expect(0);
        assert!(result(&place.path(&format!("{name}-killed"))) == roomy, "{name}: other bytes after kills");
        assert!(place.scratch().is_empty(), "{name}: {:?}", place.scratch());
    }
}

#[test]
fn a_tight_budget_does_spill() {
    let place = Place::new();
    jobs(&place);
    // Without a folder to spill to, only a roomy budget is enough.
    let sort = |out: &str, memory: &str| {
        let mut command = place.command(&["run", &format!("sort-{out}.yaml"), "--memory", memory]);
        command.env("TMPDIR", "/dev/null/nowhere").output().expect("dp starts")
    };
    assert_eq!(sort("roomy", "4GiB").status.code(), Some(0));
    let tight = sort("tight", "1MiB");
    assert_eq!(tight.status.code(), Some(11), "{}", String::from_utf8_lossy(&tight.stderr));
    assert!(String::from_utf8_lossy(&tight.stderr).contains("/dev/null/nowhere"));
}

#[test]
fn a_statement_whose_process_was_killed_leaves_scratch_until_the_next_one() {
    let place = Place::new();
    data::parquet(&place.path("p"), 1, 2000);
    let sql = ["sql", "SELECT id, f FROM 'p/*.parquet' ORDER BY f"];
    for step in ["committed", "published-all", "done"] {
        assert!(place.dp_killed_at(step, &sql).killed());
        assert_eq!(place.scratch().len(), 1);
        place.dp(&sql).expect(0);
        assert!(place.scratch().is_empty(), "{step}: {:?}", place.scratch());
    }
}
