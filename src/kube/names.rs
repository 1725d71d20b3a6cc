//! Names and labels of objects: the same for the same run, in every process.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Says which run an object belongs to.
pub const RUN_LABEL: &str = "dp.dev/run";
/// Says which job the run is of.
pub const JOB_LABEL: &str = "dp.dev/job";
/// Says which part an object plays: `map`, `reduce`, `driver`, `single`.
pub const STAGE_LABEL: &str = "dp.dev/stage";
/// Says which schedule made the run.
pub const SCHEDULE_LABEL: &str = "dp.dev/schedule";

/// Says which interval of a schedule a run is for.
pub const INTERVAL_LABEL: &str = "dp.dev/interval";

/// Longest first part of a name: with `-12345678`, `-map-99` and an index it stays a DNS label of 63.
const STEM_MAX: usize = 38;

/// The name of what stands for a run in the cluster: the job's name, cut if it is long, and the first
/// eight digits of what tells the run from others.
#[must_use]
pub fn base(job: &str, digest: &str) -> String {
    let stem = job.get(..STEM_MAX).unwrap_or(job).trim_end_matches('-');
    format!("{stem}-{}", digest.get(..8).unwrap_or(digest))
}

/// The Job of a stage. The first map Job has no number; follow-ups are counted from 2.
#[must_use]
pub fn map_job(base: &str, round: u32) -> String {
    if round <= 1 { format!("{base}-map") } else { format!("{base}-map-{round}") }
}

/// The round of a map Job of `base`, by its name.
#[must_use]
pub fn map_round(base: &str, name: &str) -> Option<u32> {
    let rest = name.strip_prefix(base)?.strip_prefix("-map")?;
    if rest.is_empty() { Some(1) } else { rest.strip_prefix('-')?.parse().ok().filter(|n| *n > 1) }
}

/// The reduce Job.
#[must_use]
pub fn reduce_job(base: &str) -> String {
    format!("{base}-reduce")
}

/// The driver's Job, or that of the one pod that does it all; also its service account and roles.
#[must_use]
pub fn driver(base: &str) -> String {
    format!("{base}-driver")
}

/// Who a run's objects belong to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// [`base`].
    pub base: String,
    /// The job's name.
    pub job: String,
    /// Labels that the spec adds.
    pub labels: BTreeMap<String, String>,
    /// Annotations that the spec adds.
    pub annotations: BTreeMap<String, String>,
}

impl Identity {
    /// The labels of an object that plays the part `stage`.
    #[must_use]
    pub fn labels(&self, stage: &str) -> Value {
        let own = [
            ("app.kubernetes.io/name", "dp"),
            ("app.kubernetes.io/instance", self.base.as_str()),
            ("app.kubernetes.io/component", stage),
            ("app.kubernetes.io/managed-by", "dp"),
            ("app.kubernetes.io/version", env!("CARGO_PKG_VERSION")),
            (JOB_LABEL, self.job.as_str()),
            (RUN_LABEL, self.base.as_str()),
            (STAGE_LABEL, stage),
        ];
        let mut labels: BTreeMap<&str, &str> =
            self.labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        // Selectors rely on our own.
        labels.extend(own);
        json!(labels)
    }

    /// `metadata` of an object called `name` that plays the part `stage`.
    #[must_use]
    pub fn metadata(&self, name: &str, stage: &str) -> Value {
        let mut metadata = json!({ "name": name, "labels": self.labels(stage) });
        if !self.annotations.is_empty() {
            metadata["annotations"] = json!(self.annotations);
        }
        metadata
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_pods_stay_dns_labels() {
        let base = base(&"a".repeat(52), &"0123456789abcdef".repeat(4));
        assert_eq!(base, format!("{}-01234567", "a".repeat(38)));
        // Kubernetes adds an index to the name of a pod's host.
        assert!(format!("{}-99999", map_job(&base, 99)).len() <= 63);
        assert_eq!(super::base("a-b", "0123456789"), "a-b-01234567");
        assert_eq!(
            super::base(&format!("{}-b", "a".repeat(37)), "0123456789"),
            format!("{}-01234567", "a".repeat(37))
        );
    }

    #[test]
    fn rounds_are_read_from_names() {
        for round in [1, 2, 17] {
            assert_eq!(map_round("x-map-1", &map_job("x-map-1", round)), Some(round));
        }
        for other in ["x-reduce", "y-map", "x-map-1", "x-map-0", "x-map-", "x-map-a", "x-mapper"] {
            assert_eq!(map_round("x", other), None, "{other}");
        }
    }

    #[test]
    fn labels_of_a_spec_do_not_replace_ours() {
        let labels =
            BTreeMap::from([("team".to_owned(), "x".to_owned()), (RUN_LABEL.to_owned(), "y".to_owned())]);
        let identity = Identity { base: "b".to_owned(), labels, ..Identity::default() };
        let metadata = identity.metadata("n", "map");
        assert_eq!(metadata["labels"]["team"], "x");
        assert_eq!(metadata["labels"][RUN_LABEL], "b");
        assert!(metadata.get("annotations").is_none());
    }
}
