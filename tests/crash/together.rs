//! Processes that work on one run, or on one output, at once.

use std::path::Path;
use std::process::Child;

use crate::data;
use crate::place::{Ended, Place, no_leftovers, result};

/// Starts all of them before it waits for any.
fn all_at_once(place: &Place, commands: &[Vec<&str>]) -> Vec<Ended> {
    let started: Vec<Child> =
        commands.iter().map(|args| place.command(args).spawn().expect("dp starts")).collect();
    started.into_iter().map(|child| Ended(child.wait_with_output().expect("dp ends"))).collect()
}

#[test]
fn processes_on_one_plan_give_one_result() {
    let place = Place::new();
    data::parquet(&place.path("p"), 3, 4000);
    data::quoted_csv(&place.path("q.csv"), 1500);
    for (n, (sql, format)) in [
        ("SELECT id, k, f FROM input WHERE g % 2 = 0", "parquet"),
        ("SELECT g, sum(f) AS f, count(DISTINCT s) AS n FROM input GROUP BY g ORDER BY f, g", "csv"),
        ("SELECT id, t FROM input ORDER BY t", "jsonl"),
    ]
    .into_iter()
    .enumerate()
    {
        let input = if n == 2 { "q.csv" } else { "p/" };
        let (input, sql) = (format!("input: {{ url: {input} }}"), format!("sql: {sql}"));
        let spec = |out: &str| {
            let spec = place.spec(
                &format!("j{n}"),
                &[&input, &sql, "shards: { count: 6 }"],
                &format!("url: {out}/, format: {format}"),
            );
            spec.display().to_string()
        };
        let alone = format!("alone-{n}");
        place.dp(&["run", &spec(&alone)]).expect(0);
        let whole = result(&place.path(&alone));
        for processes in [2, 3] {
            let out = format!("out-{n}-{processes}");
            let spec = spec(&out);
            let run = vec!["run", spec.as_str(), "--threads", "2"];
            for ended in all_at_once(&place, &vec![run; processes]) {
                ended.expect(0);
            }
            assert!(result(&place.path(&out)) == whole, "{out}: other bytes");
            no_leftovers(&place.path(&out));
        }
    }
}

/// Two plans that publish to `out`.
fn rivals(place: &Place, if_exists: &str) -> [String; 2] {
    data::parquet(&place.path("p"), 2, 2000);
    [("a", "SELECT id FROM input WHERE k = 1"), ("b", "SELECT id, f FROM input")].map(|(name, sql)| {
        let sql = format!("sql: {sql}");
        let blocks = ["input: { url: p/ }", sql.as_str(), "shards: { count: 4 }"];
        let output = format!("url: out/, format: csv, ifExists: {if_exists}");
        place.spec(name, &blocks, &output).display().to_string()
    })
}

/// The name of the job whose run `_SUCCESS` names.
fn winner(out: &Path) -> String {
    let mark = std::fs::read(out.join("_SUCCESS")).expect("a result");
    let mark: serde_json::Value = serde_json::from_slice(&mark).expect("JSON");
    mark["run"].as_str().expect("a name").chars().take(1).collect()
}

#[test]
fn of_two_plans_that_publish_to_one_output_one_wins_whole() {
    for round in 0..4 {
        let place = Place::new();
        let specs = rivals(&place, "fail");
        let commands: Vec<Vec<&str>> =
            specs.iter().map(|s| vec!["run", s.as_str(), "--threads", "2"]).collect();
        let ended = all_at_once(&place, &commands);
        let codes: Vec<_> = ended.iter().map(Ended::code).collect();
        let won = codes.iter().position(|c| *c == Some(0)).expect("one wins");
        assert_eq!(codes[1 - won], Some(11), "{round}: {}", ended[1 - won].stderr());
        assert!(ended[1 - won].stderr().contains("another run"), "{}", ended[1 - won].stderr());
        result(&place.path("out")).expect("a whole result");
        assert_eq!(winner(&place.path("out")), ["a", "b"][won]);
        // The loser says so again; the winner is done already.
        place.dp(&commands[1 - won]).expect(11);
        place.dp(&commands[won]).expect(0);
        assert_eq!(winner(&place.path("out")), ["a", "b"][won]);
    }
}

#[test]
fn with_replace_a_whole_result_stands_and_a_later_run_replaces_it_whole() {
    for _ in 0..4 {
        let place = Place::new();
        let specs = rivals(&place, "replace");
        let commands: Vec<Vec<&str>> =
            specs.iter().map(|s| vec!["run", s.as_str(), "--threads", "2"]).collect();
        for ended in all_at_once(&place, &commands) {
            ended.expect(0);
        }
        result(&place.path("out")).expect("a whole result");
        for (command, name) in commands.iter().zip(["a", "b"]).chain(commands.iter().zip(["a", "b"])) {
            place.dp(command).expect(0);
            result(&place.path("out")).expect("a whole result");
            assert_eq!(winner(&place.path("out")), name);
        }
    }
}

#[test]
fn a_publisher_that_died_is_no_obstacle_and_does_not_win_later() {
    for step in ["publish-claimed", "published-one", "published-all"] {
        for if_exists in ["fail", "replace"] {
            let place = Place::new();
            let [a, b] = rivals(&place, if_exists);
            assert!(place.dp_killed_at(step, &["run", &b]).killed());
            assert!(result(&place.path("out")).is_none());
            let other = place.dp(&["run", &a]);
            let files_lie_there = step != "publish-claimed";
            if if_exists == "fail" && files_lie_there {
                let said = other.expect(11).stderr();
                assert!(said.contains("another run") && said.contains("run: b-"), "{said}");
                place.dp(&["run", &b]).expect(0);
                assert_eq!(winner(&place.path("out")), "b");
            } else {
                other.expect(0);
                result(&place.path("out")).expect("a whole result");
                assert_eq!(winner(&place.path("out")), "a");
                place.dp(&["run", &b]).expect(if if_exists == "fail" { 11 } else { 0 });
                let last = if if_exists == "fail" { "a" } else { "b" };
                assert_eq!(winner(&place.path("out")), last);
            }
            result(&place.path("out")).expect("a whole result");
        }
    }
}
