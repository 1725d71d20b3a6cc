//! The real binary on a real S3 server: `make s3`, which is `tests/cluster/run cargo test --test s3`.
//!
//! The environment names a bucket (`DP_TEST_BUCKET_URL`) and says how to reach it (`AWS_…`). Without it these
//! tests fail: they are not part of a plain `cargo test`.

mod bucket;

use dp::event::Step;
use dp::store::layout;
use serde_json::Value;

use bucket::{Bucket, code, local_copy, text};

const GROUPS: &str = "SELECT carrier, month, dest, count(*) AS n, avg(arr_delay) AS d FROM input GROUP BY carrier, month, dest";

/// The flights of the repository.
fn flights() -> String {
    format!("{}/jobs/data/flights/", env!("CARGO_MANIFEST_DIR"))
}

/// Name, statement, format of the output.
const JOBS: [(&str, &str, &str); 4] = [
    ("groups", GROUPS, "csv"),
    ("rows", "SELECT * FROM input WHERE dep_delay > 30", "parquet"),
    (
        "sort",
        "SELECT carrier, flight, dep_delay FROM input ORDER BY dep_delay DESC, carrier, flight",
        "jsonl",
    ),
    ("top", "SELECT carrier, flight, distance FROM input ORDER BY distance, flight LIMIT 20", "arrow"),
];

#[test]
fn results_have_the_bytes_of_a_local_run() {
    let bucket = Bucket::new("local");
    for (name, sql, format) in JOBS {
        let remote = bucket.url(name);
        assert_eq!(code(&bucket.run(&flights(), sql, &remote, format, None)), 0);
        let local = bucket.file(name);
        assert_eq!(code(&bucket.run(&flights(), sql, &local, format, None)), 0);
        let files = bucket.result(&remote);
        assert_eq!(files, bucket.result(&local), "{name}");
        assert!(!files.is_empty(), "{name}");
    }
}

#[test]
fn input_is_read_from_the_bucket() {
    let bucket = Bucket::new("input");
    let lake = bucket.url("lake");
    local_copy(&bucket, "jobs/data/flights", "lake/flights");
    local_copy(&bucket, "jobs/data/text/psalms.csv", "lake/psalms.csv");
    let flights = |place: &str| {
        let sql = format!(
            "SELECT carrier, month, count(*) AS n FROM '{place}' GROUP BY carrier, month ORDER BY 1, 2"
        );
        bucket.dp(&["sql", &sql, "--progress", "none"], None)
    };
    let there = flights(&format!("{lake}flights/**/*.parquet"));
    assert_eq!(code(&there), 0, "{}", text(&there.stderr));
    assert_eq!(text(&there.stdout), text(&flights(&self::flights()).stdout));
    // A text with line breaks inside quotes, cut in four.
    let sql = "SELECT psalm, verses, text FROM input ORDER BY psalm";
    let (a, b) = (bucket.url("psalms"), bucket.file("psalms"));
    let local = format!("{}/jobs/data/text/psalms.csv", env!("CARGO_MANIFEST_DIR"));
    assert_eq!(code(&bucket.run(&format!("{lake}psalms.csv"), sql, &a, "csv", None)), 0);
    assert_eq!(code(&bucket.run(&local, sql, &b, "csv", None)), 0);
    assert_eq!(bucket.result(&a), bucket.result(&b));
}

#[test]
fn killed_at_any_step_a_run_resumes_to_the_same_bytes() {
    let bucket = Bucket::new("kill");
    for (name, sql, format) in JOBS {
        let whole = bucket.url(&format!("{name}/whole"));
        assert_eq!(code(&bucket.run(&flights(), sql, &whole, format, None)), 0);
        let expected = bucket.result(&whole);
        let mut killed = 0;
        for step in Step::ALL {
            for nth in [1, 3] {
                let at = format!("{}:{nth}", step.name());
                let output = bucket.url(&format!("{name}/{}-{nth}", step.name()));
                let first = bucket.run(&flights(), sql, &output, format, Some(&at));
                killed += u32::from(first.status.code().is_none());
                let again = bucket.run(&flights(), sql, &output, format, None);
                assert_eq!(code(&again), 0, "{name} {at}: {}", text(&again.stderr));
                assert_eq!(bucket.result(&output), expected, "{name} {at}");
                let run = bucket.run_name(&output);
                assert_eq!(code(&bucket.dp(&["gc", &run, "--out", &output], None)), 0);
                assert_eq!(bucket.leftovers(&output, &run), Vec::<String>::new(), "{name} {at}");
            }
        }
        assert!(killed >= 12, "{name}: only {killed} were killed");
    }
}

#[test]
fn processes_on_one_plan_give_one_result() {
    let bucket = Bucket::new("together");
    for (name, sql, format) in JOBS {
        let output = bucket.url(name);
        let ended: Vec<_> = std::thread::scope(|scope| {
            let all: Vec<_> =
                (0..3).map(|_| scope.spawn(|| bucket.run(&flights(), sql, &output, format, None))).collect();
            all.into_iter().map(|t| t.join().expect("it does not panic")).collect()
        });
        for one in &ended {
            assert_eq!(code(one), 0, "{name}: {}", text(&one.stderr));
        }
        let alone = bucket.url(&format!("{name}-alone"));
        assert_eq!(code(&bucket.run(&flights(), sql, &alone, format, None)), 0);
        assert_eq!(bucket.result(&output), bucket.result(&alone), "{name}");
    }
}

#[test]
fn what_a_person_must_repair_is_said_at_once() {
    let bucket = Bucket::new("wrong");
    let place = bucket.url("lake");
    let sql = |url: &str| format!("SELECT count(*) FROM '{url}*.parquet'");
    let ask = |url: &str, variable: (&str, &str)| {
        bucket.dp_with(&["sql", &sql(url), "--progress", "none"], &[variable])
    };
    for (url, variable, part) in [
        (place.as_str(), ("AWS_SECRET_ACCESS_KEY", "wrong"), "does not accept the credentials"),
        (place.as_str(), ("AWS_ACCESS_KEY_ID", "nobody"), "does not accept the credentials"),
        ("s3://no-such-bucket-of-dp/x/", ("AWS_REGION", "us-east-1"), "no such bucket"),
        (place.as_str(), ("AWS_ALLOW_HTTP", "false"), "AWS_ALLOW_HTTP=true"),
    ] {
        if variable.0 == "AWS_ALLOW_HTTP" && !Bucket::is_plain_http() {
            continue;
        }
        let ended = ask(url, variable);
        let said = text(&ended.stderr);
        assert_eq!((code(&ended), said.contains(part)), (11, true), "{variable:?}: {said}");
        assert!(!said.contains("dp-test-secret"), "{said}");
    }
}

#[test]
fn a_result_of_another_plan_is_kept_or_replaced_whole() {
    let bucket = Bucket::new("replace");
    let output = bucket.url("out");
    let [(_, groups, _), (_, rows, _), ..] = JOBS;
    assert_eq!(code(&bucket.run(&flights(), rows, &output, "csv", None)), 0);
    let before = bucket.result(&output);
    assert_eq!(code(&bucket.run(&flights(), groups, &output, "csv", None)), 11);
    assert_eq!(bucket.result(&output), before);
    assert_eq!(code(&bucket.run(&flights(), groups, &output, "csv, ifExists: replace", None)), 0);
    let mark: Value = bucket.json(&output, layout::SUCCESS);
    assert_eq!(bucket.visible(&output).len(), mark["files"].as_array().expect("a list").len());
    assert_ne!(bucket.result(&output), before);
}
