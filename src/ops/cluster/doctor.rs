//! `dp doctor`: what a run would need, looked at before one is started.

use chrono::{DateTime, TimeDelta};
use serde::Serialize;

use super::super::places::{stores, work_root};
use super::super::request::{Given, Machine, SpecText};
use super::super::run::parse_job;
use super::submission::check_places;
use super::submit::{How, check_references, missing_rights, rights};
use crate::error::{Error, Result};
use crate::kube::client::{Access, Cluster};
use crate::spec::{Interval, Job};
use crate::store::list;
use crate::store::probe;

/// `dp doctor`.
#[derive(Debug, Clone)]
pub struct DoctorRequest {
    /// The job, if one is to be looked at.
    pub spec: Option<SpecText>,
    /// What the command line says about it.
    pub given: Given,
    /// `--image`.
    pub image: Option<String>,
    /// The cluster.
    pub access: Access,
    /// The machine.
    pub machine: Machine,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub what: String,
    /// Whether it is as it must be.
    pub good: bool,
    /// What was found.
    pub found: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Looks at everything; nothing that is found ends it.
#[must_use]
pub fn doctor(request: &DoctorRequest) -> Vec<Finding> {
    let mut findings = Vec::new();
    let cluster = Cluster::connect(&request.access);
    let cluster = found(&mut findings, "cluster", cluster, |c| format!("{c:?}"));
    let job = request.spec.as_ref().and_then(|text| {
        found(&mut findings, "job spec", parsed(text, &request.given), |job| format!("{} is good", job.name))
    });
    if let Some(cluster) = &cluster {
        let missing =
            missing_rights(cluster, &rights(How::Driver)).and_then(|missing| match missing.as_slice() {
                [] => Ok(()),
                some => Err(Error::stop(format!("not allowed: {}", some.join(", ")))
                    .with("hint", "`dp rbac` prints the rights that are needed")),
            });
        found(&mut findings, "rights", missing, |()| {
            format!("to submit in namespace {}", cluster.namespace())
        });
    }
    let Some(job) = job else { return findings };
    let image = request.image.clone().or_else(|| job.kubernetes.image.clone());
    let image = image.ok_or_else(|| {
        Error::usage("no image is named").with("hint", "give --image, or set spec.kubernetes.image")
    });
    found(&mut findings, "image", image, Clone::clone);
    found(&mut findings, "places", check_places(&job), |()| "pods see all of them".to_owned());
    if let Some(cluster) = &cluster {
        let there = check_references(cluster, &job);
        found(&mut findings, "environment", there, |()| "what pods refer to is there".to_owned());
    }
    look_at_stores(&mut findings, request, &job);
    findings
}

fn look_at_stores(findings: &mut Vec<Finding>, request: &DoctorRequest, job: &Job) {
    let Some(stores) =
        found(findings, "stores", stores(&request.machine), |_| "their settings are good".to_owned())
    else {
        return;
    };
    for dataset in job.inputs.iter().chain(&job.tables) {
        let listed = list::list(&stores, dataset);
        let what = format!("input {}", dataset.name);
        found(findings, &what, listed, |listing| {
            format!("{} files, listed from this machine", listing.files.len())
        });
    }
    let probed = work_root(job).and_then(|root| {
        let folder = stores.folder(&root)?;
        probe::conditional_create(&folder).map(|()| root)
    });
    found(findings, "work folder", probed, |root| format!("{root} can be written, and creates once"));
}

/// A schedule's parameters have some value.
fn parsed(text: &SpecText, given: &Given) -> Result<Job> {
    let day = DateTime::UNIX_EPOCH + TimeDelta::days(1);
    let interval = Some(Interval::new(DateTime::UNIX_EPOCH.fixed_offset(), day.fixed_offset())?);
    parse_job(text, &Given { interval, ..given.clone() })
}

fn found<T>(
    findings: &mut Vec<Finding>,
    what: &str,
    result: Result<T>,
    say: impl Fn(&T) -> String,
) -> Option<T> {
    let (good, said, hint) = match &result {
        Ok(value) => (true, say(value), None),
        Err(e) => {
            let hint = e.context().iter().find(|(k, _)| *k == "hint").map(|(_, v)| v.clone());
            (false, e.to_string(), hint)
        }
    };
    findings.push(Finding { what: what.to_owned(), good, found: said, hint });
    result.ok()
}
