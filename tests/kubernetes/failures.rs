//! What goes wrong on a cluster is said in one sentence, soon.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bucket::{code, local_copy, text};
use crate::namespace::{Job, Namespace};

/// The time in which a failure must be known.
const SOON: Duration = Duration::from_mins(2);

const COUNT: &str = "SELECT carrier, count(*) AS n FROM input GROUP BY carrier";

fn job<'a>(input: &'a str, more: &'a str, kubernetes: &'a str) -> Job<'a> {
    Job { name: "job", sql: COUNT, format: "csv", input, more, kubernetes }
}

/// Submits and waits for an end that is no good one: exit code and what is said.
fn ends(namespace: &Namespace, spec: &str) -> (i32, String) {
    let name = namespace.submit(spec, &[]);
    let began = Instant::now();
    let out = namespace.dp(&["wait", &name, "--timeout", "3m"]);
    assert!(began.elapsed() < SOON, "{} after {:?}", text(&out.stderr), began.elapsed());
    (code(&out), text(&out.stderr))
}

#[test]
fn what_can_be_known_before_is_refused_before() {
    let namespace = Namespace::new("refused");
    let bucket = namespace.bucket.url("in");
    let out = namespace.bucket.url("out");
    let file = namespace.bucket.file("in");
    let good = namespace.spec(&job(&bucket, "", ""), &out);
    for (spec, wanted, exit) in [
        (namespace.spec(&job(&file, "", ""), &out), "which pods do not see", 2),
        (
            good.replace("name: store }", "name: nothing }"),
            "the pods need what is not there: Secret nothing",
            2,
        ),
        (good.replacen(&format!("image: \"{}\", ", namespace.image), "", 1), "no image is named", 2),
        (good.replace("name: job }", &format!("name: {} }}", "a".repeat(60))), "at most 52", 2),
        (namespace.spec(&job(&bucket, "", ", serviceAccount: nobody"), &out), "ServiceAccount nobody", 2),
    ] {
        let submitted = namespace.dp(&["submit", &namespace.file("bad", &spec), "--progress", "none"]);
        assert_eq!(code(&submitted), exit, "{}", text(&submitted.stderr));
        assert!(text(&submitted.stderr).contains(wanted), "{wanted}: {}", text(&submitted.stderr));
    }
    let elsewhere =
        namespace.bucket.dp(&["submit", &namespace.file("good", &good), "-n", "no-such-place"], None);
    assert!(
        text(&elsewhere.stderr).contains("the namespace 'no-such-place' does not exist"),
        "{}",
        text(&elsewhere.stderr)
    );
    let pods = namespace.kubectl_json(&["get", "pods"]);
    assert_eq!(pods["items"], Value::Array(Vec::new()));
}

#[test]
fn an_image_that_cannot_be_pulled_ends_the_run() {
    let namespace = Namespace::new("image");
    local_copy(&namespace.bucket, "jobs/data/flights", "in");
    let (bucket, out) = (namespace.bucket.url("in"), namespace.bucket.url("out"));
    let spec = namespace.spec(&job(&bucket, "", ""), &out).replace(&namespace.image, "localhost/nothing:1");
    let (code, said) = ends(&namespace, &spec);
    assert_eq!(code, 11, "{said}");
    assert!(said.contains("the image localhost/nothing:1 cannot be pulled"), "{said}");
    assert!(said.contains("hint: check spec.kubernetes.image"), "{said}");
    // The same for the pods that a driver makes.
    let attached = namespace.file("attached", &spec);
    let out = namespace.dp(&["submit", &attached, "--attach", "--progress", "none"]);
    assert_eq!(crate::bucket::code(&out), 11, "{}", text(&out.stderr));
    assert!(
        text(&out.stderr).contains("the image localhost/nothing:1 cannot be pulled"),
        "{}",
        text(&out.stderr)
    );
}

#[test]
fn a_container_that_cannot_be_configured_ends_the_run() {
    let namespace = Namespace::new("configured");
    local_copy(&namespace.bucket, "jobs/data/flights", "in");
    let (bucket, out) = (namespace.bucket.url("in"), namespace.bucket.url("out"));
    let env = ", env: [{ name: KEY, valueFrom: { secretKeyRef: { name: store, key: NO_SUCH_KEY } } }]";
    let (code, said) = ends(&namespace, &namespace.spec(&job(&bucket, "", env), &out));
    assert_eq!(code, 11, "{said}");
    assert!(said.contains("the container cannot be started (CreateContainerConfigError)"), "{said}");
    assert!(said.contains("NO_SUCH_KEY"), "{said}");
}

#[test]
fn a_bucket_without_rights_or_a_missing_one_ends_the_run() {
    let namespace = Namespace::new("bucket");
    let out = namespace.bucket.url("out");
    let (code, said) = ends(&namespace, &namespace.spec(&job("s3://no-such-bucket/in/", "", ""), &out));
    assert_eq!(code, 11, "{said}");
    assert!(said.contains("no-such-bucket"), "{said}");
    let empty = namespace.bucket.url("empty");
    let (code, said) = ends(&namespace, &namespace.spec(&job(&empty, "", ""), &out));
    assert_eq!(code, 11, "{said}");
    assert!(said.contains("/empty/"), "{said}");
}

