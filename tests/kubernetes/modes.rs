//! Every way from map to reduce gives the bytes of a local run.

use crate::bucket::{code, local_copy, text};
use crate::namespace::{Job, Namespace};

const GROUPS: &str = "SELECT carrier, month, dest, count(*) AS n, avg(arr_delay) AS d FROM input GROUP BY carrier, month, dest";
const ROWS: &str = "SELECT * FROM input WHERE dep_delay > 30";
const TOP: &str = "SELECT carrier, flight, distance FROM input ORDER BY distance, flight LIMIT 20";

/// Name, statement, format of the output.
const JOBS: [(&str, &str, &str); 3] =
    [("groups", GROUPS, "csv"), ("rows", ROWS, "parquet"), ("top", TOP, "arrow")];

/// Flags of `dp submit`, and more keys of `spec.kubernetes`.
const MODES: [(&str, &[&str], &str); 8] = [
    ("driver-1", &[], ", indexes: 1"),
    ("driver-4", &[], ", indexes: 4, parallelism: 4"),
    ("driver-16-1", &[], ", indexes: 16, parallelism: 1"),
    ("driver-16-4", &[], ", indexes: 16, parallelism: 4"),
    ("attached", &["--attach"], ", indexes: 4, parallelism: 4"),
    ("wait", &["--no-driver"], ", indexes: 4, parallelism: 4"),
    ("resume", &["--no-driver", "--chain", "resume"], ", indexes: 4, parallelism: 4"),
    ("single", &[], ", mode: single"),
];

#[test]
fn every_mode_gives_the_bytes_of_a_local_run() {
    let namespace = &Namespace::new("modes");
    local_copy(&namespace.bucket, "jobs/data/flights", "flights");
    let input = &namespace.bucket.url("flights");
    let check = |(name, sql, format): (&str, &str, &str)| {
        let job = Job {
            name,
            sql,
            format,
            input,
            more: "shards: { count: 16 }\nresources: { cpu: 250m, memory: 256Mi }",
            kubernetes: "",
        };
        let local = namespace.bucket.url(&format!("{name}/local"));
        let file = namespace.file(name, &namespace.spec(&job, &local));
        let out = namespace.bucket.dp(&["run", &file, "--progress", "none"], None);
        assert_eq!(code(&out), 0, "{}", text(&out.stderr));
        let expected = namespace.bucket.result(&local);
        for (mode, flags, kubernetes) in MODES {
            let out = namespace.bucket.url(&format!("{name}/{mode}"));
            let job = Job { kubernetes, ..job };
            let file = namespace.file(&format!("{name}-{mode}"), &namespace.spec(&job, &out));
            let submitted =
                namespace.dp(&[&["submit", &file, "--progress", "none", "-o", "json"], flags].concat());
            assert_eq!(code(&submitted), 0, "{name} {mode}: {}", text(&submitted.stderr));
            if !flags.contains(&"--attach") {
                let said: serde_json::Value = serde_json::from_slice(&submitted.stdout).expect("JSON");
                namespace.wait(said["name"].as_str().expect("a name"));
            }
            assert_eq!(namespace.bucket.result(&out), expected, "{name} {mode}");
        }
    };
    std::thread::scope(|scope| {
        for job in JOBS {
            scope.spawn(move || check(job));
        }
    });
}
