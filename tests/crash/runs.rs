//! Runs as folders: freeze, look, go on, compute one shard again; and what a run refuses.

use std::fs;

use serde_json::Value;

use crate::data;
use crate::place::{Place, files_below, result, run_folder};

const GROUPS: [&str; 3] = [
    "input: { url: p/ }",
    "sql: SELECT k, count(DISTINCT s) AS n, sum(f) AS f FROM input GROUP BY k",
    "shards: { count: 4 }",
];

fn place() -> Place {
    let place = Place::new();
    data::parquet(&place.path("p"), 2, 2000);
    data::quoted_csv(&place.path("q.csv"), 900);
    place
}

#[test]
fn a_shard_computed_again_gives_the_same_bytes_whatever_the_machine() {
    let place = place();
    for (n, (input, sql)) in [
        ("p/", "SELECT k, count(DISTINCT s) AS n, array_agg(DISTINCT s) AS a, median(f) AS m, sum(f) AS f FROM input GROUP BY k"),
        ("p/", "SELECT g, s, sum(f) AS f FROM input GROUP BY g, s"),
        ("q.csv", "SELECT id, t FROM input ORDER BY k, t"),
        ("q.csv", "SELECT id, t FROM input WHERE k > 3"),
    ]
    .into_iter()
    .enumerate()
    {
        let (name, input, sql) = (format!("j{n}"), format!("input: {{ url: {input} }}"), format!("sql: {sql}"));
        place.spec(&name, &[&input, &sql, "shards: { count: 4 }"], &format!("url: {name}/, format: jsonl"));
        place.dp(&["run", &format!("{name}.yaml"), "--threads", "2"]).expect(0);
        let before = files_below(&place.path(&name));
        let run = run_folder(&place.path(&name)).display().to_string();
        for shard in ["0", "1", "2", "3"] {
            for machine in [["--threads", "1"], ["--threads", "5"], ["--memory", "1MiB"]] {
                let mut args = vec!["run", "--run", &run, "--shard", shard];
                args.extend(machine);
                let said = place.dp(&args).expect(0).stdout();
                assert!(said.contains("its bytes equal those that are committed"), "{sql}: {said}");
            }
        }
        let said = place.dp(&["run", "--run", &run, "--shard", "4"]).expect(2).stderr();
        assert!(said.contains("shards 0 to 3, no shard 4"), "{said}");
        assert_eq!(files_below(&place.path(&name)), before, "a replay left something");
    }
}

#[test]
fn a_replay_finds_bytes_that_differ_and_shards_without_a_commit() {
    let place = place();
    place.spec("j", &GROUPS, "url: out/, format: csv");
    assert!(place.dp_killed_at("fetched", &["run", "j.yaml", "--threads", "1"]).killed());
    let run = run_folder(&place.path("out"));
    let replay = ["run", "--run", run.to_str().expect("UTF-8"), "--shard", "0", "-o", "json"];
    assert_eq!(place.dp(&replay).expect(0).json()["same"], Value::Null);
    place.dp(&["run", "j.yaml"]).expect(0);
    let record = run.join("commits/map/000000.json");
    let mut json: Value = serde_json::from_slice(&fs::read(&record).expect("a record")).expect("JSON");
    json["files"][0]["blake3"] = "00".into();
    fs::write(&record, json.to_string()).expect("it can be written");
    assert_eq!(place.dp(&replay).expect(0).json()["same"], false);
}

