//! `dp logs`: of pods that are there, and of those that are gone, whose last lines lie in the run's folder.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::places::{find_run, read_block, stores};
use super::super::request::Given;
use super::settle::{ClusterRequest, find};
use super::submission::{self, Planned};
use crate::error::{Error, Result};
use crate::id::ShardId;
use crate::kube::client::{Cluster, Select};
use crate::kube::names::{RUN_LABEL, STAGE_LABEL};
use crate::kube::object::Object;
use crate::plan::{Header, freeze};
use crate::store::commit::RunFolder;
use crate::store::layout;

/// `dp logs`.
#[derive(Debug, Clone)]
pub struct LogsRequest {
    /// The run: its name in the cluster, or the URL of its folder.
    pub run: ClusterRequest,
    /// Pods of this stage only.
    pub stage: Option<String>,
    /// Pods of this completion index only.
    pub index: Option<u32>,
    /// Pods of the index that has this shard.
    pub shard: Option<ShardId>,
    /// Pods that failed only.
    pub failed: bool,
    /// Also the lines that are still to come.
    pub follow: bool,
}

/// Gives `line` each line of each pod's log, with the pod's name.
///
/// # Errors
/// There is no such run; nothing fits.
pub fn logs(request: &LogsRequest, line: &mut dyn FnMut(&str, &str) -> bool) -> Result<()> {
    if request.run.name.contains('/') {
        return stored(request, &request.run.name, request.index, &BTreeSet::new(), line).and_then(any);
    }
    let cluster = Cluster::connect(&request.run.access)?;
    let object = find(&cluster, &request.run.name)?;
    let planned: Option<Planned> = submission::part(&object, submission::PLAN);
    let index = match (request.shard, &planned) {
        (Some(shard), Some(planned)) => Some(index_of(request, planned, shard)?),
        (Some(_), None) => return Err(Error::usage("the run has no plan yet, so no shard has a log")),
        (None, _) => request.index,
    };
    let mut labels = format!("{RUN_LABEL}={}", request.run.name);
    if let Some(stage) = request.stage.as_deref().or(index.map(|_| "map")) {
        labels = format!("{labels},{STAGE_LABEL}={stage}");
    }
    if let Some(index) = index {
        labels = format!("{labels},batch.kubernetes.io/job-completion-index={index}");
    }
    let fields = if request.failed { "status.phase=Failed" } else { "" };
    let pods = cluster.list(Object::Pod, Select { labels: &labels, fields, limit: 0 })?;
    let mut names: Vec<(String, String)> =
        pods.iter().map(|p| (text(p, "/metadata/creationTimestamp"), text(p, "/metadata/name"))).collect();
    names.sort();
    let mut seen = BTreeSet::new();
    for (_, name) in names {
        if cluster.logs(&name, request.follow, &mut |text| line(&name, text))? {
            seen.insert(name);
        }
    }
    let before = match planned {
        // Which of them failed is not known any more.
        Some(planned) if !request.failed || seen.is_empty() => {
            stored(request, &planned.url, index, &seen, line)?
        }
        _ => 0,
    };
    any(seen.len() + before)
}

fn any(logs: usize) -> Result<()> {
    if logs > 0 { Ok(()) } else { Err(Error::usage("no pod of the run fits, and no log of one is kept")) }
}

/// The logs in the run's folder, but for those of the pods in `seen`; how many there were.
fn stored(
    request: &LogsRequest,
    url: &str,
    index: Option<u32>,
    seen: &BTreeSet<String>,
    line: &mut dyn FnMut(&str, &str) -> bool,
) -> Result<usize> {
    let stores = stores(&request.run.machine)?;
    let (_, run) = find_run(&stores, url, &Given { base: "/".into(), ..Given::default() })?;
    let mut found = 0;
    for entry in run.work.list(layout::LOGS)? {
        let Some((stage, rest)) = entry.name.strip_suffix(".jsonl").and_then(|n| n.split_once('-')) else {
            continue;
        };
        let Some((number, pod)) = rest.split_once('-') else { continue };
        let fits = request.stage.as_deref().is_none_or(|s| s == stage)
            && index.is_none_or(|i| stage == "map" && number.parse() == Ok(i));
        if !fits || seen.contains(pod) {
            continue;
        }
        found += 1;
        let bytes = run.work.get(&format!("{}/{}", layout::LOGS, entry.name))?.unwrap_or_default();
        for text in String::from_utf8_lossy(&bytes).lines() {
            if !line(pod, text) {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

/// The index of the first map Job that has a shard.
fn index_of(request: &LogsRequest, planned: &Planned, shard: ShardId) -> Result<u32> {
    let stores = stores(&request.run.machine)?;
    let (header, run) = find_run(&stores, &planned.url, &Given { base: "/".into(), ..Given::default() })?;
    if shard.0 >= header.shards {
        return Err(Error::usage(format!("the plan has {} shards, no shard {}", header.shards, shard.0)));
    }
    // Ranges ascend: halve until one is left.
    let (mut low, mut high) = (0, planned.indexes);
    while high - low > 1 {
        let middle = u32::midpoint(low, high);
        if range_start(&header, &run, middle, planned.indexes)? <= shard.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

fn range_start(header: &Header, run: &RunFolder, index: u32, indexes: u32) -> Result<u32> {
    let range = freeze::index_range(header, index, indexes, |block| read_block(&run.work, header, block))?;
    Ok(range.start)
}

fn text(object: &Value, path: &str) -> String {
    object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
}
