//! The objects of a run as Kubernetes takes them. Pure: equal input, equal bytes.

use serde_json::{Value, json};

use super::names::{self, Identity};
use super::pod::Pod;
use super::policy::{ignore_interrupted, pod_failure_policy};
use crate::spec::{Job, Mode, Schedule};

/// Cores of a pod that works on data, where the spec says nothing.
const CPU: &str = "1";
/// Cores and memory of a driver: it plans, then waits.
const DRIVER_CPU: &str = "100m";
const DRIVER_MEMORY: u64 = 512 << 20;
/// Cores that a pod asks for which waits for others most of its time.
const WAITING_CPU: &str = "50m";
/// A reduce Job waits so long for map, which may have been given up without a word.
const WAITING_SECONDS: u64 = 7 * 86_400;
/// Finished Jobs stay so long, for a look at them.
const TTL_SECONDS: u32 = 86_400;
/// Failures of a pod that nobody but Kubernetes sees to, where there is no driver.
const BACKOFF_LIMIT: u32 = 6;

/// How reduce follows map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// The reduce pod waits until all shards are committed. Needs no rights.
    Wait,
    /// The reduce Job is suspended; the last mapper to commit resumes it.
    Resume,
    /// A driver makes the reduce Job when map is done.
    Driver,
}

/// What all objects of a run are made from.
#[derive(Debug)]
pub struct Workload<'a> {
    /// Names and labels.
    pub identity: &'a Identity,
    /// The job.
    pub job: &'a Job,
    /// The image with dp.
    pub image: &'a str,
    /// The URL of the run's folder.
    pub run: &'a str,
    /// Completion indexes of the first map Job.
    pub indexes: u32,
    /// Pods at once.
    pub parallelism: u32,
    /// Bytes of memory of a pod.
    pub memory: u64,
    /// How reduce follows map.
    pub chain: Chain,
    /// The `ConfigMap` that owns everything, with its uid, once it is there.
    pub owner: Option<(&'a str, &'a str)>,
}

/// A map Job after the first one, over shards that are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    /// 1 for the first map Job.
    pub number: u32,
    /// Completion indexes.
    pub indexes: u32,
    /// Bytes of memory of a pod.
    pub memory: u64,
}

