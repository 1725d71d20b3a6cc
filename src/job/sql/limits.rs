//! `LIMIT` over a sort becomes the sort's own limit: a top-k.

use std::sync::Arc;

use datafusion::common::Result as DfResult;
use datafusion::common::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;

use super::cut::downcast;

type Plan = Arc<dyn ExecutionPlan>;

/// The limit of a sort below an OFFSET without LIMIT: it marks the sort as one that decides which
/// rows there are.
pub(super) const ALL_ROWS: usize = usize::MAX;

/// The rule. It comes before those that leave out sorts whose order nobody asks for: which rows a
/// limit takes depends on the sort below it.
#[derive(Debug)]
pub(super) struct LimitsIntoSorts;

impl PhysicalOptimizerRule for LimitsIntoSorts {
    fn optimize(&self, plan: Plan, _: &ConfigOptions) -> DfResult<Plan> {
        into_sorts(plan)
    }

    fn name(&self) -> &'static str {
        "limits_into_sorts"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn into_sorts(plan: Plan) -> DfResult<Plan> {
    let children: Vec<Plan> =
        plan.children().into_iter().cloned().map(into_sorts).collect::<DfResult<_>>()?;
    let plan = replace_children_if_necessary(plan, children)?;
    let Some(limit) = downcast::<GlobalLimitExec>(&plan) else { return Ok(plan) };
    let rows = limit.fetch().map_or(ALL_ROWS, |n| n.saturating_add(limit.skip()));
    match limited(limit.input(), rows)? {
        Some(child) => replace_children_if_necessary(plan, vec![child]),
        None => Ok(plan),
    }
}

fn limited(plan: &Plan, rows: usize) -> DfResult<Option<Plan>> {
    if let Some(sort) = downcast::<SortExec>(plan) {
        let rows = sort.fetch().map_or(rows, |n| n.min(rows));
        return Ok(Some(Arc::new(sort.with_fetch(Some(rows)))));
    }
    let Some(projection) = downcast::<ProjectionExec>(plan) else { return Ok(None) };
    limited(projection.input(), rows)?
        .map(|child| replace_children_if_necessary(Arc::clone(plan), vec![child]))
        .transpose()
}
