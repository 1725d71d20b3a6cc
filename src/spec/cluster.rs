//! How a job runs on a cluster: the validated `kubernetes` block. It decides no byte of the output and
//! is not part of the plan, which must hold no secret that somebody wrote into `env`.

use std::collections::BTreeMap;

use serde_json::Value;

/// The `kubernetes` block.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kubernetes {
    /// The image with dp.
    pub image: Option<String>,
    /// When the image is pulled; `None`: as Kubernetes decides.
    pub image_pull_policy: Option<String>,
    /// Completion indexes of the map Job; `None`: from the plan.
    pub indexes: Option<u32>,
    /// Pods at once; `None`: as many as indexes, up to a limit.
    pub parallelism: Option<u32>,
    /// How the work is laid out in pods.
    pub mode: Mode,
    /// The service account of pods that work on data.
    pub service_account: Option<String>,
    /// The Kueue queue.
    pub queue: Option<String>,
    /// The pods' priority class.
    pub priority_class: Option<String>,
    /// Labels of all objects and pods, beside dp's own.
    pub labels: BTreeMap<String, String>,
    /// Annotations of all objects and pods.
    pub annotations: BTreeMap<String, String>,
    /// Environment, as in a container.
    pub env: Vec<Value>,
    /// Environment from Secrets and `ConfigMaps`, as in a container.
    pub env_from: Vec<Value>,
    /// Merged over the pods' description (JSON merge patch, RFC 7386; lists of named things by name).
    pub pod_patch: Option<Value>,
    /// `resources.cpu` as it is written: a pod may ask for a part of a core.
    pub cpu: Option<String>,
}

impl Kubernetes {
    /// The Secrets and `ConfigMaps` without which the pods cannot start: kind and name.
    #[must_use]
    pub fn references(&self) -> Vec<(&'static str, String)> {
        let kinds = [("Secret", "/secretRef"), ("ConfigMap", "/configMapRef")];
        let of_keys = [("Secret", "/valueFrom/secretKeyRef"), ("ConfigMap", "/valueFrom/configMapKeyRef")];
        let all = self.env_from.iter().map(|e| (e, kinds)).chain(self.env.iter().map(|e| (e, of_keys)));
        let mut found: Vec<(&'static str, String)> = all
            .flat_map(|(entry, kinds)| {
                kinds.into_iter().filter_map(move |(kind, path)| {
                    let reference = entry.pointer(path).filter(|r| r["optional"] != true)?;
                    Some((kind, reference["name"].as_str()?.to_owned()))
                })
            })
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// How the work is laid out in pods.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// An Indexed Job, then a reduce Job.
    #[default]
    Indexed,
    /// One pod does all of it.
    Single,
}

/// What is wrong with an entry of `env`, as far as can be told without a cluster.
pub(super) fn env_problem(entry: &Value) -> Option<String> {
    let Some(map) = entry.as_object() else {
        return Some("expected `name` with `value` or `valueFrom`".to_owned());
    };
    let Some(name) = map.get("name").and_then(Value::as_str) else {
        return Some("has no `name`".to_owned());
    };
    if name == "JOB_COMPLETION_INDEX" || name.starts_with("DP_RUN") {
        return Some(format!("`{name}` is set by dp itself"));
    }
    match (map.get("value"), map.get("valueFrom")) {
        (Some(Value::String(_)), None) | (None, Some(Value::Object(_)) | None) => None,
        (Some(_), None) => Some(format!("the value of `{name}` is no text: put it in quotes")),
        (Some(_), Some(_)) => Some(format!("`{name}` has both `value` and `valueFrom`")),
        (None, Some(_)) => Some(format!("`valueFrom` of `{name}` is no block of keys")),
    }
}
