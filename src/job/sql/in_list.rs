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

fn is_null(e: &Expr) -> bool {
    matches!(e, Expr::Literal(value, _) if value.is_null())
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
    let (a, b) = (literals(left)?, literals(right)?);
    if a.expr != b.expr {
        return None;
    }
    let (values, others, negated) = match (op, a.negated, b.negated) {
        (Operator::And, false, _) => (&a.list, b, false),
        (Operator::And, true, false) => (&b.list, a, false),
        (Operator::Or, true, true) => (&a.list, b, true),
        _ => return None,
    };
    // x IN A AND x NOT IN B: the values of A that are not in B; else the common ones.
    let common = others.negated == negated;
    let list: Vec<Expr> = values.iter().filter(|v| others.list.contains(v) == common).cloned().collect();
    let x = || Expr::clone(&a.expr);
    Some(if !list.is_empty() {
        Expr::InList(InList { expr: a.expr.clone(), list, negated })
    } else if negated {
        binary_expr(x().is_not_null(), Operator::Or, UNKNOWN)
    } else {
        binary_expr(x().is_null(), Operator::And, UNKNOWN)
    })
}

/// A list of literals, none of them NULL.
fn literals(e: &Expr) -> Option<&InList> {
    let Expr::InList(list) = e else { return None };
    let plain = |e: &Expr| matches!(e, Expr::Literal(value, _) if !value.is_null());
    list.list.iter().all(plain).then_some(list)
}
