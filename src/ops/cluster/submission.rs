//! What was submitted: kept in the run's `ConfigMap`, read by drivers and by whoever asks later.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::request::{Given, SpecText};
use super::super::run::parse_job;
use crate::error::{Error, Result};
use crate::kube::names::{self, Identity};
use crate::spec::{Interval, Job, Location, Scheme};

/// Keys of the `ConfigMap`, which are files in the driver's pod.
pub const SPEC: &str = "spec.yaml";
pub const REQUEST: &str = "request.json";
pub const PLAN: &str = "plan.json";
pub const STATUS: &str = "status.json";

/// What the command line said beside the spec.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Said {
    /// The spec's file, for messages.
    pub file: String,
    /// `--set`.
    #[serde(default)]
    pub sets: Vec<(String, String)>,
    /// `--in`.
    pub input: Option<String>,
    /// `--out`.
    pub output: Option<String>,
    /// `--work`.
    pub work: Option<String>,
    /// `--run`.
    pub run: Option<String>,
    /// `--image`, or what the spec says.
    pub image: String,
    /// Bytes of memory of a pod, instead of the spec's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// The logical interval of a scheduled run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<(String, String)>,
    /// Labels that say which schedule and interval it belongs to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<(String, String)>,
}

/// A spec and what was said beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The spec's text.
    pub text: String,
    /// What the command line said.
    pub said: Said,
}

/// What a driver has planned, so that the next one need not plan again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Planned {
    /// The URL of the run's folder.
    pub url: String,
    /// The run's name.
    pub run: String,
    /// Shards of the plan.
    pub shards: u32,
    /// Completion indexes of the first map Job.
    pub indexes: u32,
    /// Pods at once.
    pub parallelism: u32,
    /// Bytes of memory of a pod.
    pub memory: u64,
    /// Bytes up to which it is raised where it ran out.
    pub max_memory: u64,
}

/// How far the driver is, for whoever follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DriverStatus {
    /// `planning`, `mapping`, `reducing`, `done`, `failed`.
    pub phase: String,
    /// What hinders it, or why it failed, in one sentence.
    pub message: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The exit code, at the end.
    pub exit_code: Option<u8>,
}

impl Submission {
    /// What was read from a file, as given on the command line.
    #[must_use]
    pub fn new(spec: &SpecText, given: &Given, run: Option<&str>, image: &str) -> Self {
        let said = Said {
            file: spec.file.clone(),
            sets: given.sets.clone(),
            input: given.input.clone(),
            output: given.output.clone(),
            work: given.work.clone(),
            run: run.map(str::to_owned),
            image: image.to_owned(),
            ..Said::default()
        };
        Self { text: spec.text.clone(), said }
    }

    /// The spec as a driver reads it: there is no folder that relative places could lie in.
    #[must_use]
    pub fn spec(&self) -> SpecText {
        SpecText { text: self.text.clone(), file: self.said.file.clone(), base: PathBuf::from("/") }
    }

    /// What was given beside the spec.
    #[must_use]
    pub fn given(&self) -> Given {
        Given {
            sets: self.said.sets.clone(),
            input: self.said.input.clone(),
            output: self.said.output.clone(),
            work: self.said.work.clone(),
            base: PathBuf::from("/"),
            interval: self.said.interval.as_ref().and_then(|bounds| Interval::of_bounds(bounds).ok()),
        }
    }

    /// The job, as a pod understands it.
    ///
    /// # Errors
    /// `Usage`: the spec is wrong.
    pub fn job(&self) -> Result<Job> {
        let mut job = parse_job(&self.spec(), &self.given())?;
        if let Some(memory) = self.said.memory {
            job.resources.memory = Some(memory);
            job.resources.max_memory = job.resources.max_memory.map(|most| most.max(memory));
        }
        Ok(job)
    }

    /// Tells submissions apart: equal ones are the same run.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.text.as_bytes());
        let said = Said { file: String::new(), image: String::new(), memory: None, ..self.said.clone() };
        hasher.update(json!(said).to_string().as_bytes());
        hasher.finalize().to_hex().to_string()
    }

    /// The name and labels of its objects.
    #[must_use]
    pub fn identity(&self, job: &Job) -> Identity {
        let mut identity = identity(job, &self.digest());
        identity.labels.extend(self.said.labels.iter().cloned());
        identity
    }

    /// The data of the `ConfigMap`.
    #[must_use]
    pub fn data(&self) -> Value {
        json!({ SPEC: self.text, REQUEST: json!(self.said).to_string() })
    }

    /// Reads the data of a `ConfigMap`.
    ///
    /// # Errors
    /// `Stop`: it holds something else.
    pub fn of_config_map(object: &Value) -> Result<Self> {
        let text = |key: &str| object["data"][key].as_str();
        let read =
            || Some(Self { text: text(SPEC)?.to_owned(), said: serde_json::from_str(text(REQUEST)?).ok()? });
        read().ok_or_else(|| {
            Error::stop("the ConfigMap of the run does not hold what dp wrote into it")
                .with("configmap", object["metadata"]["name"].as_str().unwrap_or_default())
        })
    }

    /// Reads the files that a driver's pod has of its `ConfigMap`.
    ///
    /// # Errors
    /// `Stop`: they are not there.
    pub fn of_folder(folder: &Path) -> Result<Self> {
        let read = |key: &str| {
            std::fs::read_to_string(folder.join(key)).map_err(|e| {
                Error::stop("the job's ConfigMap is not mounted")
                    .with("file", folder.join(key).display())
                    .because(e)
            })
        };
        Self::of_config_map(&json!({ "data": { SPEC: read(SPEC)?, REQUEST: read(REQUEST)? } }))
    }
}