#[test]
fn what_waiting_may_cure_is_said_while_waiting() {
    let namespace = Namespace::new("waiting");
    local_copy(&namespace.bucket, "jobs/data/flights", "in");
    let (bucket, out) = (namespace.bucket.url("in"), namespace.bucket.url("out"));
    let said = |name: &str| text(&namespace.dp(&["status", name]).stdout);
    let large =
        namespace.submit(&namespace.spec(&job(&bucket, "resources: { memory: 900Gi }", ""), &out), &[]);
    namespace.until("a pod that no node can take", || {
        said(&large).contains("why       no node can take the pod, which asks for")
    });
    let status = said(&large);
    assert!(status.contains("memory 900Gi") && status.contains("Insufficient memory"), "{status}");
    assert!(status.contains("the largest node offers cpu"), "{status}");
    assert_eq!(code(&namespace.dp(&["cancel", &large])), 0);

    // The driver takes the one pod that may be.
    namespace.kubectl(&["create", "quota", "few", "--hard=pods=1"]);
    let many =
        namespace.submit(&namespace.spec(&job(&bucket, "shards: { count: 4 }", ", indexes: 4"), &out), &[]);
    namespace
        .until("a quota that is used up", || said(&many).contains("the quota of the namespace is used up"));
    assert!(said(&many).contains("exceeded quota: few"), "{}", said(&many));
    namespace.kubectl(&["delete", "quota", "few"]);
    namespace.wait(&many);
}

#[test]
fn memory_that_runs_out_is_raised_for_the_shards_in_flight() {
    let namespace = Namespace::new("memory");
    let folder = namespace.bucket.folder(&namespace.bucket.url("in"));
    for n in 0..4 {
        // One text of 150 MB; what a function makes is in no budget.
        let length = if n == 2 { 150_000_000 } else { 1 };
        folder
            .create(&format!("{n}.csv"), format!("n,x\n{length},x\n").into_bytes().into())
            .expect("it can be written");
    }
    let (bucket, out) = (namespace.bucket.url("in"), namespace.bucket.url("out"));
    let more = "shards: { count: 4 }\nresources: { memory: 64Mi, maxMemory: 1Gi }\nerrors: { attempts: 1 }";
    let sql = "SELECT n, length(repeat(x, n)) AS l FROM input";
    let spec = namespace.spec(&Job { sql, ..job(&bucket, more, ", indexes: 2") }, &out);
    let name = namespace.submit(&spec, &[]);
    namespace.wait(&name);
    let jobs = namespace.kubectl_json(&["get", "jobs"]);
    let limits: Vec<String> = jobs["items"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|j| j["metadata"]["labels"]["dp.dev/stage"] == "map")
        .map(|j| j["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"].to_string())
        .collect();
    assert!(limits.contains(&"\"256Mi\"".to_owned()), "{limits:?}");
    assert_eq!(namespace.bucket.result(&out).len(), 4);
    // With more memory only the shard ran that was in flight when it ran out.
    let run = namespace.bucket.run_name(&out);
    let last =
        namespace.bucket.json(&format!("{out}_dp/{run}/"), &format!("rounds/{:03}.json", limits.len()));
    assert_eq!(last["shards"], serde_json::json!([2]));
}

#[test]
fn a_bad_record_is_named_and_the_rest_is_done() {
    let namespace = Namespace::new("bad");
    let folder = namespace.bucket.folder(&namespace.bucket.url("in"));
    for n in 0..6 {
        let bad = if n == 3 { "7,x\n1\n" } else { "7,x\n8,y\n" };
        folder
            .create(&format!("{n}.csv"), format!("a,carrier\n{bad}").into_bytes().into())
            .expect("it can be written");
    }
    let (bucket, out) = (namespace.bucket.url("in"), namespace.bucket.url("out"));
    let spec = namespace.spec(&job(&bucket, "shards: { count: 6 }", ", indexes: 2"), &out);
    let (code, said) = ends(&namespace, &spec);
    assert_eq!(code, 10, "{said}");
    assert!(said.contains("3.csv") && said.contains("byte="), "{said}");
    let name = text(&namespace.dp(&["list", "-o", "name"]).stdout).trim().to_owned();
    let status = text(&namespace.dp(&["status", &name]).stdout);
    assert!(status.contains("5/6 committed") && status.contains("phase     failed"), "{status}");
    // Mended, it is started anew, here with other memory.
    folder.put("3.csv", "a,carrier\n7,x\n8,y\n".into()).expect("it can be written");
    let again = namespace.dp(&["retry", &name, "--memory", "300Mi"]);
    assert_eq!(crate::bucket::code(&again), 0, "{}", text(&again.stderr));
    namespace.wait(&name);
    let job = namespace.kubectl_json(&["get", "job", &format!("{name}-map")]);
    assert_eq!(job["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"], "320Mi");
}
