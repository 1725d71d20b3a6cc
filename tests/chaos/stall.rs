//! Pods that run and do nothing.

use crate::bucket::{local_copy, text};
use crate::namespace::{Job, Namespace};
use crate::processes;

/// Some 20 s of one tenth of a core.
const SLOW: &str = "SELECT carrier, max(sha512(repeat(dest, 1000))) AS h FROM input GROUP BY carrier";

#[test]
fn pods_that_do_not_move_are_noticed() {
    let Some(_alone) = crate::alone() else { return };
    let namespace = Namespace::new("stall");
    local_copy(&namespace.bucket, "jobs/data/flights", "in");
    let (input, out) = (namespace.bucket.url("in"), namespace.bucket.url("out"));
    let kubernetes = ", env: [{ name: DP_STALL_SECONDS, value: \"5\" }]";
    let more = "resources: { cpu: 100m, memory: 256Mi }";
    let job = Job { name: "stall", sql: SLOW, format: "csv", input: &input, more, kubernetes };
    let name = namespace.submit(&namespace.spec(&job, &out), &[]);
    let mut stopped = Vec::new();
    namespace.until("a process of the map Job", || {
        stopped = processes::of("worker", &out);
        !stopped.is_empty()
    });
    for process in &stopped {
        processes::signal("-STOP", process);
    }
    let said = || text(&namespace.dp(&["status", &name]).stdout);
    namespace.until("a word about it", || said().contains("no heartbeat has moved"));
    for process in &stopped {
        processes::signal("-CONT", process);
    }
    namespace.wait(&name);
}
