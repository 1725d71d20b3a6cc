//! Runs in a cluster: what was submitted, how far one is, a list of them. Pure.

use serde_json::{Value, json};

use crate::ops::{ClusterRun, ClusterStatus, Finding, Submitted};

use super::super::failure::printable;
use super::runs;

/// What was submitted, and what to do next.
pub(super) fn submitted(report: &Submitted, wide: bool) -> crate::Result<String> {
    Ok(match report {
        Submitted::Running { name, namespace, already } => {
            let what = if *already { "runs already" } else { "submitted" };
            format!(
                "{name} {what} in namespace {namespace}\n\
                 follow it: dp status -n {namespace} {name}\n\
                 wait for it: dp wait -n {namespace} {name}\n"
            )
        }
        Submitted::Scheduled { name, namespace, cron, time_zone, changed } => {
            let what = if *changed { "changed" } else { "scheduled" };
            format!(
                "{name} {what} in namespace {namespace}: {cron} in {time_zone}\n\
                 run it now: dp trigger -n {namespace} {name}\n\
                 its runs: dp list -n {namespace}\n"
            )
        }
        Submitted::Ended(report) => super::run::text(report, wide)?,
    })
}

/// Its name in the cluster, or the run's where this process drove it.
pub(super) fn submitted_names(report: &Submitted) -> Vec<String> {
    vec![match report {
        Submitted::Running { name, .. } | Submitted::Scheduled { name, .. } => name.clone(),
        Submitted::Ended(report) => report.run.clone(),
    }]
}

/// The same for programs.
pub(super) fn submitted_json(report: &Submitted) -> crate::Result<Value> {
    match report {
        Submitted::Running { name, namespace, already } => {
            Ok(json!({ "name": name, "namespace": namespace, "already": already }))
        }
        Submitted::Scheduled { name, namespace, cron, time_zone, changed } => Ok(json!({
            "name": name, "namespace": namespace, "cron": cron, "timeZone": time_zone, "changed": changed,
        })),
        Submitted::Ended(report) => super::run::json(report),
    }
}

/// How far a run is.
pub(super) fn status(report: &ClusterStatus, wide: bool) -> String {
    let mut rows = vec![
        ("name", format!("{} in namespace {}", report.name, report.namespace)),
        ("phase", report.phase.clone()),
    ];
    rows.extend(report.message.iter().map(|m| ("why", m.clone())));
    rows.extend(report.hint.iter().map(|h| ("hint", h.clone())));
    for job in &report.jobs {
        let failed = if job.failed > 0 { format!(", {} pods failed", job.failed) } else { String::new() };
        let indexes = match job.failed_indexes.as_str() {
            "" => String::new(),
            some => format!(", indexes {some} failed for good"),
        };
        rows.push((
            "job",
            format!(
                "{}: {}, {} of {} done, {} running{failed}{indexes}",
                job.name, job.state, job.succeeded, job.completions, job.ready
            ),
        ));
    }
    for cause in &report.causes {
        let list = |name: &str, items: Vec<String>| match items.len() {
            0 => String::new(),
            _ => format!(", {name} {}", items.join(", ")),
        };
        let indexes = list("indexes", cause.indexes.iter().map(u32::to_string).collect());
        let nodes = list("nodes", cause.nodes.clone());
        rows.push(("cause", format!("{} x {}{indexes}{nodes}; {}", cause.pods, cause.text, cause.hint)));
    }
    rows.extend(report.run_error.iter().map(|e| ("folder", format!("cannot be looked at: {e}"))));
    let line = |(name, fact): &(&str, String)| format!("{name:8}  {}\n", printable(fact).replace('\n', " "));
    let own: String = rows.iter().map(line).collect();
    own + &report.run.as_ref().map_or_else(String::new, |run| runs::status(run, wide))
}

/// What was looked at.
pub(super) fn findings(all: &[Finding]) -> String {
    let line = |finding: &Finding| {
        let mark = if finding.good { "ok  " } else { "BAD " };
        let found = printable(&finding.found).replace('\n', "; ");
        let hint = finding.hint.as_ref().map_or_else(String::new, |h| format!("{:20}{}\n", "", printable(h)));
        format!("{mark} {:14} {found}\n{hint}", finding.what)
    };
    all.iter().map(line).collect()
}

/// Runs as columns; `wide` adds their folders.
pub(super) fn list(all: &[ClusterRun], wide: bool) -> String {
    let mut head = vec!["NAME", "JOB", "PHASE", "CREATED"];
    if wide {
        head.push("FOLDER");
    }
    let mut rows = vec![head.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    for run in all {
        let mut row = vec![run.name.clone(), run.job.clone(), run.phase.clone(), run.created.clone()];
        if wide {
            row.push(run.folder.clone().unwrap_or_else(|| "-".to_owned()));
        }
        rows.push(row);
    }
    runs::columns(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{CauseSummary, JobSummary};

    #[test]
    fn a_status_says_what_hinders() {
        let report = ClusterStatus {
            name: "a-01234567".to_owned(),
            namespace: "data".to_owned(),
            phase: "mapping".to_owned(),
            message: Some("no node can take the pod".to_owned()),
            hint: Some("ask for less".to_owned()),
            exit_code: None,
            jobs: vec![JobSummary {
                name: "a-01234567-map".to_owned(),
                stage: "map".to_owned(),
                state: "running".to_owned(),
                completions: 16,
                succeeded: 3,
                ready: 1,
                active: 4,
                failed: 2,
                failed_indexes: "5".to_owned(),
            }],
            causes: vec![CauseSummary {
                text: "memory ran out: the limit is 1Gi".to_owned(),
                hint: "raise it".to_owned(),
                pods: 2,
                indexes: vec![5, 7],
                nodes: vec!["n1".to_owned()],
            }],
            run: None,
            run_error: Some("no credentials".to_owned()),
        };
        assert_eq!(
            status(&report, false),
            "name      a-01234567 in namespace data\nphase     mapping\nwhy       no node can take the pod\n\
             hint      ask for less\n\
             job       a-01234567-map: running, 3 of 16 done, 1 running, 2 pods failed, indexes 5 failed for good\n\
             cause     2 x memory ran out: the limit is 1Gi, indexes 5, 7, nodes n1; raise it\n\
             folder    cannot be looked at: no credentials\n"
        );
    }
}
