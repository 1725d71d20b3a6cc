//! A namespace of a test, with the store's credentials in a Secret, and what is done in it.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use dp::event::Interrupt;
use serde_json::Value;

use crate::bucket::{Bucket, code, text};

/// The Secret with the variables that reach the store.
pub const SECRET: &str = "store";

/// A namespace that only lets pods in that pass "restricted"; removed at the end.
pub struct Namespace {
    pub name: String,
    pub bucket: Bucket,
    pub image: String,
}

/// A job of a test.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    pub name: &'a str,
    pub sql: &'a str,
    pub format: &'a str,
    pub input: &'a str,
    /// More keys of `spec`, a line each, not indented.
    pub more: &'a str,
    /// More keys of `spec.kubernetes`, as in a flow mapping, each with a comma before it.
    pub kubernetes: &'a str,
}

impl Namespace {
    pub fn new(name: &str) -> Self {
        let image = std::env::var("DP_TEST_IMAGE").expect("DP_TEST_IMAGE: run `make cluster`");
        let unique = std::process::id();
        let namespace = Self { name: format!("dp-{name}-{unique}"), bucket: Bucket::new(name), image };
        namespace.kubectl(&["create", "namespace", &namespace.name]);
        let label = "pod-security.kubernetes.io/enforce=restricted";
        namespace.kubectl(&["label", "namespace", &namespace.name, label]);
        let mut secret: Vec<String> = ["create", "secret", "generic", SECRET].map(str::to_owned).to_vec();
        secret.extend(
            std::env::vars()
                .filter(|(k, _)| k.starts_with("AWS_"))
                .map(|(k, v)| format!("--from-literal={k}={v}")),
        );
        namespace.kubectl(&secret.iter().map(String::as_str).collect::<Vec<_>>());
        // Pods are refused until the controllers have made it.
        namespace.until("the default service account", || {
            namespace.try_kubectl(&["get", "serviceaccount", "default"]).status.success()
        });
        namespace
    }

    /// Looks again until it holds, for at most two minutes.
    #[track_caller]
    pub fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        for _ in 0..1200 {
            if holds() {
                return;
            }
            Interrupt::default().wait(Duration::from_millis(100)).expect("nobody interrupts it");
        }
        panic!("{what}: not within two minutes in {}", self.name);
    }

    pub fn try_kubectl(&self, args: &[&str]) -> Output {
        let mut command = Command::new("kubectl");
        command.args(["--namespace", &self.name]).args(args).stdin(Stdio::null());
        command.output().expect("kubectl is on the PATH")
    }

    /// Runs kubectl, which must succeed; its output.
    #[track_caller]
    pub fn kubectl(&self, args: &[&str]) -> String {
        let out = self.try_kubectl(args);
        assert!(out.status.success(), "kubectl {args:?}: {}", text(&out.stderr));
        text(&out.stdout)
    }

    #[track_caller]
    pub fn kubectl_json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.kubectl(&[args, &["-o", "json"]].concat())).expect("JSON")
    }

    /// Applies YAML as a person would, with strict checks.
    #[track_caller]
    pub fn apply(&self, yaml: &str) {
        let mut command = Command::new("kubectl");
        command.args(["--namespace", &self.name, "apply", "--validate=strict", "--filename", "-"]);
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("kubectl starts");
        child.stdin.take().expect("a pipe").write_all(yaml.as_bytes()).expect("it reads");
        let out = child.wait_with_output().expect("it ends");
        assert!(out.status.success(), "{}\n{yaml}", text(&out.stderr));
    }

    /// The spec of a job that writes to `out`.
    pub fn spec(&self, job: &Job, out: &str) -> String {
        let Job { name, sql, format, input, more, kubernetes } = job;
        let more: String = more.lines().map(|line| format!("  {line}\n")).collect();
        format!(
            "apiVersion: dp.dev/v1alpha1\nkind: DataJob\nmetadata: {{ name: {name} }}\nspec:\n  \
             input: {{ url: \"{input}\" }}\n  sql: \"{sql}\"\n  output: {{ url: \"{out}\", format: {format} }}\n{more}  \
             kubernetes: {{ image: \"{}\", imagePullPolicy: IfNotPresent, envFrom: [{{ secretRef: {{ name: {SECRET} }} }}]{kubernetes} }}\n",
            self.image
        )
    }

    /// Writes a spec and hands its path on.
    pub fn file(&self, name: &str, spec: &str) -> String {
        let path = format!("{}{name}.yaml", self.bucket.file("specs"));
        std::fs::create_dir_all(self.bucket.file("specs")).expect("a folder");
        std::fs::write(&path, spec).expect("a file");
        path
    }

    /// Runs dp in this namespace.
    pub fn dp(&self, args: &[&str]) -> Output {
        self.bucket.dp(&[args, &["-n", &self.name]].concat(), None)
    }

    /// Submits a spec; the run's name.
    #[track_caller]
    pub fn submit(&self, spec: &str, flags: &[&str]) -> String {
        let file = self.file("job", spec);
        let out = self.dp(&[&["submit", &file, "-o", "json", "--progress", "none"], flags].concat());
        assert_eq!(code(&out), 0, "{}\n{spec}", text(&out.stderr));
        let said: Value = serde_json::from_slice(&out.stdout).expect("JSON");
        said["name"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits for a run to end well.
    #[track_caller]
    pub fn wait(&self, name: &str) {
        let out = self.dp(&["wait", name, "--timeout", "5m"]);
        if code(&out) != 0 {
            let pods = self.kubectl(&["get", "pods"]);
            let status = text(&self.dp(&["status", name]).stdout);
            let logs = text(&self.dp(&["logs", name]).stdout);
            panic!("{}\n{pods}\n{status}\n{logs}", text(&out.stderr));
        }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if std::thread::panicking() && std::env::var_os("DP_TEST_KEEP").is_some() {
            return;
        }
        // Best effort: the namespace is the test's.
        let _ = self.try_kubectl(&["delete", "namespace", &self.name, "--wait=false"]);
    }
}
