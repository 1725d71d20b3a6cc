//! `IN` and `NOT IN` with a subquery, by what SQL says of NULL: `x IN (SELECT y …)` is true if some `y`
//! equals `x`, else unknown if `x` or some `y` is NULL (and there is a `y` at all), else false. So a row
//! passes `x NOT IN (SELECT y …)` if neither of these has a row:
//!
//! ```text
//! equal   SELECT 1 FROM (SELECT y …) WHERE y = x
//! unknown SELECT 1 FROM (SELECT DISTINCT y IS NULL AS n FROM (SELECT y …)) WHERE n OR x IS NULL
//! ```
//!
//! Each of the two is a join that every shard can do alone; the second one, over two rows at most, is
//! left out where neither side can be NULL. Below OR, NOT or CASE all three values count, and the
//! planner's own join would take unknown for false; there it becomes
//! `CASE WHEN EXISTS (equal) THEN true WHEN EXISTS (unknown) THEN NULL ELSE false END`.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, ExprSchema, Result as DfResult, ScalarValue};
use datafusion::logical_expr::expr::InSubquery;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    Expr, ExprSchemable, Filter, LogicalPlan, LogicalPlanBuilder, col, exists, lit, not, not_exists, when,
};
use datafusion::optimizer::AnalyzerRule;

/// Rewrites the conditions of WHERE and HAVING. Runs after type coercion, when both sides have one
/// type.
#[derive(Debug)]
pub(super) struct InAsExists;

impl AnalyzerRule for InAsExists {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> DfResult<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| match plan {
            LogicalPlan::Filter(filter) => rewrite(filter),
            other => Ok(Transformed::no(other)),
        })
        .map(|plan| plan.data)
    }

    fn name(&self) -> &'static str {
        "in_as_exists"
    }
}

fn rewrite(filter: Filter) -> DfResult<Transformed<LogicalPlan>> {
    let schema = Arc::clone(filter.input.schema());
    let mut changed = false;
    let mut all = Vec::new();
    for condition in split_conjunction_owned(filter.predicate.clone()) {
        match condition {
            // The planner's semi-join keeps just the rows for which it is true.
            Expr::InSubquery(ref found) if !found.negated => all.push(condition),
            Expr::InSubquery(ref found) => {
                changed = true;
                all.extend(Parts::of(found, &schema)?.none());
            }
            Expr::Not(ref inner) if matches!(inner.as_ref(), Expr::InSubquery(found) if !found.negated) => {
                let Expr::InSubquery(found) = inner.as_ref() else { continue };
                changed = true;
                all.extend(Parts::of(found, &schema)?.none());
            }
            other => {
                let valued = other.transform_up(|e| match e {
                    Expr::InSubquery(found) => {
                        let value = Parts::of(&found, &schema)?.value()?;
                        Ok(Transformed::yes(if found.negated { not(value) } else { value }))
                    }
                    other => Ok(Transformed::no(other)),
                })?;
                changed |= valued.transformed;
                all.push(valued.data);
            }
        }
    }
    match conjunction(all).filter(|_| changed) {
        Some(predicate) => {
            Ok(Transformed::yes(LogicalPlan::Filter(Filter::try_new(predicate, filter.input)?)))
        }
        None => Ok(Transformed::no(LogicalPlan::Filter(filter))),
    }
}

/// The two subqueries of the module's head.
struct Parts {
    equal: Arc<LogicalPlan>,
    unknown: Option<Arc<LogicalPlan>>,
}

impl Parts {
    fn of(found: &InSubquery, schema: &DFSchema) -> DfResult<Self> {
        let values = found.subquery.subquery.as_ref();
        let y = Expr::Column(Column::from(values.schema().qualified_field(0)));
        let x = outer(&found.expr, schema)?;
        let one = |from: LogicalPlanBuilder, condition: Expr| -> DfResult<Arc<LogicalPlan>> {
            from.filter(condition)?.project([lit(1)])?.build().map(Arc::new)
        };
        let from = || LogicalPlanBuilder::from(values.clone());
        let equal = one(from(), y.clone().eq(x.clone()))?;
        if !values.schema().field(0).is_nullable() && !found.expr.nullable(schema)? {
            return Ok(Self { equal, unknown: None });
        }
        let unknown = if found.subquery.outer_ref_columns.is_empty() {
            one(from().project([y.is_null().alias("n")])?.distinct()?, col("n").or(x.is_null()))?
        } else {
            // A subquery that names columns of the row is joined by these, which DISTINCT would hide.
            one(from(), y.is_null().or(x.is_null()))?
        };
        Ok(Self { equal, unknown: Some(unknown) })
    }

    /// Conditions that are met where the value is false.
    fn none(self) -> impl Iterator<Item = Expr> {
        std::iter::once(self.equal).chain(self.unknown).map(not_exists)
    }

    /// True, false or unknown.
    fn value(self) -> DfResult<Expr> {
        let equal = exists(self.equal);
        match self.unknown {
            None => Ok(equal),
            Some(unknown) => when(equal, lit(true))
                .when(exists(unknown), Expr::Literal(ScalarValue::Boolean(None), None))
                .otherwise(lit(false)),
        }
    }
}

/// The expression as a subquery sees it.
fn outer(expr: &Expr, schema: &DFSchema) -> DfResult<Expr> {
    let outer = |e| match e {
        Expr::Column(column) => {
            let field = Arc::clone(schema.field_from_column(&column)?);
            Ok(Transformed::yes(Expr::OuterReferenceColumn(field, column)))
        }
        other => Ok(Transformed::no(other)),
    };
    expr.clone().transform_up(outer).map(|e| e.data)
}
