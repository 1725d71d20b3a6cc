//! Ctrl-C in the middle of a run.

use std::io::{BufRead, BufReader, Read};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::data;
use crate::place::{Place, committed, no_leftovers, result, run_folder};

#[test]
fn an_interrupted_run_says_so_at_once_and_resumes() {
    let place = Place::new();
    data::quoted_csv(&place.path("q.csv"), 9000);
    let blocks =
        ["input: { url: q.csv }", "sql: SELECT id, t, sha256(t) AS h FROM input", "shards: { count: 800 }"];
    let spec =
        |out: &str| place.spec(out, &blocks, &format!("url: {out}/, format: csv")).display().to_string();
    for event in ["run-started", "shard-done"] {
        let spec = spec(event);
        let mut child = place
            .command(&["run", &spec, "--threads", "2", "--progress", "json"])
            .spawn()
            .expect("dp starts");
        let mut lines = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut line = String::new();
        while !line.contains(event) {
            line.clear();
            assert!(lines.read_line(&mut line).expect("dp prints UTF-8") > 0, "no {event}");
        }
        let since = Instant::now();
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill starts").success());
        let mut rest = String::new();
        lines.read_to_string(&mut rest).expect("dp prints UTF-8");
        assert_eq!(child.wait().expect("dp ends").code(), Some(75), "{rest}");
        assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
        let last: serde_json::Value =
            serde_json::from_str(rest.lines().last().unwrap_or_default()).expect("JSON");
        assert_eq!(last["kind"], "interrupted", "{rest}");
        assert!(last["hint"].as_str().is_some_and(|h| h.contains("dp run")), "{rest}");
        let output = place.path(event);
        assert!(result(&output).is_none());
        let before = committed(&run_folder(&output));
        let resumed = place.dp(&["run", &spec, "--threads", "2", "--progress", "json"]).expect(0);
        let again = resumed.reached("fetched");
        assert!(again.iter().all(|task| !before.contains(task)), "committed shards were computed again");
        no_leftovers(&output);
    }
    assert!(result(&place.path("run-started")) == result(&place.path("shard-done")));
}
