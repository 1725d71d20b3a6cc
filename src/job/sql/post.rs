//! What follows the cut, in three steps, so that a large result is neither sorted nor held in one
//! piece by the planner's operators: a row-wise head that runs on each bucket alone, a sort that the
//! engine does with its own, spilling one, and the rest.

use std::sync::Arc;

use arrow::compute::SortOptions;
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::cut::{all_row_wise, downcast};
use super::errors::planning;
use super::program::with_key_columns;
use super::scan::{LeafExec, Role, as_leaf};
use crate::error::Result;

type Plan = Arc<dyn ExecutionPlan>;

/// The steps behind the cut. Each plan reads the step before through its [`Role::Reduced`] leaf.
#[derive(Debug, Default)]
pub(super) struct Post {
    /// Row-wise operators.
    pub(super) head: Option<Plan>,
    /// A sort of the head's rows.
    pub(super) sort: Option<PostSort>,
    /// Everything after.
    pub(super) rest: Option<Plan>,
}

/// A sort behind the cut.
#[derive(Debug)]
pub(super) struct PostSort {
    pub(super) keys: LexOrdering,
    pub(super) fetch: Option<usize>,
    /// The sorted columns, then the keys.
    pub(super) schema: arrow::datatypes::SchemaRef,
}

impl PostSort {
    pub(super) fn options(&self) -> Vec<SortOptions> {
        self.keys.iter().map(|k| k.options).collect()
    }
}

impl Post {
    /// Splits `plan`, which has one [`Role::Reduced`] leaf or none.
    pub(super) fn split(plan: Option<Plan>) -> Result<Self> {
        let Some(plan) = plan else { return Ok(Self::default()) };
        if all_row_wise(&plan) {
            return Ok(Self { head: Some(plan), ..Self::default() });
        }
        let Some(lowest) = lowest_not_row_wise(&plan) else {
            return Ok(Self { rest: Some(plan), ..Self::default() });
        };
        let head = lowest.children().into_iter().find(|c| holds_reduced(c)).map(Arc::clone);
        let Some(head) = head else { return Ok(Self { rest: Some(plan), ..Self::default() }) };
        let sort = match downcast::<SortExec>(&lowest) {
            Some(sort) => Some(PostSort {
                keys: sort.expr().clone(),
                fetch: sort.fetch(),
                schema: with_key_columns(&head.schema(), sort.expr())?,
            }),
            None => None,
        };
        let replaced = if sort.is_some() { &lowest } else { &head };
        let rest = replace(&plan, replaced)?;
        let rest = if as_leaf(&rest).is_some() { None } else { Some(rest) };
        let head = if as_leaf(&head).is_some() { None } else { Some(head) };
        Ok(Self { head, sort, rest })
    }

    /// All plans of the steps.
    pub(super) fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.head.iter().chain(&self.rest)
    }
}

fn holds_reduced(plan: &Plan) -> bool {
    as_leaf(plan).is_some_and(|l| l.role == Role::Reduced) || plan.children().into_iter().any(holds_reduced)
}

/// The operator on the way to the reduced leaf whose input there is row-wise and who is not.
fn lowest_not_row_wise(plan: &Plan) -> Option<Plan> {
    let below = plan.children().into_iter().find(|c| holds_reduced(c))?;
    if all_row_wise(below) { Some(Arc::clone(plan)) } else { lowest_not_row_wise(below) }
}

/// `plan` with a leaf in place of `part`.
fn replace(plan: &Plan, part: &Plan) -> Result<Plan> {
    if Arc::ptr_eq(plan, part) {
        let order = part.output_ordering().cloned();
        return Ok(Arc::new(LeafExec::ordered(Role::Reduced, part.schema(), order)));
    }
    let children = plan.children().into_iter().map(|c| replace(c, part)).collect::<Result<Vec<_>>>()?;
    replace_children_if_necessary(Arc::clone(plan), children).map_err(planning)
}
