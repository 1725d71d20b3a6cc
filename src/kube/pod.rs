//! The pods of all stages: one container that passes Pod Security "restricted", with requests and
//! limits, scratch space and the environment of the spec.

use serde_json::{Value, json};

use super::names::Identity;
use super::policy::CONTAINER;
use crate::spec::Job;

/// Where scratch space is mounted; dp spills below `TMPDIR`.
const SCRATCH: &str = "/scratch";

/// Where the driver finds the job's spec.
pub const SPEC_FOLDER: &str = "/dp";

/// User and group of pods: one that is in no image's list of users.
const USER: u32 = 65532;

/// Time between SIGTERM and SIGKILL.
const GRACE_SECONDS: u32 = 30;

/// Memory is asked for in steps of this many bytes.
const MEMORY_STEP: u64 = 64 << 20;

/// What a pod is made from.
#[derive(Debug)]
pub struct Pod<'a> {
    /// Whose it is.
    pub identity: &'a Identity,
    /// The job, for `resources` and `kubernetes`.
    pub job: &'a Job,
    /// The image with dp.
    pub image: &'a str,
    /// `map`, `reduce`, `driver`, `single`.
    pub stage: &'a str,
    /// Arguments of dp.
    pub args: &'a [&'a str],
    /// Environment that dp needs to know its work, beside that of the spec.
    pub env: &'a [(&'a str, &'a str)],
    /// Bytes of memory, asked for and allowed.
    pub memory: u64,
    /// Cores, as Kubernetes writes them, asked for and allowed.
    pub cpu: &'a str,
    /// Cores asked for, where that is less than what is allowed: a pod that waits keeps others from no core.
    pub cpu_asked: Option<&'a str>,
    /// The service account whose token is mounted, if dp talks to the API server.
    pub api_account: Option<&'a str>,
    /// The `ConfigMap` that is mounted at [`SPEC_FOLDER`].
    pub config: Option<&'a str>,
}

impl Pod<'_> {
    /// The pod template of a Job.
    #[must_use]
    pub fn template(&self) -> Value {
        let mut metadata = json!({ "labels": self.identity.labels(self.stage) });
        if !self.identity.annotations.is_empty() {
            metadata["annotations"] = json!(self.identity.annotations);
        }
        let mut spec = self.spec();
        if let Some(patch) = &self.job.kubernetes.pod_patch {
            merge(&mut spec, patch);
        }
        json!({ "metadata": metadata, "spec": spec })
    }

    fn spec(&self) -> Value {
        let kubernetes = &self.job.kubernetes;
        let mut scratch = json!({});
        if let Some(bytes) = self.job.resources.scratch {
            scratch["sizeLimit"] = json!(bytes.to_string());
        }
        let mut mounts = vec![json!({ "name": "scratch", "mountPath": SCRATCH })];
        let mut volumes = vec![json!({ "name": "scratch", "emptyDir": scratch })];
        if let Some(name) = self.config {
            mounts.push(json!({ "name": "job", "mountPath": SPEC_FOLDER, "readOnly": true }));
            volumes.push(json!({ "name": "job", "configMap": { "name": name } }));
        }
        let mut container = json!({
            "name": CONTAINER,
            "image": self.image,
            "args": self.args,
            "env": self.environment(),
            "resources": self.resources(),
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "capabilities": { "drop": ["ALL"] },
                "readOnlyRootFilesystem": true,
            },
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "volumeMounts": mounts,
        });
        if let Some(policy) = &kubernetes.image_pull_policy {
            container["imagePullPolicy"] = json!(policy);
        }
        if !kubernetes.env_from.is_empty() {
            container["envFrom"] = json!(kubernetes.env_from);
        }
        let mut spec = json!({
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            "enableServiceLinks": false,
            "automountServiceAccountToken": self.api_account.is_some(),
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": USER,
                "runAsGroup": USER,
                "fsGroup": USER,
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": [container],
            "volumes": volumes,
        });
        if let Some(account) = self.api_account.or(kubernetes.service_account.as_deref()) {
            spec["serviceAccountName"] = json!(account);
        }
        if let Some(class) = &kubernetes.priority_class {
            spec["priorityClassName"] = json!(class);
        }
        spec
    }

    fn environment(&self) -> Value {
        let from_field = |name: &str, path: &str| json!({ "name": name, "valueFrom": { "fieldRef": { "fieldPath": path } } });
        let mut env: Vec<Value> = self.job.kubernetes.env.clone();
        env.extend(self.env.iter().map(|(name, value)| json!({ "name": name, "value": value })));
        env.push(from_field("DP_POD", "metadata.name"));
        env.push(from_field("DP_NODE", "spec.nodeName"));
        env.push(json!({ "name": "TMPDIR", "value": SCRATCH }));
        json!(env)
    }

    fn resources(&self) -> Value {
        let mut amounts = json!({ "cpu": self.cpu, "memory": mebibytes(self.memory) });
        if let Some(bytes) = self.job.resources.scratch {
            amounts["ephemeral-storage"] = json!(bytes.to_string());
        }
        let mut asked = amounts.clone();
        if let Some(cpu) = self.cpu_asked {
            asked["cpu"] = json!(cpu);
        }
        json!({ "requests": asked, "limits": amounts })
    }
}

