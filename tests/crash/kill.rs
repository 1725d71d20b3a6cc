//! Killed by SIGKILL at every step, a run resumes to the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use dp::event::Step;

use crate::data;
use crate::place::{Place, committed, committed_data, no_leftovers, result, run_folder, visible};

/// Cases at one time: they wait for the disk more than they compute.
const WORKERS: usize = 4;

/// Name, blocks of the spec, format of the output.
type Job = (&'static str, &'static [&'static str], &'static str);

const JOBS: [Job; 6] = [
    (
        "map-only",
        &[
            "input: { url: p/ }",
            "sql: SELECT id, k, f * 2 AS f2, s FROM input WHERE g % 3 > 0",
            "shards: { count: 4 }",
        ],
        "format: parquet",
    ),
    (
        "cut-csv",
        &["input: { url: q.csv }", "sql: SELECT id, t, f FROM input WHERE k <> 3", "shards: { count: 9 }"],
        "format: jsonl",
    ),
    (
        "sort",
        &["input: { url: p/ }", "sql: SELECT s, f, id FROM input ORDER BY s DESC, f", "shards: { count: 3 }"],
        "format: csv, targetFileSize: 100KiB",
    ),
    (
        "top",
        &[
            "input: { url: q.csv }",
            "sql: SELECT id, t FROM input ORDER BY f DESC LIMIT 40",
            "shards: { count: 5 }",
        ],
        "format: csv",
    ),
    (
        "groups",
        &[
            "input: { url: p/ }",
            "sql: \"SELECT g, sum(f) AS f, avg(f32) AS a, count(DISTINCT s) AS n FROM input GROUP BY g\"",
            "shards: { count: 5 }",
        ],
        "format: arrow",
    ),
    (
        "first",
        &["input: { url: q.csv }", "sql: SELECT id, t FROM input LIMIT 500", "shards: { count: 6 }"],
        "format: csv",
    ),
];

fn inputs(place: &Place) {
    data::parquet(&place.path("p"), 3, 8000);
    data::quoted_csv(&place.path("q.csv"), 1500);
}

/// Writes the spec of a job whose result goes to `out`.
fn spec(place: &Place, job: &Job, out: &str) -> String {
    let (name, blocks, format) = job;
    place.spec(&format!("{name}-{out}"), blocks, &format!("url: {out}/, {format}")).display().to_string()
}

/// An undisturbed run: its result, and how often each step came.
fn undisturbed(place: &Place, job: &Job) -> (BTreeMap<String, Vec<u8>>, BTreeMap<&'static str, usize>) {
    let out = format!("{}-whole", job.0);
    let ended = place.dp(&["run", &spec(place, job, &out), "--threads", "2", "--progress", "json"]).expect(0);
    let steps = Step::ALL.map(|s| (s.name(), ended.reached(s.name()).len()));
    (result(&place.path(&out)).expect("it is published"), steps.into_iter().collect())
}

#[test]
fn a_run_that_is_killed_at_any_step_resumes_to_the_same_bytes() {
    let place = Place::new();
    inputs(&place);
    let mut cases = Vec::new();
    let mut wholes = BTreeMap::new();
    let mut reached = BTreeSet::new();
    for job in &JOBS {
        let (whole, steps) = undisturbed(&place, job);
        for (step, count) in steps {
            let nths: BTreeSet<usize> =
                [1, 2, count].into_iter().filter(|n| (1..=count).contains(n)).collect();
            reached.extend((count > 0).then_some(step));
            cases.extend(nths.into_iter().map(|nth| (job, step, nth)));
        }
        wholes.insert(job.0, whole);
    }
    assert_eq!(reached.len(), Step::ALL.len(), "a step that no job reaches: {reached:?}");
    in_parallel(&cases, |(job, step, nth)| {
        let out = format!("{}-{step}-{nth}", job.0);
        killed_once(&place, job, &out, &format!("{step}:{nth}"), &wholes[job.0]);
    });
    assert!(place.scratch().is_empty(), "{:?}", place.scratch());
}

fn killed_once(place: &Place, job: &Job, out: &str, at: &str, whole: &BTreeMap<String, Vec<u8>>) {
    let (spec, output) = (spec(place, job, out), place.path(out));
    let run = ["run", &spec, "--threads", "2", "--progress", "json", "-o", "json"];
    let killed = place.dp_killed_at(at, &run);
    assert!(killed.killed(), "{out}: {}", killed.stderr());
    let visible_then = result(&output);
    assert!(visible_then.as_ref().is_none_or(|files| files == whole), "{out}: a partial result is visible");
    assert_eq!(visible_then.is_some(), at.starts_with("done"), "{out}");

    let folder = run_folder(&output);
    let before = committed(&folder);
    let merged = folder.join("manifest.json").exists();
    if at.ends_with(":2") {
        // Removing leftovers in the middle takes nothing that is committed.
        place.dp(&["gc", &folder.display().to_string()]).expect(0);
        committed_data(&output);
    }
    let resumed = place.dp(&run).expect(0);
    let again: BTreeSet<String> = resumed.reached("fetched").into_iter().collect();
    assert!(again.is_disjoint(&before), "{out}: {again:?} were committed");
    assert!(!merged || again.is_empty(), "{out}: {again:?} though all was merged");
    let started = resumed.events().into_iter().find(|e| e["event"] == "run-started");
    let shards: BTreeSet<&str> =
        before.iter().map(|task| task.split('-').next().unwrap_or_default()).collect();
    assert_eq!(
        started.map(|e| e["committed"].as_u64()),
        (!merged).then_some(Some(shards.len() as u64)),
        "{out}"
    );
    let outcome = if at.starts_with("done") { "already-done" } else { "done" };
    assert_eq!(resumed.json()["outcome"], outcome, "{out}");
    assert!(result(&output).as_ref() == Some(whole), "{out}: other bytes");

    place.dp(&["gc", &folder.display().to_string()]).expect(0);
    no_leftovers(&output);
    assert!(result(&output).as_ref() == Some(whole), "{out}: gc changed the result");
    place.dp(&run).expect(0);
}

#[test]
fn killed_again_while_it_resumes_it_still_gives_the_same_bytes() {
    let place = Place::new();
    inputs(&place);
    let wholes: BTreeMap<&str, _> = JOBS.iter().map(|job| (job.0, undisturbed(&place, job).0)).collect();
    let cases: Vec<(usize, &Job)> =
        (0..Step::ALL.len()).zip(JOBS.iter().cycle()).chain((3..Step::ALL.len()).zip(&JOBS[..2])).collect();
    in_parallel(&cases, |(first, job)| {
        let out = format!("{}-{first}", job.0);
        let (spec, output) = (spec(&place, job, &out), place.path(&out));
        let run = ["run", &spec, "--threads", "2"];
        // At this step, there again (which may be another shard's), then at each later one.
        for step in std::iter::once(&Step::ALL[*first]).chain(&Step::ALL[*first..]) {
            let ended = place.dp_killed_at(step.name(), &run);
            assert!(ended.killed() || ended.code() == Some(0), "{out}: {}", ended.stderr());
            assert!(result(&output).is_none_or(|files| files == wholes[job.0]), "{out}: a partial result");
        }
        place.dp(&run).expect(0);
        assert!(result(&output).as_ref() == Some(&wholes[job.0]), "{out}: other bytes");
        assert_eq!(visible(&output).len(), wholes[job.0].len());
    });
}

/// Works through `cases` on a few threads; a failed case fails the test when all have ended.
fn in_parallel<T: Sync>(cases: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(case);
                    *done.lock().expect("no one holds it") += 1;
                }
            });
        }
    });
    assert_eq!(*done.lock().expect("no one holds it"), cases.len());
}
