//! What no row can make right, such as the unit in `date_trunc('x', t)` or `1 / 0`: found when the
//! statement is planned, by computing its expressions over no rows at all.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};

use super::cut::downcast;
use super::errors::{caught, on_no_rows};
use crate::error::Result;

/// Computes the expressions of `plan` over no rows.
///
/// # Errors
/// `Usage`: one of them fails.
pub(super) fn check(plan: &Arc<dyn ExecutionPlan>) -> Result<()> {
    let children = plan.children();
    children.iter().try_for_each(|child| check(child))?;
    // The expressions of a join are over two schemas, those of a final aggregate over no schema at all.
    let [input] = children[..] else { return Ok(()) };
    let is_final = |a: &AggregateExec| !matches!(a.mode(), AggregateMode::Partial | AggregateMode::Single);
    if downcast::<AggregateExec>(plan).is_some_and(is_final) {
        return Ok(());
    }
    let none = RecordBatch::new_empty(input.schema());
    let computed = plan.apply_expressions(&mut |expr| {
        caught(|| expr.evaluate(&none))?;
        Ok(TreeNodeRecursion::Continue)
    });
    computed.map(drop).map_err(on_no_rows)
}