#[test]
fn a_frozen_plan_is_taken_by_spec_by_url_and_by_name() {
    let place = place();
    place.spec("j", &GROUPS, "url: out/, format: csv");
    place.spec("k", &GROUPS, "url: direct/, format: csv");
    place.dp(&["run", "k.yaml"]).expect(0);
    let whole = result(&place.path("direct"));
    for way in ["spec", "url", "name"] {
        let frozen = place.dp(&["plan", "j.yaml", "--freeze", "-o", "json"]).expect(0).json();
        let folder = frozen["folder"].as_str().expect("a folder").to_owned();
        let name = frozen["run"].as_str().expect("a name").to_owned();
        let state = |run: &str| {
            let by_url = place.dp(&["status", run, "-o", "json"]).expect(0).json();
            let by_name = place.dp(&["status", &name, "--out", "out", "-o", "json"]).expect(0).json();
            assert_eq!(by_url, by_name);
            let listed = place.dp(&["list", "--out", "out", "-o", "json"]).expect(0).stdout();
            assert!(listed.contains(&name), "{listed}");
            by_url["state"].as_str().expect("a state").to_owned()
        };
        assert_eq!(state(&folder), "planned");
        let work = place.path("out/_dp").display().to_string();
        let run = match way {
            "spec" => vec!["run", "j.yaml"],
            "url" => vec!["run", "--run", &folder],
            _ => vec!["run", "--run", &name, "--work", &work],
        };
        assert!(place.dp_killed_at("committed", &run).killed());
        assert_eq!(state(&folder), "started");
        assert!(place.dp_killed_at("reduce-checked", &run).killed());
        assert_eq!(state(&folder), "mapped");
        place.dp(&run).expect(0);
        assert_eq!(state(&folder), "done");
        assert!(result(&place.path("out")) == whole, "{way}: other bytes");
        fs::remove_dir_all(place.path("out")).expect("it can be removed");
    }
}

#[test]
fn what_is_done_is_not_computed_again() {
    let place = place();
    place.spec("j", &GROUPS, "url: out/, format: csv");
    place.dp(&["run", "j.yaml"]).expect(0);
    let whole = result(&place.path("out"));
    for name in [None, Some("another-name")] {
        let mut args = vec!["run", "j.yaml", "--progress", "json", "-o", "json"];
        args.extend(name.into_iter().flat_map(|n| ["--run", n]));
        let again = place.dp(&args).expect(0);
        assert_eq!(again.json()["outcome"], "already-done");
        assert_eq!(again.json()["rows"], 14);
        assert!(again.events().iter().all(|e| e["event"] != "step"), "{}", again.stderr());
        assert!(again.stderr().contains("nothing was computed"), "{}", again.stderr());
        assert!(result(&place.path("out")) == whole);
    }
    // A file of the result is gone: it is put back without computing.
    fs::remove_file(place.path("out/part-000000-0000.csv")).expect("it is there");
    let mended = place.dp(&["run", "j.yaml", "--progress", "json"]).expect(0);
    assert!(mended.reached("fetched").is_empty(), "{}", mended.stderr());
    assert!(result(&place.path("out")) == whole);
}

#[test]
fn another_version_refuses_the_run() {
    let place = place();
    place.spec("j", &GROUPS, "url: out/, format: csv");
    place.dp(&["plan", "j.yaml", "--freeze"]).expect(0);
    let run = run_folder(&place.path("out"));
    let plan = run.join("plan.json");
    let mut json: Value = serde_json::from_slice(&fs::read(&plan).expect("a plan")).expect("JSON");
    json["version"] = "0.0.9".into();
    fs::write(&plan, json.to_string()).expect("it can be written");
    let before = files_below(&place.path("out"));
    let run = run.display().to_string();
    for args in
        [vec!["run", "j.yaml"], vec!["run", "--run", &run], vec!["run", "--run", &run, "--shard", "0"]]
    {
        let said = place.dp(&args).expect(11).stderr();
        assert!(said.contains("0.0.9"), "{said}");
    }
    place.dp(&["status", &run]).expect(11);
    assert_eq!(files_below(&place.path("out")), before);
}

#[test]
fn an_input_that_changed_after_the_freeze_is_named() {
    for (input, file, gone) in [
        ("p/", "p/1.parquet", false),
        ("q.csv", "q.csv", false),
        ("p/", "p/0.parquet", true),
        ("q.csv", "q.csv", true),
    ] {
        let place = place();
        let url = format!("input: {{ url: {input} }}");
        place.spec(
            "j",
            &[&url, "sql: SELECT count(*) AS n FROM input WHERE k = 3", "shards: { count: 3 }"],
            "url: out/, format: csv",
        );
        place.dp(&["plan", "j.yaml", "--freeze"]).expect(0);
        let path = place.path(file);
        if gone {
            fs::remove_file(&path).expect("it is there");
        } else {
            // The same size: only what identifies the content tells.
            let mut bytes = fs::read(&path).expect("it is there");
            let last = bytes.len() - 1;
            bytes[last] = bytes[last].wrapping_add(1);
            fs::remove_file(&path).expect("it is there");
            fs::write(&path, bytes).expect("it can be written");
        }
        let run = run_folder(&place.path("out")).display().to_string();
        let said = place.dp(&["run", "--run", &run]).expect(11).stderr();
        assert!(said.contains(path.to_str().expect("UTF-8")), "{file}: {said}");
        assert!(result(&place.path("out")).is_none());
    }
}