impl Workload<'_> {
    /// Everything of a run that chains without a driver, in the order in which it is made.
    #[must_use]
    pub fn chained(&self) -> Vec<Value> {
        let first = Round { number: 1, indexes: self.indexes, memory: self.memory };
        let mut objects = Vec::new();
        if self.chain == Chain::Resume {
            objects.extend(self.resume_rights());
        }
        objects.push(self.reduce_job(1, self.memory));
        objects.push(self.map_job(first));
        objects
    }

    /// A map Job.
    #[must_use]
    pub fn map_job(&self, round: Round) -> Value {
        let name = names::map_job(&self.identity.base, round.number);
        let (indexes, number) = (round.indexes.to_string(), round.number.to_string());
        let reduce = names::reduce_job(&self.identity.base);
        let account = names::map_job(&self.identity.base, 1);
        let mut env = vec![("DP_RUN", self.run), ("DP_STAGE", "map"), ("DP_INDEXES", &indexes)];
        if round.number > 1 {
            env.push(("DP_ROUND", &number));
        }
        let resumes = self.chain == Chain::Resume;
        if resumes {
            env.push(("DP_RESUME", &reduce));
        }
        let pod = Pod { api_account: resumes.then_some(&account), ..self.worker("map", &env, round.memory) };
        let per_index = if self.chain == Chain::Driver { self.own_tries() } else { BACKOFF_LIMIT };
        let mut spec = json!({
            "completionMode": "Indexed",
            "completions": round.indexes,
            "parallelism": self.parallelism.min(round.indexes),
            "backoffLimitPerIndex": per_index,
            "podFailurePolicy": pod_failure_policy(true),
        });
        self.finish_spec(&mut spec, &pod, None);
        self.job_object(&name, "map", &spec)
    }

    /// The reduce Job; `number` counts its tries with other memory, from 1.
    #[must_use]
    pub fn reduce_job(&self, number: u32, memory: u64) -> Value {
        let mut name = names::reduce_job(&self.identity.base);
        if number > 1 {
            name = format!("{name}-{number}");
        }
        let indexes = self.indexes.to_string();
        let mut env = vec![("DP_RUN", self.run), ("DP_STAGE", "reduce")];
        if self.chain != Chain::Driver {
            env.push(("DP_WAIT", &indexes));
        }
        let backoff = if self.chain == Chain::Driver { self.own_tries() } else { BACKOFF_LIMIT };
        let mut spec = json!({
            "completions": 1,
            "parallelism": 1,
            "backoffLimit": backoff,
            "podFailurePolicy": pod_failure_policy(false),
        });
        if self.chain == Chain::Resume {
            spec["suspend"] = json!(true);
        }
        let mut pod = self.worker("reduce", &env, memory);
        if self.chain == Chain::Wait {
            pod.cpu_asked = Some(WAITING_CPU);
            ignore_interrupted(&mut spec["podFailurePolicy"]);
        }
        let waiting = (self.chain == Chain::Wait).then_some(WAITING_SECONDS);
        self.finish_spec(&mut spec, &pod, waiting);
        self.job_object(&name, "reduce", &spec)
    }

    fn own_tries(&self) -> u32 {
        self.job.errors.attempts.saturating_sub(1)
    }

    fn worker<'a>(&'a self, stage: &'a str, env: &'a [(&'a str, &'a str)], memory: u64) -> Pod<'a> {
        Pod {
            identity: self.identity,
            job: self.job,
            image: self.image,
            stage,
            args: &["worker"],
            env,
            memory,
            cpu: self.job.kubernetes.cpu.as_deref().unwrap_or(CPU),
            cpu_asked: None,
            api_account: None,
            config: None,
        }
    }

    fn finish_spec(&self, spec: &mut Value, pod: &Pod, deadline: Option<u64>) {
        spec["podReplacementPolicy"] = json!("Failed");
        spec["ttlSecondsAfterFinished"] = json!(TTL_SECONDS);
        if let Some(seconds) = self.job.resources.deadline.or(deadline) {
            spec["activeDeadlineSeconds"] = json!(seconds);
        }
        spec["template"] = pod.template();
    }

    fn job_object(&self, name: &str, stage: &str, spec: &Value) -> Value {
        let mut metadata = self.metadata(name, stage);
        if let Some(queue) = &self.job.kubernetes.queue {
            metadata["labels"]["kueue.x-k8s.io/queue-name"] = json!(queue);
        }
        json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec })
    }

    fn metadata(&self, name: &str, stage: &str) -> Value {
        let mut metadata = self.identity.metadata(name, stage);
        if let Some((owner, uid)) = self.owner {
            metadata["ownerReferences"] = json!([{
                "apiVersion": "v1", "kind": "ConfigMap", "name": owner, "uid": uid,
            }]);
        }
        metadata
    }

    /// A service account for the mappers that may resume the reduce Job and do nothing else.
    fn resume_rights(&self) -> [Value; 3] {
        let account = names::map_job(&self.identity.base, 1);
        let reduce = names::reduce_job(&self.identity.base);
        let rules = json!([{
            "apiGroups": ["batch"], "resources": ["jobs"], "resourceNames": [reduce], "verbs": ["get", "patch"],
        }]);
        self.rights(&account, "map", &rules)
    }

    fn rights(&self, account: &str, stage: &str, rules: &Value) -> [Value; 3] {
        let metadata = self.metadata(account, stage);
        [
            json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata,
                "automountServiceAccountToken": false }),
            json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata,
                "rules": rules }),
            json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
                "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account },
                "subjects": [{ "kind": "ServiceAccount", "name": account }] }),
        ]
    }

    /// What a driver in the cluster needs: its account, its rights and its Job. The `ConfigMap` that owns
    /// them is there already.
    #[must_use]
    pub fn driver(&self) -> Vec<Value> {
        let name = names::driver(&self.identity.base);
        let (mut objects, account) = self.account(&name, &driver_rules());
        let env = [("DP_IMAGE", self.image)];
        let pod = Pod {
            args: &["driver"],
            cpu: DRIVER_CPU,
            api_account: account.as_deref(),
            config: Some(&self.identity.base),
            ..self.worker("driver", &env, DRIVER_MEMORY)
        };
        objects.push(self.job_object(&name, "driver", &driver_spec(&pod)));
        objects
    }

    /// What a schedule needs: an account, rights, and a `CronJob` whose pod runs what is due.
    #[must_use]
    pub fn scheduled(&self, schedule: &Schedule) -> Vec<Value> {
        let single = self.job.kubernetes.mode == Mode::Single;
        let name = self.identity.base.as_str();
        let env = [("DP_SCHEDULE", name), ("DP_IMAGE", self.image)];
        let mut rules = driver_rules();
        if let (Some(all), Value::Array(more)) = (rules.as_array_mut(), schedule_rules()) {
            all.extend(more);
        }
        let (mut objects, account) = if single { (Vec::new(), None) } else { self.account(name, &rules) };
        let memory = if single { self.memory } else { DRIVER_MEMORY };
        let worker = self.worker("schedule", &env, memory);
        let pod = Pod {
            args: &["driver"],
            cpu: if single { worker.cpu } else { DRIVER_CPU },
            api_account: account.as_deref(),
            config: Some(name),
            ..worker
        };
        let job = driver_spec(&pod);
        let mut spec = json!({
            "schedule": schedule.cron,
            "timeZone": schedule.time_zone.name(),
            "concurrencyPolicy": schedule.overlap.concurrency_policy(),
            "suspend": schedule.suspend,
            "successfulJobsHistoryLimit": schedule.history,
            "failedJobsHistoryLimit": schedule.history,
            "jobTemplate": { "metadata": { "labels": self.identity.labels("schedule") }, "spec": job },
        });
        if let Some(seconds) = schedule.starting_deadline {
            spec["startingDeadlineSeconds"] = json!(seconds);
        }
        objects.push(json!({ "apiVersion": "batch/v1", "kind": "CronJob",
            "metadata": self.metadata(name, "schedule"), "spec": spec }));
        objects
    }

    /// The account of a pod that makes Jobs: that of the spec, which has the identity that reads the data and
    /// gets the rights as well, or one of its own.
    fn account(&self, name: &str, rules: &Value) -> (Vec<Value>, Option<String>) {
        let [account, role, mut binding] = self.rights(name, "driver", rules);
        match self.job.kubernetes.service_account.clone() {
            Some(given) => {
                binding["subjects"] = json!([{ "kind": "ServiceAccount", "name": given }]);
                (vec![role, binding], Some(given))
            }
            None => (vec![account, role, binding], Some(name.to_owned())),
        }
    }

    /// The Job whose one pod plans, maps, reduces and publishes.
    #[must_use]
    pub fn single(&self) -> Value {
        let name = names::driver(&self.identity.base);
        let pod = Pod {
            args: &["worker"],
            config: Some(&self.identity.base),
            ..self.worker("single", &[("DP_STAGE", "single")], self.memory)
        };
        let mut spec = json!({
            "completions": 1,
            "parallelism": 1,
            "backoffLimit": BACKOFF_LIMIT,
            "podFailurePolicy": pod_failure_policy(false),
        });
        self.finish_spec(&mut spec, &pod, None);
        self.job_object(&name, "single", &spec)
    }

    /// The `ConfigMap` that stands for the run: it holds what was asked for and owns everything else.
    #[must_use]
    pub fn config_map(&self, data: &Value) -> Value {
        json!({ "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": self.identity.metadata(&self.identity.base, "run"), "data": data })
    }
}

