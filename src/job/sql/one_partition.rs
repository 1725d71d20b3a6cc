//! Undoes what the planner does for plans of several partitions, so that the cutter sees one
//! operator where the statement has one.
//!
//! A UNION ALL of inputs has a partition for each branch, and grouping sets are always planned in
//! two steps: the planner then cuts aggregates and sorts itself. Our cut is by shards, not by
//! branches.

use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;

use super::cut::{contains_input, downcast};
use super::errors::planning;
use crate::error::Result;

type Plan = Arc<dyn ExecutionPlan>;

/// `plan` with each aggregate and sort over the rows of inputs in one piece.
pub(super) fn in_one_piece(plan: Plan) -> Result<Plan> {
    let children: Vec<Plan> =
        plan.children().into_iter().cloned().map(in_one_piece).collect::<Result<_>>()?;
    let plan = replace_children_if_necessary(plan, children).map_err(planning)?;
    if let Some(coalesce) = downcast::<CoalescePartitionsExec>(&plan)
        && coalesce.fetch().is_none()
        && is_rows(coalesce.input(), Sorts::Merge)
    {
        return Ok(Arc::clone(coalesce.input()));
    }
    if let Some(merge) = downcast::<SortPreservingMergeExec>(&plan)
        && let Some(sort) = downcast::<SortExec>(merge.input())
        && is_rows(sort.input(), Sorts::Merge)
    {
        let whole = SortExec::new(merge.expr().clone(), Arc::clone(sort.input()));
        return Ok(Arc::new(whole.with_fetch(merge.fetch().or(sort.fetch()))));
    }
    if let Some(limit) = downcast::<GlobalLimitExec>(&plan)
        && let Some(each) = downcast::<LocalLimitExec>(without_coalesce(limit.input()))
        && is_rows(each.input(), Sorts::Merge)
    {
        let input = vec![Arc::clone(each.input())];
        return replace_children_if_necessary(plan, input).map_err(planning);
    }
    if let Some(last) = downcast::<AggregateExec>(&plan)
        && matches!(last.mode(), AggregateMode::Final | AggregateMode::FinalPartitioned)
        && let Some(first) = downcast::<AggregateExec>(without_coalesce(last.input()))
        && *first.mode() == AggregateMode::Partial
        && is_rows(first.input(), Sorts::OrderPartials)
    {
        let whole = AggregateExec::try_new(
            AggregateMode::Single,
            first.group_expr().clone(),
            first.aggr_expr().to_vec(),
            first.filter_expr().to_vec(),
            Arc::clone(first.input()),
            first.input_schema(),
        );
        return whole.map(|whole| Arc::new(whole) as Plan).map_err(planning);
    }
    Ok(plan)
}

fn without_coalesce(plan: &Plan) -> &Plan {
    downcast::<CoalescePartitionsExec>(plan).map_or(plan, |coalesce| coalesce.input())
}

/// What a sort without a limit means.
#[derive(Clone, Copy, PartialEq)]
enum Sorts {
    /// It puts all rows in order.
    Merge,
    /// It only orders what one partial aggregate reads.
    OrderPartials,
}

/// Whether `plan` is made of the rows of inputs: nothing in it has merged them yet.
fn is_rows(plan: &Plan, sorts: Sorts) -> bool {
    contains_input(plan) && !merges(plan, sorts)
}