/// Bytes of memory as Kubernetes writes them, rounded up to [`MEMORY_STEP`].
fn mebibytes(bytes: u64) -> String {
    format!("{}Mi", bytes.div_ceil(MEMORY_STEP) * (MEMORY_STEP >> 20))
}

/// Puts `patch` over `value` as a JSON merge patch (RFC 7386), but joins lists of things with a name (or
/// a mount path) by it, as Kubernetes does.
fn merge(value: &mut Value, patch: &Value) {
    match (value, patch) {
        (Value::Object(value), Value::Object(patch)) => {
            for (key, new) in patch {
                if new.is_null() {
                    value.remove(key);
                } else {
                    merge(value.entry(key.clone()).or_insert(Value::Null), new);
                }
            }
        }
        (Value::Array(value), Value::Array(patch)) if key_of_list(patch).is_some() => {
            let key = key_of_list(patch).unwrap_or_default();
            for new in patch {
                let old = value.iter().position(|old| old.get(key) == new.get(key));
                let at = old.unwrap_or(value.len());
                if old.is_none() {
                    value.push(Value::Null);
                }
                merge(&mut value[at], new);
            }
        }
        (value, Value::Object(_)) => {
            *value = json!({});
            merge(value, patch);
        }
        (value, patch) => *value = patch.clone(),
    }
}

/// What tells the things of a list apart.
fn key_of_list(items: &[Value]) -> Option<&'static str> {
    ["mountPath", "name"].into_iter().find(|key| items.iter().all(|item| item.get(key).is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_rounded_up() {
        assert_eq!(mebibytes(1), "64Mi");
        assert_eq!(mebibytes(512 << 20), "512Mi");
        assert_eq!(mebibytes((512 << 20) + 1), "576Mi");
    }

    #[test]
    fn a_patch_joins_lists_by_name() {
        let mut spec = json!({
            "containers": [{ "name": "dp", "image": "a", "volumeMounts": [{ "name": "s", "mountPath": "/s" }] }],
            "volumes": [{ "name": "s", "emptyDir": {} }],
            "tolerations": [{ "key": "x" }],
            "restartPolicy": "Never",
        });
        let patch = json!({
            "containers": [
                { "name": "dp", "volumeMounts": [{ "name": "d", "mountPath": "/data" }] },
                { "name": "log", "image": "b" },
            ],
            "volumes": [{ "name": "d", "hostPath": { "path": "/d", "type": null } }],
            "tolerations": [{ "key": "y" }],
            "restartPolicy": null,
            "nodeSelector": { "disk": "ssd" },
        });
        merge(&mut spec, &patch);
        assert_eq!(
            spec,
            json!({
                "containers": [
                    { "name": "dp", "image": "a", "volumeMounts": [
                        { "name": "s", "mountPath": "/s" }, { "name": "d", "mountPath": "/data" },
                    ] },
                    { "name": "log", "image": "b" },
                ],
                "volumes": [{ "name": "s", "emptyDir": {} }, { "name": "d", "hostPath": { "path": "/d" } }],
                "tolerations": [{ "key": "y" }],
                "nodeSelector": { "disk": "ssd" },
            })
        );
    }
}
