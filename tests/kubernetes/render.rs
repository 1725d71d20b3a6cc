//! What `dp render` prints: the same bytes each time, taken by the API server with strict checks, and what a
//! Kubernetes person sees of a run.

#[path = "../support/mod.rs"]
mod support;

use serde_json::Value;

use crate::bucket::{code, local_copy, text};
use crate::namespace::{Job, Namespace, SECRET};

const COUNT: &str = "SELECT carrier, count(*) AS n FROM input GROUP BY carrier";

/// Every key of the spec that acts on a cluster.
const ALL_KEYS: &str = ", indexes: 3, parallelism: 2, priorityClass: system-node-critical, \
    labels: { team: data }, annotations: { note: kept }, env: [{ name: COLOUR, value: blue }], \
    podPatch: { nodeSelector: { disk: ssd }, containers: [{ name: dp, workingDir: /scratch }] }";

fn rendered(namespace: &Namespace, spec: &str, flags: &[&str]) -> String {
    let file = namespace.file("render", spec);
    let out = namespace.bucket.dp(&[&["render", &file, "--progress", "none"], flags].concat(), None);
    assert_eq!(code(&out), 0, "{}", text(&out.stderr));
    text(&out.stdout)
}

#[test]
fn yaml_is_stable_and_runs_as_it_is_printed() {
    let namespace = Namespace::new("render");
    local_copy(&namespace.bucket, "jobs/data/flights", "in");
    let (input, out) = (namespace.bucket.url("in"), namespace.bucket.url("out"));
    let more = "shards: { count: 6 }\nresources: { cpu: 500m, memory: 600Mi, scratch: 1Gi, deadline: 10m }";
    let job = Job {
        name: "count",
        sql: COUNT,
        format: "csv",
        input: &input,
        more,
        kubernetes: ", indexes: 3, parallelism: 2",
    };
    let spec = namespace.spec(&job, &out);
    for flags in [&[] as &[&str], &["--chain", "resume"]] {
        let yaml = rendered(&namespace, &spec, flags);
        assert_eq!(yaml, rendered(&namespace, &spec, flags));
        assert!(
            !yaml.contains(&std::env::var("AWS_SECRET_ACCESS_KEY").expect("a secret")),
            "a secret is printed"
        );
        namespace.apply(&yaml);
        namespace.kubectl(&[
            "wait",
            "--for=condition=Complete",
            "--timeout=180s",
            "job",
            "-l",
            "dp.dev/stage=reduce",
        ]);
        assert!(!namespace.bucket.result(&out).is_empty());
        namespace.kubectl(&["delete", "jobs", "--all", "--wait"]);
        namespace.bucket.folder(&out).remove().expect("it can be removed");
    }
    let needs = more.replace("scratch: 1Gi", "maxMemory: 4Gi");
    let file = namespace.file("driver", &namespace.spec(&Job { more: &needs, ..job }, &out));
    let refused = namespace.bucket.dp(&["render", &file], None);
    assert_eq!(code(&refused), 2);
    assert!(text(&refused.stderr).contains("maxMemory needs a driver"), "{}", text(&refused.stderr));
}

#[test]
fn golden_objects_are_taken_by_the_api_server() {
    let namespace = Namespace::new("golden");
    local_copy(&namespace.bucket, "jobs/data/flights", "in");
    let (input, out) = (namespace.bucket.url("in"), namespace.bucket.url("out"));
    let more = "shards: { count: 6 }\nresources: { cpu: 500m, memory: 600Mi, scratch: 1Gi, deadline: 10m }";
    let plain = Job { name: "count", sql: COUNT, format: "csv", input: &input, more, kubernetes: "" };
    let all = Job { kubernetes: ALL_KEYS, ..plain };
    let base = namespace.bucket.url("");
    for (name, job, flags) in
        [("wait", plain, &[] as &[&str]), ("resume", plain, &["--chain", "resume"]), ("all-keys", all, &[])]
    {
        let yaml = rendered(&namespace, &namespace.spec(&job, &out), flags);
        // Names hold the plan's digest, which covers the bucket.
        let digest = yaml.split("count-").nth(1).and_then(|rest| rest.get(..8)).expect("a name").to_owned();
        let stable = yaml
            .replace(&digest, "01234567")
            .replace(base.trim_end_matches('/'), "s3://bucket")
            .replace(&namespace.image, "IMAGE");
        support::golden(&format!("kubernetes/{name}.yaml"), &stable);
        let file = namespace.bucket.file("golden");
        std::fs::create_dir_all(&file).expect("a folder");
        let path = format!("{file}{name}.yaml");
        std::fs::write(&path, &yaml).expect("a file");
        namespace.kubectl(&["create", "--dry-run=server", "--validate=strict", "--filename", &path]);
    }
}

