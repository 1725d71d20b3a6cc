//! What the API server says, as the few facts that dp looks at. Pure.

use serde_json::Value;

use super::policy::CONTAINER;
use crate::spec::parse_size;

/// A Job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobState {
    /// Its name.
    pub name: String,
    /// Whether it waits to be resumed.
    pub suspended: bool,
    /// Pods that are not finished.
    pub active: u32,
    /// Pods that run and are ready.
    pub ready: u32,
    /// Pods that succeeded; of an Indexed Job: indexes.
    pub succeeded: u32,
    /// Pods that failed.
    pub failed: u32,
    /// Pods or indexes that must succeed.
    pub completions: u32,
    /// Indexes that failed for good, such as `1,3-5`.
    pub failed_indexes: String,
    /// Bytes of memory that a pod of it may use.
    pub memory: u64,
    /// How it ended.
    pub end: Option<End>,
}

/// How a Job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// All of its pods or indexes succeeded.
    Complete,
    /// It was given up.
    Failed {
        /// One word, such as `FailedIndexes`.
        reason: String,
        /// What Kubernetes says.
        message: String,
    },
}

/// Why a pod cannot do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The image cannot be pulled.
    Image,
    /// The container cannot be made: a Secret or a `ConfigMap` is missing, a key, a command.
    Configuration,
    /// No node has room for it, or none may take it.
    Unschedulable,
    /// The quota of the namespace is used up.
    Quota,
    /// It was killed for using more memory than its limit.
    Memory,
    /// The node ran out of something and threw it out.
    Evicted,
    /// Its node was lost, drained or is needed by something more important.
    Disrupted,
    /// dp ended by itself with this exit code.
    Exit(i64),
}

impl Cause {
    /// Whether time alone can help: a cluster grows, others end.
    #[must_use]
    pub const fn may_pass(self) -> bool {
        !matches!(self, Self::Image | Self::Configuration)
    }

    /// What to do about it.
    #[must_use]
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Image => {
                "check spec.kubernetes.image, imagePullPolicy and the pull secret of the service account"
            }
            Self::Configuration => "create what is missing, or correct spec.kubernetes.env and envFrom",
            Self::Unschedulable => "ask for less with spec.resources, or add a node that is large enough",
            Self::Quota => "lower spec.kubernetes.parallelism or spec.resources, or raise the quota",
            Self::Memory => "raise spec.resources.memory (and maxMemory)",
            Self::Evicted => "set spec.resources.scratch and memory to what the pods need",
            Self::Disrupted => "nothing: the pod is replaced",
            Self::Exit(_) => "see its log: dp logs --failed",
        }
    }
}

/// A pod in trouble, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Why.
    pub cause: Cause,
    /// Which pod; empty for a Job as a whole.
    pub pod: String,
    /// Its node, once it has one.
    pub node: Option<String>,
    /// Its completion index.
    pub index: Option<u32>,
    /// What happened.
    pub text: String,
    /// What its container left as its last words.
    pub message: Option<String>,
}

fn text(value: &Value, path: &str) -> Option<String> {
    value.pointer(path)?.as_str().map(str::to_owned)
}

fn number(value: &Value, path: &str) -> u32 {
    value.pointer(path).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object.pointer("/status/conditions")?.as_array()?.iter().find(|c| c["type"] == kind)
}

fn holds(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|c| c["status"] == "True")
}

/// The state of a Job.
#[must_use]
pub fn job(object: &Value) -> JobState {
    let end = if holds(object, "Complete") {
        Some(End::Complete)
    } else {
        condition(object, "Failed").filter(|c| c["status"] == "True").map(|c| End::Failed {
            reason: text(c, "/reason").unwrap_or_default(),
            message: text(c, "/message").unwrap_or_default(),
        })
    };
    JobState {
        name: text(object, "/metadata/name").unwrap_or_default(),
        suspended: object.pointer("/spec/suspend").and_then(Value::as_bool).unwrap_or(false),
        active: number(object, "/status/active"),
        ready: number(object, "/status/ready"),
        succeeded: number(object, "/status/succeeded"),
        failed: number(object, "/status/failed"),
        completions: number(object, "/spec/completions"),
        failed_indexes: text(object, "/status/failedIndexes").unwrap_or_default(),
        memory: object
            .pointer("/spec/template")
            .and_then(|pod| resources(pod, "limits"))
            .and_then(|l| parse_size(l["memory"].as_str()?).ok())
            .unwrap_or(0),
        end,
    }
}

