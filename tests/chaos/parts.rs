//! Whatever fails while a job runs: the result has the bytes of an undisturbed run, and every run ends.
//!
//! `DP_CHAOS=20 tests/on_cluster --test chaos` runs 20 rounds of each kind (otherwise one) and
//! appends a line for each to the file that `DP_CHAOS_RECORD` names. Which rounds: `DP_CHAOS_SEED`.

use std::fs::OpenOptions;
use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use dp::event::Interrupt;
use serde_json::{Value, json};

use crate::bucket::{code, local_copy, text};
use crate::namespace::{Job, Namespace};
use crate::processes;

const GROUPS: &str = "SELECT carrier, month, dest, count(*) AS n, avg(arr_delay) AS d FROM input GROUP BY carrier, month, dest";

/// A kind of failure and what makes it.
type Kind = (&'static str, fn(&Round));

const KINDS: [Kind; 10] = [
    ("pod deleted", |r| r.delete_pod()),
    ("container killed", |r| r.kill("worker")),
    ("driver killed", |r| r.kill("driver")),
    ("two pods of one index", |r| r.second_pod()),
    ("node drained", |r| r.drain()),
    ("kubelet restarted", |_| part("kubelet", "restart")),
    ("S3 server killed", |r| r.part_away("minio")),
    ("API server killed", |r| r.part_away("apiserver")),
    ("controller manager killed", |r| r.part_away("controller-manager")),
    ("scheduler killed", |r| r.part_away("scheduler")),
];

struct Round<'a> {
    namespace: &'a Namespace,
    run: String,
    /// Where its result goes.
    place: String,
    dice: Dice,
}

/// Marsaglia's xorshift: the same rounds for the same seed.
struct Dice(std::cell::Cell<u64>);

impl Dice {
    fn below(&self, n: u64) -> u64 {
        let mut x = self.0.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0.set(x);
        x % n
    }

    fn one_of<'a, T>(&self, items: &'a [T]) -> Option<&'a T> {
        let at = self.below(items.len().max(1) as u64);
        items.get(usize::try_from(at).ok()?)
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

impl Round<'_> {
    fn pods(&self, fields: &str) -> Vec<String> {
        let labels = format!("dp.dev/run={}", self.run);
        let out = self.namespace.try_kubectl(&[
            "get",
            "pods",
            "-l",
            &labels,
            "--field-selector",
            fields,
            "-o",
            "name",
        ]);
        text(&out.stdout).lines().map(str::to_owned).collect()
    }

    fn delete_pod(&self) {
        let pods = self.pods("status.phase=Running");
        if let Some(pod) = self.dice.one_of(&pods) {
            self.namespace.try_kubectl(&["delete", pod, "--wait=false"]);
        }
    }

    /// SIGKILL to one of the processes of the node that run `dp COMMAND`.
    fn kill(&self, command: &str) {
        let mark = if command == "driver" { &self.run } else { &self.place };
        let all = processes::of(command, mark);
        if let Some(process) = self.dice.one_of(&all) {
            processes::signal("-9", process);
        }
    }

    /// A pod beside that of the Job, with the same index and its work.
    fn second_pod(&self) {
        let name = format!("{}-map", self.run);
        let out = self.namespace.try_kubectl(&["get", "job", &name, "-o", "json"]);
        let Ok(job) = serde_json::from_slice::<Value>(&out.stdout) else { return };
        let mut template = job["spec"]["template"].clone();
        let index = self.dice.below(8).to_string();
        let env = template["spec"]["containers"][0]["env"].as_array_mut().expect("a list");
        env.push(json!({ "name": "JOB_COMPLETION_INDEX", "value": index }));
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "generateName": "twin-", "name": format!("twin-{}", self.dice.below(1 << 40)) },
            "spec": template["spec"],
        });
        self.namespace.apply(&pod.to_string());
    }

    fn drain(&self) {
        let nodes = self.namespace.kubectl(&["get", "nodes", "-o", "name"]);
        let node = nodes.lines().next().expect("a node").to_owned();
        let drain =
            ["drain", &node, "--force", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=60s"];
        self.namespace.try_kubectl(&drain);
        self.namespace.kubectl(&["uncordon", &node]);
    }

    /// Killed, and back after up to three seconds.
    fn part_away(&self, name: &str) {
        part(name, "kill");
        pause(Duration::from_millis(self.dice.below(3000)));
        part(name, "start");
    }
}

fn part(name: &str, how: &str) {
    let command = format!("{}/tests/cluster/part", env!("CARGO_MANIFEST_DIR"));
    let done = Command::new(command).args([name, how]).output().expect("the part's command is there");
    assert!(done.status.success(), "{name} {how}: {}", text(&done.stderr));
}

/// Failures come at moments of their own choice, so nothing tells when.
fn pause(time: Duration) {
    Interrupt::default().wait(time).expect("nobody interrupts it");
}

#[test]
fn no_failure_of_a_part_changes_the_result() {
    let Some(_alone) = crate::alone() else { return };
    let namespace = &Namespace::new("chaos");
    local_copy(&namespace.bucket, "jobs/data/flights", "in");
    let input = &namespace.bucket.url("in");
    let more = "shards: { count: 16 }\nresources: { cpu: 200m, memory: 256Mi }";
    let job = Job {
        name: "chaos",
        sql: GROUPS,
        format: "csv",
        input,
        more,
        kubernetes: ", indexes: 8, parallelism: 4",
    };
    let whole = namespace.bucket.url("whole");
    let out = namespace
        .bucket
        .dp(&["run", &namespace.file("whole", &namespace.spec(&job, &whole)), "--progress", "none"], None);
    assert_eq!(code(&out), 0, "{}", text(&out.stderr));
    let expected = namespace.bucket.result(&whole);
    let (rounds, seed) = (number("DP_CHAOS", 1), number("DP_CHAOS_SEED", 1));
    for n in 0..rounds {
        for (at, (kind, inflict)) in (0_u64..).zip(KINDS) {
            let seed = seed * 1_000_003 + n * 101 + at + 1;
            let place = namespace.bucket.url(&format!("out-{at}-{n}"));
            let dice = Dice(std::cell::Cell::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
            let began = Instant::now();
            let run = namespace.submit(&namespace.spec(&job, &place), &[]);
            let round = Round { namespace, run, place: place.clone(), dice };
            let blows = 1 + round.dice.below(3);
            for _ in 0..blows {
                pause(Duration::from_millis(500 + round.dice.below(5000)));
                inflict(&round);
            }
            let waited = namespace.dp(&["wait", &round.run, "--timeout", "5m"]);
            let status = text(&namespace.dp(&["status", &round.run]).stdout);
            assert_eq!(code(&waited), 0, "{kind}, seed {seed}: {}\n{status}", text(&waited.stderr));
            assert_eq!(namespace.bucket.result(&place), expected, "{kind}, seed {seed}");
            record(&json!({
                "kind": kind, "seed": seed, "blows": blows, "seconds": began.elapsed().as_secs(),
                "mapJobs": status.lines().filter(|l| l.contains("-map")).count(),
            }));
            namespace.dp(&["cancel", &round.run]);
        }
    }
}

fn record(line: &Value) {
    let Some(path) = std::env::var_os("DP_CHAOS_RECORD") else { return };
    let mut file =
        OpenOptions::new().create(true).append(true).open(path).expect("the record can be written");
    writeln!(file, "{line}").expect("the record can be written");
}
