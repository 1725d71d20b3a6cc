//! Lists of values that the optimizer would join wrongly where the compared value is NULL: of `x NOT IN (1) OR
//! x NOT IN (2)` it makes true, and a NULL in a list it takes for a value. They are joined here before it.

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result as DfResult, ScalarValue};
use datafusion::logical_expr::expr::{BinaryExpr, InList};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan, Operator, binary_expr};
use datafusion::optimizer::AnalyzerRule;

/// Joins lists of literals, with SQL's three values. Runs after type coercion.
#[derive(Debug)]
pub(super) struct ListsOfValues;

impl AnalyzerRule for ListsOfValues {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> DfResult<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| {
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expr| {
                let name = names.save(&expr);
                let expr = expr.transform_up(|e| Ok(joined(e)))?;
                Ok(expr.update_data(|e| name.restore(e)))
            })
        })
        .map(|plan| plan.data)
    }

    fn name(&self) -> &'static str {
        "lists_of_values"
    }
}

const UNKNOWN: Expr = Expr::Literal(ScalarValue::Boolean(None), None);

fn joined(e: Expr) -> Transformed<Expr> {
    match e {
        Expr::InList(list) if list.list.iter().any(is_null) => Transformed::yes(without_null(list)),
        Expr::BinaryExpr(pair) => match of_pair(&pair) {
            Some(one) => Transformed::yes(one),
            None => Transformed::no(Expr::BinaryExpr(pair)),
        },
        other => Transformed::no(other),
    }
}

/// The value of a literal, cast or not.
fn constant(e: &Expr) -> Option<ScalarValue> {
    match e {
        Expr::Literal(value, _) => Some(value.clone()),
        Expr::Cast(cast) => constant(&cast.expr)?.cast_to(cast.field.data_type()).ok(),
        _ => None,
    }
}

fn is_null(e: &Expr) -> bool {
    constant(e).is_some_and(|value| value.is_null())
}

/// A NULL in the list makes unknown of what is not in the list.
fn without_null(InList { expr, mut list, negated }: InList) -> Expr {
    list.retain(|e| !is_null(e));
    if list.is_empty() {
        return UNKNOWN;
    }
    let op = if negated { Operator::And } else { Operator::Or };
    binary_expr(Expr::InList(InList { expr, list, negated }), op, UNKNOWN)
}

fn of_pair(BinaryExpr { left, op, right }: &BinaryExpr) -> Option<Expr> {
    let (Expr::InList(a), Expr::InList(b)) = (left.as_ref(), right.as_ref()) else { return None };
    if a.expr != b.expr {
        return None;
    }
    let (these, those, negated) = match (op, a.negated, b.negated) {
        (Operator::And, false, _) => (a, b, false),
        (Operator::And, true, false) => (b, a, false),
        (Operator::Or, true, true) => (a, b, true),
        _ => return None,
    };
    let (values, others) = (values(these)?, values(those)?);
    // x IN A AND x NOT IN B: the values of A that are not in B; else the common ones.
    let common = those.negated == negated;
    let list = values.into_iter().filter(|v| others.contains(v) == common);
    let list: Vec<Expr> = list.map(|v| Expr::Literal(v, None)).collect();
    let x = || Expr::clone(&a.expr);
    Some(if !list.is_empty() {
        Expr::InList(InList { expr: a.expr.clone(), list, negated })
    } else if negated {
        binary_expr(x().is_not_null(), Operator::Or, UNKNOWN)
    } else {
        binary_expr(x().is_null(), Operator::And, UNKNOWN)
    })
}

/// The values of a list of literals, none of them NULL.
fn values(list: &InList) -> Option<Vec<ScalarValue>> {
    list.list.iter().map(|e| constant(e).filter(|value| !value.is_null())).collect()
}
