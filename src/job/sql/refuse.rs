//! Why a statement cannot be cut, and what to write instead. One function a reason.

use crate::error::Error;

fn cannot(reason: &str, instead: &str) -> Error {
    Error::usage(format!("this statement cannot be cut into shards: {reason}; {instead}"))
}

pub(super) fn second_scan() -> Error {
    cannot(
        "it reads an input twice (a self-join, a join of two inputs, or a subquery over an input beside the main scan)",
        "read it once: put small tables under `tables`, use aggregates with FILTER for several totals, or compute \
         the second part in a job of its own and join its output as a side table",
    )
}

pub(super) fn second_scan_in_filter() -> Error {
    cannot(
        "a side table is filtered by the rows of an input",
        "start FROM the input and use SELECT DISTINCT or GROUP BY over its join with the side table",
    )
}

pub(super) fn null_supplying() -> Error {
    cannot(
        "an input stands on the null-supplying side of an outer join, so rows of the side table without a match \
         are known only when all shards have been read",
        "aggregate the input first (GROUP BY the join key) and join the side table to the result",
    )
}

pub(super) fn not_in() -> Error {
    cannot(
        "NOT IN with a subquery that names columns of the row must look at all rows at once",
        "write NOT EXISTS (SELECT 1 FROM t WHERE t.key = input.key AND …) instead",
    )
}

pub(super) fn union_of_results() -> Error {
    cannot(
        "a branch of UNION ALL holds an aggregate, DISTINCT, ORDER BY or LIMIT of its own",
        "aggregate over the UNION ALL of plain SELECTs, or run one job per branch",
    )
}

pub(super) fn union_with_side() -> Error {
    cannot(
        "UNION ALL mixes an input with a side table, whose rows would be counted once per shard",
        "list the side table under `inputs` too",
    )
}

pub(super) fn window() -> Error {
    cannot(
        "a window function over the raw rows of an input needs all rows of a partition in one place",
        "aggregate first and use the window over the result, or use first_value/last_value/array_agg with ORDER BY \
         in a GROUP BY",
    )
}

pub(super) fn operator(name: &str) -> Error {
    cannot(
        &format!("its plan needs {name} over the rows of an input"),
        "rewrite it with filters and one aggregate, sort or limit",
    )
}

/// What the planner has no plan for at all, by its words.
pub(super) fn not_planned(text: &str) -> Option<Error> {
    if text.contains("Recursive CTEs are not enabled") {
        return Some(cannot(
            "a CTE refers to itself",
            "count with generate_series(from, to), or unfold the steps",
        ));
    }
    if text.contains("null_aware anti join") {
        return Some(not_in());
    }
    if text.contains("does not support logical expression InSubquery")
        || text.contains("does not support logical expression Exists")
    {
        return Some(cannot(
            "IN or EXISTS with a subquery stands outside of WHERE and HAVING",
            "LEFT JOIN the side table and look whether its key IS NULL",
        ));
    }
    if text.contains("does not support logical expression ScalarSubquery") {
        return Some(cannot(
            "a subquery that stands for one value looks at the row in a way that is no join",
            "compare the row's columns with = in its WHERE, or join an aggregate of the side table",
        ));
    }
    if text.contains("Conflicting ordering requirements") {
        return Some(cannot(
            "its string_agg or nth_value want different orders of one group",
            "write array_to_string(array_agg(x ORDER BY y), ',') for each of them",
        ));
    }
    None
}

pub(super) fn volatile(function: &str) -> Error {
    Error::usage(format!(
        "{function}() gives another value each time, so a retried shard would give another result; \
         use a function of the row's columns instead, such as md5(column)"
    ))
}