/// The `spec` of a Job whose one pod makes other Jobs.
fn driver_spec(pod: &Pod) -> Value {
    json!({
        "completions": 1,
        "parallelism": 1,
        "backoffLimit": BACKOFF_LIMIT,
        "podFailurePolicy": pod_failure_policy(false),
        "podReplacementPolicy": "Failed",
        "ttlSecondsAfterFinished": TTL_SECONDS,
        "template": pod.template(),
    })
}

/// The least that a driver must be allowed in its namespace.
#[must_use]
pub fn driver_rules() -> Value {
    json!([
        { "apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get", "list", "patch", "delete"] },
        { "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "patch"] },
        { "apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"] },
        { "apiGroups": [""], "resources": ["events"], "verbs": ["list"] },
    ])
}

/// What a schedule's pod must be allowed beside it: it makes the runs itself.
#[must_use]
pub fn schedule_rules() -> Value {
    json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "list", "delete"] }])
}

/// The least that whoever submits must be allowed in the namespace.
#[must_use]
pub fn submitter_rules() -> Value {
    json!([
        { "apiGroups": ["batch"], "resources": ["jobs", "cronjobs"],
            "verbs": ["create", "get", "list", "watch", "patch", "delete"] },
        { "apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "get", "list", "patch", "delete"] },
        { "apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["create", "get", "patch"] },
        { "apiGroups": [""], "resources": ["pods", "pods/log", "events", "resourcequotas"], "verbs": ["get", "list", "watch"] },
        { "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"],
            "verbs": ["create", "get", "patch"] },
    ])
}
