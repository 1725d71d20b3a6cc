//! `IN`, `ANY` and `ALL` with a subquery, by what SQL says of NULL: `x = ANY (SELECT y …)`, which is `IN`, is
//! true if some `y` equals `x`, else unknown if `x` or some `y` is NULL (and there is a `y` at all), else
//! false. `NOT IN` is its negation, and `x > ALL (…)` that of `x <= ANY (…)`. So a row passes a negated one if
//! neither of these has a row:
//!
//! ```text
//! met     SELECT 1 FROM (SELECT y …) WHERE x = y
//! unknown SELECT 1 FROM (SELECT DISTINCT y IS NULL AS n FROM (SELECT y …)) WHERE n OR x IS NULL
//! ```
//!
//! Each of the two is a join that every shard can do alone; the second one, over two rows at most, is
//! left out where neither side can be NULL. Below OR, NOT or CASE all three values count, and the
//! planner's own join would take unknown for false; there it becomes
//! `CASE WHEN EXISTS (met) THEN true WHEN EXISTS (unknown) THEN NULL ELSE false END`.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, ExprSchema, Result as DfResult, ScalarValue};
use datafusion::logical_expr::expr::{InSubquery, SetComparison, SetQuantifier};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    Expr, ExprSchemable, Filter, LogicalPlan, LogicalPlanBuilder, Operator, Subquery, binary_expr, col,
    exists, lit, not, not_exists, when,
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
        let (inner, flipped) = match &condition {
            Expr::Not(inner) => (inner.as_ref(), true),
            plain => (plain, false),
        };
        match AnyOf::of(inner) {
            // The planner's semi-join keeps just the rows for which it is true.
            Some(found) if found.op == Operator::Eq && !found.negated && !flipped => all.push(condition),
            Some(found) => {
                changed = true;
                let parts = found.parts(&schema)?;
                if found.negated == flipped {
                    all.push(exists(parts.met));
                } else {
                    all.extend(parts.none());
                }
            }
            None => {
                let valued = condition.transform_up(|e| match AnyOf::of(&e) {
                    Some(found) => {
                        let value = found.parts(&schema)?.value()?;
                        Ok(Transformed::yes(if found.negated { not(value) } else { value }))
                    }
                    None => Ok(Transformed::no(e)),
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

/// `x op ANY (subquery)`, or its negation.
struct AnyOf<'a> {
    x: &'a Expr,
    op: Operator,
    subquery: &'a Subquery,
    negated: bool,
}

impl<'a> AnyOf<'a> {
    fn of(e: &'a Expr) -> Option<Self> {
        use Operator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
        let found = match e {
            Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
                Self { x: expr, op: Eq, subquery, negated: *negated }
            }
            Expr::SetComparison(SetComparison { expr, subquery, op, quantifier }) => match quantifier {
                SetQuantifier::Any => Self { x: expr, op: *op, subquery, negated: false },
                SetQuantifier::All => Self { x: expr, op: op.negate()?, subquery, negated: true },
            },
            _ => return None,
        };
        // Of these it is known that they are unknown just where a side is NULL.
        matches!(found.op, Eq | NotEq | Lt | LtEq | Gt | GtEq).then_some(found)
    }

    fn parts(&self, schema: &DFSchema) -> DfResult<Parts> {
        let values = self.subquery.subquery.as_ref();
        let y = Expr::Column(Column::from(values.schema().qualified_field(0)));
        let x = outer(self.x, schema)?;
        let one = |from: LogicalPlanBuilder, condition: Expr| -> DfResult<Arc<LogicalPlan>> {
            from.filter(condition)?.project([lit(1)])?.build().map(Arc::new)
        };
        let from = || LogicalPlanBuilder::from(values.clone());
        let met = one(from(), binary_expr(x.clone(), self.op, y.clone()))?;
        if !values.schema().field(0).is_nullable() && !self.x.nullable(schema)? {
            return Ok(Parts { met, unknown: None });
        }
        let unknown = if self.subquery.outer_ref_columns.is_empty() {
            one(from().project([y.is_null().alias("n")])?.distinct()?, col("n").or(x.is_null()))?
        } else {
            // A subquery that names columns of the row is joined by these, which DISTINCT would hide.
            one(from(), y.is_null().or(x.is_null()))?
        };
        Ok(Parts { met, unknown: Some(unknown) })
    }
}

/// The two subqueries of the module's head.
struct Parts {
    met: Arc<LogicalPlan>,
    unknown: Option<Arc<LogicalPlan>>,
}

impl Parts {
    /// Conditions that are met where the value is false.
    fn none(self) -> impl Iterator<Item = Expr> {
        std::iter::once(self.met).chain(self.unknown).map(not_exists)
    }

    /// True, false or unknown.
    fn value(self) -> DfResult<Expr> {
        let met = exists(self.met);
        match self.unknown {
            None => Ok(met),
            Some(unknown) => when(met, lit(true))
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