/// What is wrong with a pod, if anything is.
#[must_use]
pub fn pod(object: &Value) -> Option<Trouble> {
    let container = container(object);
    let ended = container.and_then(|c| c.pointer("/state/terminated"));
    let (cause, what) = removed(object)
        .or_else(|| ended_badly(object, ended?))
        .or_else(|| silent(object, container?))
        .or_else(|| waits(container?))
        .or_else(|| unschedulable(object))?;
    let index = text(object, "/metadata/annotations/batch.kubernetes.io~1job-completion-index");
    Some(Trouble {
        cause,
        pod: text(object, "/metadata/name").unwrap_or_default(),
        node: text(object, "/spec/nodeName"),
        index: index.and_then(|i| i.parse().ok()),
        text: what,
        message: ended.and_then(|e| text(e, "/message")).filter(|m| !m.is_empty()),
    })
}

/// The state of dp's container.
fn container(object: &Value) -> Option<&Value> {
    let all = object.pointer("/status/containerStatuses")?.as_array()?;
    all.iter().find(|c| c["name"] == CONTAINER)
}

/// By somebody else than dp.
fn removed(object: &Value) -> Option<(Cause, String)> {
    let reason = text(object, "/status/reason");
    let evicted = reason.as_deref() == Some("Evicted");
    let cause = if evicted { Cause::Evicted } else { Cause::Disrupted };
    let said = text(object, "/status/message");
    if holds(object, "DisruptionTarget") {
        let condition = condition(object, "DisruptionTarget").and_then(|c| text(c, "/message"));
        let said = said.filter(|_| evicted).or(condition).unwrap_or_default();
        return Some((cause, format!("the pod was removed from its node: {said}")));
    }
    let reason = reason.filter(|_| object["status"]["phase"] == "Failed")?;
    Some((cause, format!("the pod was ended ({reason}): {}", said.unwrap_or_default())))
}

fn ended_badly(object: &Value, ended: &Value) -> Option<(Cause, String)> {
    let code = ended["exitCode"].as_i64().unwrap_or(-1);
    match ended["reason"].as_str() {
        _ if code == 0 => None,
        Some("OOMKilled") => Some((Cause::Memory, format!("memory ran out: the limit is {}", limit(object)))),
        _ if code == 137 => Some((Cause::Exit(code), "the container was killed".to_owned())),
        _ => Some((Cause::Exit(code), format!("dp ended with exit code {code}"))),
    }
}

/// dp has no readiness probe: only the node's own silence takes this from a container that runs.
fn silent(object: &Value, container: &Value) -> Option<(Cause, String)> {
    container.pointer("/state/running")?;
    condition(object, "Ready").filter(|c| c["status"] == "False")?;
    let node = text(object, "/spec/nodeName").unwrap_or_default();
    Some((Cause::Disrupted, format!("its node {node} does not answer")))
}

fn waits(container: &Value) -> Option<(Cause, String)> {
    let waiting = container.pointer("/state/waiting")?;
    let reason = waiting["reason"].as_str().unwrap_or_default();
    let said = text(waiting, "/message").unwrap_or_default();
    match reason {
        "ErrImagePull"
        | "ImagePullBackOff"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "ImageInspectError"
        | "RegistryUnavailable" => {
            let image = text(container, "/image").unwrap_or_default();
            Some((Cause::Image, format!("the image {image} cannot be pulled ({reason}): {said}")))
        }
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" | "StartError" => {
            Some((Cause::Configuration, format!("the container cannot be started ({reason}): {said}")))
        }
        _ => None,
    }
}

fn unschedulable(object: &Value) -> Option<(Cause, String)> {
    let scheduled = condition(object, "PodScheduled")?;
    if scheduled["status"] != "False" || scheduled["reason"] != "Unschedulable" {
        return None;
    }
    let said = text(scheduled, "/message").unwrap_or_default();
    let asked = requests(object);
    Some((Cause::Unschedulable, format!("no node can take the pod, which asks for {asked}: {said}")))
}

fn resources<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    let containers = object.pointer("/spec/containers")?.as_array()?;
    containers.iter().find(|c| c["name"] == CONTAINER)?.pointer(&format!("/resources/{kind}"))
}

fn limit(object: &Value) -> String {
    resources(object, "limits").and_then(|l| text(l, "/memory")).unwrap_or_else(|| "unknown".to_owned())
}

fn requests(object: &Value) -> String {
    let Some(Value::Object(asked)) = resources(object, "requests") else { return "nothing".to_owned() };
    let asked: Vec<String> =
        asked.iter().map(|(k, v)| format!("{k} {}", v.as_str().unwrap_or_default())).collect();
    asked.join(", ")
}

