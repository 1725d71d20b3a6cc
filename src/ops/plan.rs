//! `dp plan`: what a run would do.

use chrono::Utc;

use super::places::{self, freeze_plan, run_folder, stores, work_root};
use super::prepare::prepare;
use super::report::{CutPart, PlanReport};
use super::request::PlanRequest;
use super::run::parse_job;
use crate::error::{Error, Result};
use crate::event::{Interrupt, Sink};
use crate::plan::memory;
use crate::store::output::check_output;

/// Says what would be done.
///
/// # Errors
/// A wrong spec, an input that cannot be read, a statement that cannot be cut.
pub fn plan(request: &PlanRequest, sink: &Sink, interrupt: &Interrupt) -> Result<PlanReport> {
    let stores = stores(&request.machine)?;
    let job = parse_job(&request.spec, &request.given)?;
    let machine = places::machine(&request.machine, &job)?;
    let has_place = work_root(&job).is_ok();
    if request.freeze {
        work_root(&job)?;
    }
    let prepared = prepare(&job, &stores, Utc::now(), sink, interrupt)?;
    let header = prepared.plan.header.clone();
    let mut run = header.job.name.clone();
    let mut folder = None;
    if has_place {
        let place = run_folder(&stores, &header, request.run.as_deref(), &request.given.base)?;
        if request.freeze {
            if let Some(output) = &header.job.output {
                check_output(&place.output, &place.digest, output.if_exists)?;
            }
            freeze_plan(&place, &prepared.plan, Utc::now())?;
        }
        folder = Some(place.work.location().to_string());
        run = place.name;
    }
    let shard = match request.shard {
        None => None,
        Some(id) => Some(prepared.plan.shards.get(id.0 as usize).cloned().ok_or_else(|| {
            Error::usage(format!(
                "the plan has {} shards, counted from 0: there is no shard {}",
                header.shards, id.0
            ))
        })?),
    };
    let cut = prepared.program.explain().into_iter().map(|(stage, text)| CutPart {
        stage: stage.to_owned(),
        steps: text.lines().map(str::to_owned).collect(),
    });
    Ok(PlanReport {
        run,
        folder,
        frozen: request.freeze,
        memory_bytes: memory(&header, &prepared.plan.shards, machine.pool.current_num_threads()),
        cut: cut.collect(),
        plan: header,
        shard,
    })
}