#[test]
fn a_name_belongs_to_one_plan() {
    let place = place();
    place.spec("a", &GROUPS, "url: out/, format: csv, ifExists: replace");
    place.spec(
        "b",
        &["input: { url: p/ }", "sql: SELECT id FROM input"],
        "url: out/, format: csv, ifExists: replace",
    );
    place.dp(&["run", "a.yaml", "--run", "x"]).expect(0);
    let whole = result(&place.path("out"));
    let said = place.dp(&["run", "b.yaml", "--run", "x"]).expect(11).stderr();
    assert!(said.contains("another plan"), "{said}");
    assert!(result(&place.path("out")) == whole);
    // Also one that was about to be frozen when its process died: blocks, but no header yet.
    fs::remove_file(place.path("out/_dp/x/plan.json")).expect("it is there");
    place.dp(&["run", "b.yaml", "--run", "x"]).expect(11);
    assert!(result(&place.path("out")) == whole);
    for wrong in ["publish", "a b", "", "-x"] {
        place.dp(&["run", "a.yaml", &format!("--run={wrong}")]).expect(2);
    }
}

#[test]
fn an_output_that_is_not_ours_is_left_alone() {
    for if_exists in ["fail", "replace"] {
        let place = place();
        fs::create_dir(place.path("out")).expect("it can be made");
        fs::write(place.path("out/notes.txt"), "mine").expect("it can be written");
        place.spec("j", &GROUPS, &format!("url: out/, format: csv, ifExists: {if_exists}"));
        let refused = place.dp(&["run", "j.yaml", "--progress", "json"]).expect(11);
        assert!(refused.stderr().contains("notes.txt"), "{}", refused.stderr());
        assert!(refused.reached("fetched").is_empty(), "it began to compute");
        assert_eq!(files_below(&place.path("out")).len(), 1, "it left something");
    }
}

#[test]
fn an_older_result_is_kept_or_replaced_whole() {
    let place = place();
    for (name, if_exists) in [("old", "fail"), ("kept", "fail"), ("new", "replace")] {
        let sql = if name == "old" {
            "sql: SELECT id, f FROM input"
        } else {
            "sql: SELECT id FROM input WHERE k = 1"
        };
        let count = if name == "old" { "shards: { count: 6 }" } else { "shards: { count: 2 }" };
        place.spec(
            name,
            &["input: { url: p/ }", sql, count],
            &format!("url: out/, format: csv, ifExists: {if_exists}"),
        );
    }
    place.dp(&["run", "old.yaml"]).expect(0);
    let old = result(&place.path("out")).expect("a result");
    assert_eq!(old.len(), 6);
    let refused = place.dp(&["run", "kept.yaml", "--progress", "json"]).expect(11);
    assert!(refused.reached("fetched").is_empty(), "it began to compute");
    assert!(result(&place.path("out")).as_ref() == Some(&old));
    place.dp(&["run", "new.yaml"]).expect(0);
    assert_eq!(result(&place.path("out")).expect("a result").len(), 2);
    // A file that someone put beside the result stays, and stops the next replacement.
    fs::write(place.path("out/more.csv"), "mine").expect("it can be written");
    place.spec(
        "third",
        &["input: { url: p/ }", "sql: SELECT f FROM input"],
        "url: out/, format: csv, ifExists: replace",
    );
    place.dp(&["run", "third.yaml"]).expect(11);
    assert!(place.path("out/more.csv").exists() && place.path("out/_SUCCESS").exists());
}
