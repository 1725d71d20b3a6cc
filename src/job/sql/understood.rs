//! Parts of a statement that the planner would read in another way than SQL means them, or pass over
//! without a word: refused, with what to write instead.

use std::ops::ControlFlow;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::{AggregateFunction, Exists, InSubquery, SetComparison};
use datafusion::logical_expr::{Expr, LogicalPlan, Subquery};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr as Ast, GroupByExpr, Query, Select, Statement, TableFactor, Visit, Visitor,
};

use super::errors::planning;
use crate::error::{Error, Result};

/// Refuses clauses that the planner ignores, and an operator that the parser binds too loosely.
///
/// # Errors
/// `Usage`.
pub(super) fn clauses(statement: &Statement) -> Result<()> {
    match statement.visit(&mut Clauses) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(what) => Err(Error::usage(format!("the SQL statement is not understood: {what}"))),
    }
}

struct Clauses;

impl Visitor for Clauses {
    type Break = &'static str;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        if query.locks.is_empty() {
            return ControlFlow::Continue(());
        }
        ControlFlow::Break("FOR UPDATE and FOR SHARE mean nothing here: leave them out")
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        let (GroupByExpr::All(modifiers) | GroupByExpr::Expressions(_, modifiers)) = &select.group_by;
        if modifiers.is_empty() {
            return ControlFlow::Continue(());
        }
        ControlFlow::Break(
            "write GROUP BY ROLLUP (a, b) or CUBE (a, b) in place of GROUP BY a, b WITH ROLLUP",
        )
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<Self::Break> {
        let (sample, hints) = match table {
            TableFactor::Table { sample, with_hints, index_hints, .. } => {
                (sample.is_some(), !with_hints.is_empty() || !index_hints.is_empty())
            }
            TableFactor::Derived { sample, .. } => (sample.is_some(), false),
            _ => (false, false),
        };
        match (sample, hints) {
            (true, _) => ControlFlow::Break(
                "TABLESAMPLE takes other rows each time: filter by a hash, as in WHERE md5(key) < '1'",
            ),
            (_, true) => ControlFlow::Break("hints on tables mean nothing here: leave them out"),
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Ast) -> ControlFlow<Self::Break> {
        if let Ast::IsDistinctFrom(_, right) | Ast::IsNotDistinctFrom(_, right) = expr
            && let Ast::BinaryOp {
                op: BinaryOperator::And | BinaryOperator::Or | BinaryOperator::Xor, ..
            } = right.as_ref()
        {
            return ControlFlow::Break("put parentheses around (a IS DISTINCT FROM b) before AND or OR");
        }
        ControlFlow::Continue(())
    }
}

/// Refuses subqueries that the planner would turn into joins of another meaning.
///
/// # Errors
/// `Usage`.
pub(super) fn subqueries(plan: &LogicalPlan) -> Result<()> {
    let mut wrong = None;
    plan.apply_with_subqueries(|node| {
        let in_join = matches!(node, LogicalPlan::Join(_));
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                wrong = wrong.or(in_expression(e, in_join));
                Ok(if wrong.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
            })
        })
    })
    .map_err(planning)?;
    match wrong {
        None => Ok(()),
        Some(what) => Err(Error::usage(format!("the SQL statement is not understood: {what}"))),
    }
}

fn in_expression(e: &Expr, in_join: bool) -> Option<&'static str> {
    match e {
        Expr::ScalarSubquery(s)
            if s.outer_ref_columns.is_empty() && s.subquery.max_rows().is_none_or(|n| n > 1) =>
        {
            Some(
                "a subquery that stands for one value may have several rows: use an aggregate such as max(x), or LIMIT 1",
            )
        }
        Expr::InSubquery(_) | Expr::SetComparison(_) if in_join => {
            Some("IN, ANY or ALL with a subquery stands in a JOIN's ON: join first and filter in WHERE")
        }
        Expr::InSubquery(InSubquery { subquery, .. })
        | Expr::SetComparison(SetComparison { subquery, .. })
            if counts_rows(subquery, true) =>
        {
            Some(COUNTS_ROWS)
        }
        Expr::Exists(Exists { subquery, .. }) if counts_rows(subquery, false) => Some(COUNTS_ROWS),
        Expr::AggregateFunction(AggregateFunction { func, params })
            if func.name() == "count" && params.distinct && params.args.len() > 1 =>
        {
            Some(
                "count(DISTINCT a, b) takes one column: count the rows of (SELECT DISTINCT a, b FROM …), or \
                 count(DISTINCT struct(a, b))",
            )
        }
        _ => None,
    }
}

const COUNTS_ROWS: &str = "a subquery of EXISTS, IN, ANY or ALL that names columns of the row holds an aggregate without \
                           GROUP BY, or LIMIT or OFFSET: write it as a join with an aggregate of the side table";

/// Whether the subquery, for each row another one, looks at the number of its own rows: as a join it
/// would look at those of all.
fn counts_rows(subquery: &Subquery, limited: bool) -> bool {
    if subquery.outer_ref_columns.is_empty() {
        return false;
    }
    let found = subquery.subquery.exists(|node| {
        Ok(match node {
            LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
            LogicalPlan::Limit(limit) => limited || limit.skip.is_some(),
            _ => false,
        })
    });
    found.unwrap_or(true)
}
