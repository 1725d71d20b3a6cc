//! What a statement may be: one query, whose value depends on the data alone.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::Statement as Sql;

use super::errors::{planning, unknown_table};
use super::{depth, refuse, understood};
use crate::error::{Error, Result};

/// Parses `sql`, which must be exactly one query.
pub(super) fn one_query(sql: &str) -> Result<Statement> {
    let mut statements = DFParserBuilder::new(sql)
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .map_err(planning)?;
    let Some(statement) = statements.pop_front() else {
        return Err(Error::usage("the SQL statement is empty: write a SELECT over the table `input`"));
    };
    if !statements.is_empty() {
        return Err(Error::usage(format!(
            "there are {} SQL statements: a job has exactly one",
            statements.len() + 1
        )));
    }
    match &statement {
        Statement::Statement(inner) if matches!(inner.as_ref(), Sql::Query(_)) => {
            match depth::check(inner) {
                Ok(()) => understood::clauses(inner).map(|()| statement),
                Err(error) => {
                    // Dropping it would recurse as deep; the command ends with this error.
                    std::mem::forget(statement);
                    Err(error)
                }
            }
        }
        Statement::Explain(_) => {
            Err(Error::usage("EXPLAIN is not a job: `dp plan` shows how the statement is cut"))
        }
        other => {
            let text = other.to_string();
            let word = text.split_whitespace().next().unwrap_or_default().to_owned();
            Err(Error::usage(format!(
                "{word} is not a query: a job is one SELECT; where its result goes is said by `output`"
            )))
        }
    }
}

/// Plans a parsed query, unoptimised.
pub(super) fn logical_plan(state: &SessionState, statement: Statement) -> Result<LogicalPlan> {
    let plan = futures::executor::block_on(state.statement_to_plan(statement))
        .map_err(|e| unknown_table(&e, &table_names(state)).unwrap_or_else(|| planning(e)))?;
    understood::subqueries(&plan)?;
    Ok(plan)
}

/// The tables that a statement may name.
fn table_names(state: &SessionState) -> Vec<String> {
    let defaults = &state.config_options().catalog;
    let schema = state
        .catalog_list()
        .catalog(&defaults.default_catalog)
        .and_then(|catalog| catalog.schema(&defaults.default_schema));
    let mut names = schema.map(|s| s.table_names()).unwrap_or_default();
    names.sort();
    names
}

/// Refuses functions whose value changes from call to call; returns whether the statement's value
/// depends on the time at which it is planned.
pub(super) fn uses_now(plan: &LogicalPlan) -> Result<bool> {
    let mut now = false;
    let mut volatile = None;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                if let Expr::ScalarFunction(call) = e {
                    match call.func.signature().volatility {
                        Volatility::Volatile => volatile = Some(call.func.name().to_owned()),
                        Volatility::Stable => now = true,
                        Volatility::Immutable => (),
                    }
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })
    .map_err(planning)?;
    match volatile {
        Some(name) => Err(refuse::volatile(&name)),
        None => Ok(now),
    }
}