#[test]
fn a_kubernetes_person_sees_what_they_expect() {
    let namespace = Namespace::new("sees");
    local_copy(&namespace.bucket, "jobs/data/flights", "in");
    let (input, out) = (namespace.bucket.url("in"), namespace.bucket.url("out"));
    let job = Job {
        name: "count",
        sql: COUNT,
        format: "csv",
        input: &input,
        more: "shards: { count: 4 }",
        kubernetes: ", indexes: 2",
    };
    let name = namespace.submit(&namespace.spec(&job, &out), &[]);
    namespace.wait(&name);
    let jobs = namespace.kubectl_json(&["get", "jobs", "-l", &format!("app.kubernetes.io/instance={name}")]);
    let jobs = jobs["items"].as_array().expect("a list");
    assert_eq!(jobs.len(), 3, "driver, map and reduce");
    for job in jobs {
        assert_eq!(job["metadata"]["ownerReferences"][0]["kind"], "ConfigMap");
        assert_eq!(job["metadata"]["ownerReferences"][0]["name"], name.as_str());
        assert_eq!(job["metadata"]["labels"]["app.kubernetes.io/managed-by"], "dp");
    }
    // No token where none is needed; no secret in any object or log.
    let pods = namespace.kubectl_json(&["get", "pods", "-l", "dp.dev/stage in (map,reduce)"]);
    for pod in pods["items"].as_array().expect("a list") {
        assert_eq!(pod["spec"]["automountServiceAccountToken"], Value::Bool(false));
    }
    let secret = std::env::var("AWS_SECRET_ACCESS_KEY").expect("a secret");
    let everything = namespace.kubectl(&["get", "configmaps,jobs,pods,events", "-o", "yaml"]);
    assert!(!everything.contains(&secret));
    let logs = text(&namespace.dp(&["logs", &name]).stdout);
    assert!(logs.contains("\"event\":\"published\"") && logs.contains("\"stage\":\"map\""), "{logs}");
    assert!(!logs.contains(&secret));
    let log = namespace.kubectl(&["logs", "-l", "dp.dev/stage=map", "--tail=-1"]);
    assert!(log.contains("\"index\":1") && log.contains("\"time\":"), "{log}");
    // The log of a pod outlives it.
    namespace.kubectl(&["delete", "pods", "--all", "--wait"]);
    let kept = text(&namespace.dp(&["logs", &name, "--shard", "3"]).stdout);
    assert!(kept.contains("\"shard\":3"), "{kept}");
    // Credentials are in no file of the run.
    let folder = namespace.bucket.folder(&out);
    for entry in folder.list("_dp").expect("it can be listed") {
        let bytes = folder.get(&format!("_dp/{}", entry.name)).expect("it can be read").unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains(&secret), "{}", entry.name);
    }
    // One object takes everything with it.
    namespace.kubectl(&["delete", "configmap", &name]);
    namespace.until("everything is gone", || {
        let left = namespace.kubectl(&[
            "get",
            "jobs,pods,roles,rolebindings,serviceaccounts",
            "-l",
            "dp.dev/run",
            "-o",
            "name",
        ]);
        left.is_empty()
    });
    assert_eq!(
        namespace.kubectl(&["get", "secret", SECRET, "-o", "name"]).trim(),
        format!("secret/{SECRET}")
    );
}