/// Why a Job can make no pods, by an event about it: the quota, or a rule of admission.
#[must_use]
pub fn event(object: &Value) -> Option<Trouble> {
    if object["reason"] != "FailedCreate" {
        return None;
    }
    let said = text(object, "/message").unwrap_or_default();
    let quota = said.contains("exceeded quota");
    let cause = if quota { Cause::Quota } else { Cause::Configuration };
    let what = if quota { "the quota of the namespace is used up" } else { "the pods are refused" };
    Some(Trouble {
        cause,
        pod: String::new(),
        node: None,
        index: None,
        text: format!("{what}: {said}"),
        message: None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with_status(status: &Value) -> Value {
        json!({
            "metadata": { "name": "r-map-3-x", "annotations": { "batch.kubernetes.io/job-completion-index": "3" } },
            "spec": { "nodeName": "n1", "containers": [{ "name": "dp", "resources": {
                "requests": { "cpu": "4", "memory": "8Gi" }, "limits": { "memory": "8Gi" } } }] },
            "status": status,
        })
    }

    #[test]
    fn each_trouble_has_its_cause() {
        let waiting = |reason: &str| {
            json!({ "containerStatuses": [
                { "name": "sidecar", "state": { "waiting": { "reason": "ErrImagePull" } } },
                { "name": "dp", "image": "i:1", "state": { "waiting": { "reason": reason, "message": "m" } } },
            ] })
        };
        let ended = |code: i64, reason: &str| {
            json!({ "phase": "Failed", "containerStatuses": [{ "name": "dp", "state": { "terminated": {
                "exitCode": code, "reason": reason, "message": "last words" } } }] })
        };
        let condition = |kind: &str, status: &str, reason: &str| json!({ "conditions": [{ "type": kind, "status": status, "reason": reason, "message": "0/1 nodes" }] });
        for (status, want) in [
            (waiting("ImagePullBackOff"), Some(Cause::Image)),
            (waiting("ErrImageNeverPull"), Some(Cause::Image)),
            (waiting("CreateContainerConfigError"), Some(Cause::Configuration)),
            (waiting("ContainerCreating"), None),
            (ended(137, "OOMKilled"), Some(Cause::Memory)),
            (ended(137, "Error"), Some(Cause::Exit(137))),
            (ended(10, "Error"), Some(Cause::Exit(10))),
            (ended(0, "Completed"), None),
            (condition("PodScheduled", "False", "Unschedulable"), Some(Cause::Unschedulable)),
            (condition("PodScheduled", "True", ""), None),
            (condition("DisruptionTarget", "True", "DeletionByTaintManager"), Some(Cause::Disrupted)),
            (json!({ "phase": "Failed", "reason": "Evicted", "message": "disk" }), Some(Cause::Evicted)),
            (json!({ "phase": "Running" }), None),
            (json!({}), None),
        ] {
            let found = pod(&with_status(&status));
            assert_eq!(found.as_ref().map(|t| t.cause), want, "{status}");
            if let Some(trouble) = found {
                assert_eq!((trouble.index, trouble.node.as_deref()), (Some(3), Some("n1")));
            }
        }
        let unschedulable = pod(&with_status(&condition("PodScheduled", "False", "Unschedulable"))).unwrap();
        assert_eq!(
            unschedulable.text,
            "no node can take the pod, which asks for cpu 4, memory 8Gi: 0/1 nodes"
        );
        let oom = pod(&with_status(&ended(137, "OOMKilled"))).unwrap();
        assert_eq!(oom.text, "memory ran out: the limit is 8Gi");
        assert_eq!(oom.message.as_deref(), Some("last words"));
    }

    #[test]
    fn a_job_ends_complete_or_failed() {
        let state = |conditions: Value| {
            job(&json!({ "metadata": { "name": "j" }, "spec": { "completions": 4 },
                "status": { "succeeded": 3, "failedIndexes": "2", "conditions": conditions } }))
        };
        assert_eq!(state(json!([])).end, None);
        assert_eq!(state(json!([{ "type": "FailureTarget", "status": "True" }])).end, None);
        assert_eq!(state(json!([{ "type": "Complete", "status": "True" }])).end, Some(End::Complete));
        let failed = state(json!([{ "type": "Failed", "status": "True", "reason": "FailedIndexes" }]));
        let reason = "FailedIndexes".to_owned();
        assert_eq!(failed.end, Some(End::Failed { reason, message: String::new() }));
        assert_eq!((failed.succeeded, failed.completions, failed.failed_indexes.as_str()), (3, 4, "2"));
    }

    #[test]
    fn a_job_that_can_make_no_pods_says_why() {
        let trouble = |m: &str| event(&json!({ "reason": "FailedCreate", "message": m }));
        assert_eq!(trouble("pods \"x\" is forbidden: exceeded quota: q").unwrap().cause, Cause::Quota);
        assert_eq!(trouble("violates PodSecurity").unwrap().cause, Cause::Configuration);
        assert_eq!(event(&json!({ "reason": "SuccessfulCreate" })), None);
    }
}
