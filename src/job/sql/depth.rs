//! How deep a statement may be. Planning and execution recurse over its tree, some of it in a time
//! that grows with the square of the depth: a limit, with what to write instead, in place of a
//! stack that overflows.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Query, SetExpr, Statement, Visit, Visitor};

use crate::error::{Error, Result};

/// Levels of an expression, and SELECTs of a UNION.
const MAX_DEPTH: usize = 1000;

/// Refuses a statement that is deeper than [`MAX_DEPTH`].
///
/// # Errors
/// `Usage` saying what to write instead.
pub(super) fn check(statement: &Statement) -> Result<()> {
    match statement.visit(&mut Depth { expressions: 0 }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(what) => Err(Error::usage(format!(
            "{what} of the statement is more than {MAX_DEPTH} levels deep: in place of many ORs write x IN (…) or \
             join a side table of the values; in place of a long UNION ALL give the input several URLs"
        ))),
    }
}

struct Depth {
    expressions: usize,
}

impl Visitor for Depth {
    type Break = &'static str;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        let (mut body, mut selects) = (query.body.as_ref(), 1);
        while let SetExpr::SetOperation { left, .. } = body {
            (body, selects) = (left, selects + 1);
            if selects > MAX_DEPTH {
                return ControlFlow::Break("a UNION");
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, _: &Expr) -> ControlFlow<Self::Break> {
        self.expressions += 1;
        if self.expressions > MAX_DEPTH {
            ControlFlow::Break("an expression")
        } else {
            ControlFlow::Continue(())
        }
    }

    fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<Self::Break> {
        self.expressions -= 1;
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::one_query;

    #[test]
    fn deep_statements_are_refused_and_long_ones_are_not() {
        let terms = |n: usize, by: &str, term: &str| vec![term; n].join(by);
        for (sql, good) in [
            (format!("SELECT {} FROM t", terms(900, "+", "a")), true),
            (format!("SELECT {} FROM t", terms(1100, "+", "a")), false),
            (format!("SELECT a FROM t WHERE {}", terms(30_000, " OR ", "a=1")), false),
            (format!("SELECT a FROM t WHERE a IN ({})", terms(30_000, ",", "1")), true),
            (format!("SELECT {} FROM t", terms(5000, ",", "a")), true),
            (terms(900, " UNION ALL ", "SELECT a FROM t"), true),
            (terms(20_000, " UNION ALL ", "SELECT a FROM t"), false),
            (format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000)), false),
        ] {
            let outcome = one_query(&sql);
            assert_eq!(outcome.is_ok(), good, "{:.60} {:?}", sql, outcome.err());
            let told = outcome.err().is_none_or(|e| e.message().contains("levels deep"));
            assert!(told, "{sql:.60}");
        }
    }
}
