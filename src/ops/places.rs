//! Where things lie: stores, runs' folders, and the machine's limits.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::request::{Given, Machine as Asked};
use crate::engine::Machine;
use crate::engine::memory;
use crate::engine::spill::SpillDir;
use crate::error::{Error, Result};
use crate::plan::{Header, Plan, Shard, freeze};
use crate::spec::{Job, Location};
use crate::store::client::{StoreOptions, Stores};
use crate::store::commit::RunFolder;
use crate::store::folder::{Created, Folder};
use crate::store::{layout, probe};

/// The stores, with the credentials of the environment.
///
/// # Errors
/// None that a user can cause.
pub fn stores(asked: &Asked) -> Result<Stores> {
    Stores::new(StoreOptions { env: asked.env.pairs().to_vec(), ..StoreOptions::default() })
}

/// Threads, memory and scratch space: as asked, else as the spec says, else what the cgroup or the
/// machine has.
///
/// # Errors
/// Threads cannot be started.
pub fn machine(asked: &Asked, job: &Job) -> Result<Arc<Machine>> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let threads =
        asked.threads.or(job.resources.cpu).map_or_else(|| memory::default_threads(read), |n| n as usize);
    let bytes = asked.memory.or(job.resources.memory).unwrap_or_else(|| memory::default_bytes(read));
    Ok(Arc::new(Machine::new(threads, bytes, SpillDir::new(asked.scratch.clone()))?))
}

/// The folder that holds the runs of a job: `work.url`, else `_dp/` below the output.
///
/// # Errors
/// `Usage`: the job has neither.
pub fn work_root(job: &Job) -> Result<Location> {
    match (&job.work, &job.output) {
        (Some(work), _) => Ok(work.clone()),
        (None, Some(output)) => Ok(output.url.join(layout::DP)),
        (None, None) => Err(Error::usage("the job has no output: say where with `output.url` or --out")),
    }
}

/// The place of a run: `name` is a name under the job's work folder, or the URL of the run's folder.
///
/// # Errors
/// `Usage`: no output, or a name that cannot be a folder's name.
pub fn run_folder(stores: &Stores, header: &Header, name: Option<&str>, base: &Path) -> Result<RunFolder> {
    let digest = header.digest.clone();
    let default = format!("{}-{}", header.job.name, digest.get(..8).unwrap_or(&digest));
    let (root, name) = match name {
        Some(url) if is_place(url) => split_place(&Location::parse(url, base)?)?,
        Some(name) => (work_root(&header.job)?, name.to_owned()),
        None => (work_root(&header.job)?, default),
    };
    layout::check_run_name(&name)?;
    let output = header.job.output.as_ref().ok_or_else(|| Error::usage("the job has no output"))?;
    Ok(RunFolder {
        work: stores.folder(&root.join(&name))?,
        output: stores.folder(&output.url)?,
        name,
        digest,
    })
}

fn is_place(text: &str) -> bool {
    text.contains('/')
}

/// A run's folder as work folder and name.
fn split_place(place: &Location) -> Result<(Location, String)> {
    let path = place.path().trim_end_matches('/');
    let (root, name) = path
        .rsplit_once('/')
        .filter(|(_, name)| !name.is_empty())
        .ok_or_else(|| Error::usage("this URL names no run's folder").with("url", place))?;
    Ok((place.with_path(format!("{root}/")), name.to_owned()))
}

/// A run that exists, by name or URL.
///
/// # Errors
/// `Usage`: no such run, or no place to look for it. `Stop`: its plan is of another version.
pub fn find_run(stores: &Stores, run: &str, places: &Given) -> Result<(Header, RunFolder)> {
    let folder = if is_place(run) {
        Location::parse(run, &places.base)?
    } else {
        let root = given_root(places)?.ok_or_else(|| {
            Error::usage("where does the run lie? give its URL, or its place with --work or --out")
                .with("run", run)
        })?;
        root.join(run)
    };
    let header = read_header(&stores.folder(&folder)?)?;
    let run_folder = run_folder(stores, &header, Some(&at(&folder)), &places.base)?;
    Ok((header, run_folder))
}

/// A location as text that [`is_place`] takes for one.
fn at(folder: &Location) -> String {
    folder.to_string()
}

/// The work folder that the command line states.
///
/// # Errors
/// `Usage`: not a location.
pub fn given_root(places: &Given) -> Result<Option<Location>> {
    match (&places.work, &places.output) {
        (Some(work), _) => Location::parse(work, &places.base).map(Some),
        (None, Some(output)) => Ok(Some(Location::parse(output, &places.base)?.join(layout::DP))),
        (None, None) => Ok(None),
    }
}

/// The header of the plan in a run's folder.
///
/// # Errors
/// `Usage`: there is none. `Stop`: it is of another version of dp, or torn.
pub fn read_header(folder: &Folder) -> Result<Header> {
    match folder.get(layout::PLAN)? {
        Some(bytes) => freeze::parse_header(&bytes).map_err(|e| e.with("file", folder.name(layout::PLAN))),
        None => Err(Error::usage("there is no run here: its folder holds no plan.json")
            .with("folder", folder.location())),
    }
}

/// The shards of one block of a frozen plan.
///
/// # Errors
/// `Stop`: it is missing or torn.
pub fn read_block(folder: &Folder, header: &Header, block: u32) -> Result<Vec<Shard>> {
    let rel = layout::plan_block(block);
    let bytes = folder.get(&rel)?;
    let bytes =
        bytes.ok_or_else(|| Error::stop("a block of the plan is gone").with("file", folder.name(&rel)))?;
    freeze::parse_block(header, block, &bytes).map_err(|e| e.with("file", folder.name(&rel)))
}

/// All shards of a frozen plan.
///
/// # Errors
/// `Stop`: a block is missing or torn.
pub fn read_shards(folder: &Folder, header: &Header) -> Result<Vec<Shard>> {
    let blocks = u32::try_from(header.block_costs.len()).unwrap_or(u32::MAX);
    let mut shards = Vec::new();
    for block in 0..blocks {
        shards.extend(read_block(folder, header, block)?);
    }
    Ok(shards)
}

/// Writes the plan, blocks first, header last; a plan that is there already must be the same.
///
/// # Errors
/// `Stop`: the folder holds another plan, or the store cannot create conditionally.
pub fn freeze_plan(run: &RunFolder, plan: &Plan, now: DateTime<Utc>) -> Result<()> {
    if run.work.exists(layout::PLAN)? {
        return same_plan(run);
    }
    probe::conditional_create(&run.work)?;
    for (block, bytes) in (0_u32..).zip(freeze::block_bytes(plan)) {
        let (rel, bytes) = (layout::plan_block(block), Bytes::from(bytes?));
        if run.work.create(&rel, bytes.clone())? == Created::Exists && run.work.get(&rel)? != Some(bytes) {
            return Err(another_plan(run));
        }
    }
    let header = Header { created_millis: Some(now.timestamp_millis()), ..plan.header.clone() };
    match run.work.create(layout::PLAN, freeze::header_bytes(&header)?.into())? {
        Created::New => Ok(()),
        Created::Exists => same_plan(run),
    }
}

fn same_plan(run: &RunFolder) -> Result<()> {
    let there = read_header(&run.work)?;
    if there.digest == run.digest { Ok(()) } else { Err(another_plan(run)) }
}

fn another_plan(run: &RunFolder) -> Error {
    Error::stop(
        "a run of this name exists with another plan (its spec, its input or the version of dp differed): \
         give this run another name with --run",
    )
    .with("folder", run.work.location())
}