fn merges(plan: &Plan, sorts: Sorts) -> bool {
    let merged = if let Some(aggregate) = downcast::<AggregateExec>(plan) {
        *aggregate.mode() != AggregateMode::Partial
    } else if let Some(sort) = downcast::<SortExec>(plan) {
        !sort.preserve_partitioning() && (sorts == Sorts::Merge || sort.fetch().is_some())
    } else {
        downcast::<GlobalLimitExec>(plan).is_some() || downcast::<LocalLimitExec>(plan).is_some()
    };
    (merged && contains_input(plan)) || plan.children().into_iter().any(|child| merges(child, sorts))
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field, Schema};
    use chrono::DateTime;

    use super::super::{CutKind, PlannerTable, Program, Role};
    use super::*;

    fn kind(sql: &str) -> String {
        let schema = Arc::new(Schema::new(vec![
            Field::new("k", DataType::Int64, true),
            Field::new("s", DataType::Utf8View, true),
            Field::new("v", DataType::Float64, true),
        ]));
        let table = |role, rows| PlannerTable { role, schema: Arc::clone(&schema), rows };
        let tables = [
            ("a".to_owned(), table(Role::Input(0), None)),
            ("b".to_owned(), table(Role::Input(1), None)),
            ("side".to_owned(), table(Role::Side(0), Some(10))),
        ];
        match Program::plan(sql, &tables, DateTime::UNIX_EPOCH) {
            Ok(program) => match program.kind() {
                CutKind::Constant => "constant".to_owned(),
                CutKind::Rows => "rows".to_owned(),
                CutKind::Aggregate { keys } => format!("aggregate {keys}"),
                CutKind::Sort { options, fetch } => format!("sort {} {fetch:?}", options.len()),
                CutKind::Limit { rows } => format!("limit {rows}"),
            },
            Err(e) => e.to_string(),
        }
    }

    #[test]
    fn unions_and_grouping_sets_are_cut_like_one_table() {
        let both = "(SELECT k, s, v FROM a UNION ALL SELECT k, s, v FROM b WHERE v > 0)";
        for (sql, want) in [
            (format!("SELECT count(*), sum(v) FROM {both} u"), "aggregate 0"),
            (format!("SELECT k, sum(v) FROM {both} u GROUP BY k"), "aggregate 1"),
            (format!("SELECT k, sum(v) FROM {both} u GROUP BY k ORDER BY 2 LIMIT 3"), "aggregate 1"),
            (format!("SELECT DISTINCT k, s FROM {both} u"), "aggregate 2"),
            ("SELECT k FROM a UNION SELECT k FROM b".to_owned(), "aggregate 1"),
            (format!("SELECT k, array_agg(s ORDER BY v) FROM {both} u GROUP BY k"), "aggregate 1"),
            (format!("SELECT * FROM {both} u"), "rows"),
            (format!("SELECT * FROM {both} u ORDER BY k, s"), "sort 2 None"),
            (format!("SELECT * FROM {both} u ORDER BY k LIMIT 5"), "sort 1 Some(5)"),
            (format!("SELECT * FROM {both} u LIMIT 7"), "limit 7"),
            ("SELECT sum(v) FROM (SELECT v FROM a ORDER BY k LIMIT 9) t".to_owned(), "sort 1 Some(9)"),
            ("SELECT sum(v) FROM (SELECT v FROM a ORDER BY k OFFSET 9) t".to_owned(), "sort 1 None"),
            ("SELECT sum(v) FROM (SELECT v FROM a ORDER BY k) t".to_owned(), "aggregate 0"),
            ("SELECT k, s, sum(v) FROM a GROUP BY ROLLUP (k, s)".to_owned(), "aggregate 3"),
            ("SELECT k, s, count(*) FROM a GROUP BY GROUPING SETS ((k), (s), ())".to_owned(), "aggregate 3"),
            (format!("SELECT k, s, sum(v) FROM {both} u GROUP BY CUBE (k, s)"), "aggregate 3"),
            (
                "SELECT k, n, sum(n) FROM (SELECT k, count(*) n FROM a GROUP BY k) g GROUP BY CUBE (k, n)"
                    .to_owned(),
                "aggregate 1",
            ),
            (
                "SELECT k, count(*) FROM a GROUP BY k UNION ALL SELECT k, 0 FROM side ORDER BY 1".to_owned(),
                "aggregate 1",
            ),
        ] {
            assert_eq!(kind(&sql), want, "{sql}");
        }
    }
}