/// The name and labels of the objects of a job and a digest.
#[must_use]
pub fn identity(job: &Job, digest: &str) -> Identity {
    Identity {
        base: names::base(&job.name, digest),
        job: job.name.clone(),
        labels: job.kubernetes.labels.clone(),
        annotations: job.kubernetes.annotations.clone(),
    }
}

/// The name and labels of a schedule's objects: those of its job, whose every run has others.
#[must_use]
pub fn schedule_identity(job: &Job) -> Identity {
    let mut identity = identity(job, "");
    identity.base.clone_from(&job.name);
    identity.labels.insert(names::SCHEDULE_LABEL.to_owned(), job.name.clone());
    identity
}

/// A record of the driver in its `ConfigMap`.
pub fn part<T: serde::de::DeserializeOwned>(object: &Value, key: &str) -> Option<T> {
    serde_json::from_str(object["data"][key].as_str()?).ok()
}

/// Checks that pods can see every place of a job: the local ones must lie in a volume that
/// `podPatch` mounts.
///
/// # Errors
/// `Usage`, naming each place that they cannot see.
pub fn check_places(job: &Job) -> Result<()> {
    let mounts: Vec<&str> = job
        .kubernetes
        .pod_patch
        .iter()
        .filter_map(|patch| patch["containers"].as_array())
        .flatten()
        .filter_map(|container| container["volumeMounts"].as_array())
        .flatten()
        .filter_map(|mount| mount["mountPath"].as_str())
        .collect();
    let seen = |place: &Location| {
        place.as_local().is_none_or(|path| mounts.iter().any(|mount| path.starts_with(mount)))
    };
    let datasets = job.inputs.iter().map(|d| ("input", d)).chain(job.tables.iter().map(|d| ("table", d)));
    let mut places: Vec<(String, &Location)> = datasets
        .flat_map(|(what, d)| d.urls.iter().map(move |u| (format!("{what} `{}`", d.name), u)))
        .collect();
    places.extend(job.output.iter().map(|o| ("output".to_owned(), &o.url)));
    places.extend(job.work.iter().map(|w| ("work folder".to_owned(), w)));
    let hidden: Vec<String> = places
        .iter()
        .filter(|(_, place)| place.scheme() == Scheme::File && !seen(place))
        .map(|(what, place)| format!("the {what} lies at {place}, which pods do not see"))
        .collect();
    if hidden.is_empty() {
        return Ok(());
    }
    Err(Error::usage(hidden.join("\n")).with(
        "hint",
        "use an object store such as s3://, or mount a volume there with spec.kubernetes.podPatch",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC_TEXT: &str = "apiVersion: dp.dev/v1alpha1
kind: DataJob
metadata: { name: a }
spec:
  input: { url: INPUT }
  sql: SELECT * FROM input
  output: { url: s3://b/out/ }
  kubernetes:
    podPatch: { containers: [{ name: dp, volumeMounts: [{ name: d, mountPath: /data }] }] }
";

    fn job(input: &str) -> Job {
        let text = SPEC_TEXT.replace("INPUT", input);
        crate::spec::parse(&text, "f", Path::new("/"), &Given::default()).unwrap()
    }

    #[test]
    fn places_that_pods_cannot_see_are_refused() {
        for (input, seen) in
            [("s3://b/in/", true), ("/data/in", true), ("/database/in", false), ("in/x.csv", false)]
        {
            assert_eq!(check_places(&job(input)).is_ok(), seen, "{input}");
        }
        let error = check_places(&job("/home/x")).unwrap_err();
        assert_eq!(error.message(), "the input `input` lies at /home/x, which pods do not see");
    }

    #[test]
    fn a_submission_survives_its_config_map() {
        let spec =
            SpecText { text: "kind: x".to_owned(), file: "a.yaml".to_owned(), base: PathBuf::from("/here") };
        let given = Given { sets: vec![("a".to_owned(), "b".to_owned())], ..Given::default() };
        let submission = Submission::new(&spec, &given, Some("r"), "i:1");
        assert_eq!(Submission::of_config_map(&json!({ "data": submission.data() })).unwrap(), submission);
        assert!(Submission::of_config_map(&json!({ "data": {} })).is_err());
        let other = Submission::new(&spec, &Given::default(), Some("r"), "i:2");
        assert_ne!(other.digest(), submission.digest());
        assert_eq!(Submission::new(&spec, &given, Some("r"), "i:2").digest(), submission.digest());
    }
}
