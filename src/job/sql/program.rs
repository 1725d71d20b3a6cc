//! A statement, planned and cut.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock};

use arrow::array::RecordBatch;
use arrow::compute::SortOptions;
use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use chrono::{DateTime, Utc};
use datafusion::common::TableReference;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};

use futures::executor::block_on;

use super::cut::{CutNode, cut};
use super::errors::planning;
use super::post::Post;
use super::run::MapInstance;
use super::scan::{PlannerTable, Role, as_leaf};
use super::session;
use super::{check, constants};
use crate::error::Result;

type Plan = Arc<dyn ExecutionPlan>;

/// What is merged between morsels, shards and runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CutKind {
    /// Nothing is read: the statement is a constant, computed in reduce.
    Constant,
    /// Nothing is merged: each shard writes output files.
    Rows,
    /// Aggregate states, grouped by the first `keys` columns of the partial.
    Aggregate {
        /// Key columns; 0 without GROUP BY.
        keys: usize,
    },
    /// Rows sorted by the key columns at the end of the partial.
    Sort {
        /// Order of each key column.
        options: Vec<SortOptions>,
        /// Rows to keep.
        fetch: Option<usize>,
    },
    /// The first rows in plan order.
    Limit {
        /// Rows to keep.
        rows: usize,
    },
}

/// One scan of an input by the map part.
#[derive(Debug, Clone)]
pub struct Scan {
    /// Position of the input.
    pub input: usize,
    /// Columns of the table that it needs.
    pub columns: Vec<usize>,
    /// Conditions that every needed row meets, for pruning.
    pub filters: Vec<Expr>,
}

/// A statement, planned and cut.
#[derive(Debug)]
pub struct Program {
    pub(super) kind: CutKind,
    pub(super) scans: Vec<Scan>,
    pub(super) partial_schema: SchemaRef,
    pub(super) output_schema: SchemaRef,
    pub(super) uses_now: bool,
    pub(super) context: Arc<TaskContext>,
    /// Per morsel, the partial aggregate included.
    pub(super) map: Option<Plan>,
    pub(super) sort_keys: Option<LexOrdering>,
    pub(super) aggregate: Option<Arc<AggregateExec>>,
    pub(super) post: Post,
    pub(super) sides: Vec<OnceLock<Vec<RecordBatch>>>,
    pub(super) instance: Mutex<Option<Arc<MapInstance>>>,
}

impl Program {
    /// Plans and cuts `sql` over `tables` (name and shape; inputs and side tables). `now` is what
    /// `now()` and its kin mean.
    ///
    /// # Errors
    /// `Usage`: the statement is wrong or cannot be cut.
    pub fn plan(sql: &str, tables: &[(String, PlannerTable)], now: DateTime<Utc>) -> Result<Self> {
        let mut state = session::state();
        for (name, table) in tables {
            // Names that the statement does not quote are looked up in lower case.
            for name in BTreeSet::from([name.clone(), name.to_lowercase()]) {
                let reference = TableReference::bare(name);
                let schema = state.schema_for_ref(reference.clone()).map_err(planning)?;
                let table = Arc::new(table.clone());
                schema.register_table(reference.table().to_owned(), table).map_err(planning)?;
            }
        }
        state.execution_props_mut().query_execution_start_time = Some(now);
        let statement = check::one_query(sql)?;
        let logical = check::logical_plan(&state, statement)?;
        let uses_now = check::uses_now(&logical)?;
        let physical = block_on(async {
            let optimized = state.optimize(&logical)?;
            state.query_planner().create_physical_plan(&optimized, &state).await
        })
        .map_err(planning)?;
        constants::check(&physical)?;
        let sides = tables.iter().filter(|(_, t)| matches!(t.role, Role::Side(_))).count();
        Self::build(physical, sides, uses_now, state.task_ctx())
    }

    fn build(physical: Plan, sides: usize, uses_now: bool, context: Arc<TaskContext>) -> Result<Self> {
        let output_schema = physical.schema();
        let parts = cut(physical)?;
        let mut scans = Vec::new();
        if let Some(map) = &parts.map {
            collect_scans(map, &mut scans);
        }
        let mut program = Self {
            kind: CutKind::Constant,
            scans,
            partial_schema: Arc::clone(&output_schema),
            output_schema,
            uses_now,
            context,
            map: parts.map,
            sort_keys: None,
            aggregate: None,
            post: Post::split(parts.post)?,
            sides: (0..sides).map(|_| OnceLock::new()).collect(),
            instance: Mutex::new(None),
        };
        let Some(map) = program.map.clone() else { return Ok(program) };
        match parts.node {
            None => program.kind = CutKind::Rows,
            Some(CutNode::Limit { rows }) => {
                program.kind = CutKind::Limit { rows };
                program.partial_schema = map.schema();
            }
            Some(CutNode::Sort { keys, fetch }) => {
                let options = keys.iter().map(|k| k.options).collect();
                program.kind = CutKind::Sort { options, fetch };
                program.partial_schema = with_key_columns(&map.schema(), &keys)?;
                program.sort_keys = Some(keys);
            }
            Some(CutNode::Aggregate(aggregate)) => {
                let partial = partial_aggregate(&aggregate, map)?;
                let keys = aggregate.group_expr().as_final().expr().len();
                program.kind = CutKind::Aggregate { keys };
                program.partial_schema = partial.schema();
                program.map = Some(partial);
                program.aggregate = Some(aggregate);
            }
        }
        Ok(program)
    }

    /// What is merged.
    #[must_use]
    pub fn kind(&self) -> &CutKind {
        &self.kind
    }

    /// The scans of the map part, in the order of [`MapInstance::run`]'s numbers.
    #[must_use]
    pub fn scans(&self) -> &[Scan] {
        &self.scans
    }

    /// The partials' columns; for [`CutKind::Rows`] the output's.
    #[must_use]
    pub fn partial_schema(&self) -> SchemaRef {
        Arc::clone(&self.partial_schema)
    }

    /// The result's columns.
    #[must_use]
    pub fn output_schema(&self) -> SchemaRef {
        Arc::clone(&self.output_schema)
    }

    /// Whether the result depends on the time at which the plan was made.
    #[must_use]
    pub fn uses_now(&self) -> bool {
        self.uses_now
    }

    /// Gives the n-th side table its rows; once, before anything runs.
    pub fn set_side(&self, table: usize, batches: Vec<RecordBatch>) {
        if let Some(side) = self.sides.get(table) {
            // A second call for the same frozen table brings the same rows.
            let _ = side.set(batches);
        }
    }

    /// Side tables that the plan reads: map part, and all parts.
    #[must_use]
    pub fn sides_used(&self) -> Vec<usize> {
        let mut used = Vec::new();
        for plan in self.map.iter().chain(self.post.plans()) {
            collect_sides(plan, &mut used);
        }
        used.sort_unstable();
        used.dedup();
        used
    }

    /// The plan's parts as text: what runs in map, in reduce, after.
    #[must_use]
    pub fn explain(&self) -> Vec<(&'static str, String)> {
        let show = |plan: &Plan| {
            let text = datafusion::physical_plan::displayable(plan.as_ref()).indent(false).to_string();
            text.trim_end().to_owned()
        };
        let reduce = match &self.kind {
            CutKind::Constant => "nothing to merge: no input is read".to_owned(),
            CutKind::Rows => "nothing to merge: shards write output files".to_owned(),
            CutKind::Aggregate { keys: 0 } => "merge one aggregate state per shard".to_owned(),
            CutKind::Aggregate { keys } => format!("merge aggregate states by {keys} key column(s)"),
            CutKind::Sort { fetch: None, .. } => "merge the shards' sorted rows".to_owned(),
            CutKind::Sort { fetch: Some(n), .. } => format!("merge the shards' first {n} rows by sort key"),
            CutKind::Limit { rows } => format!("take the first {rows} rows in plan order"),
        };
        let mut parts = Vec::new();
        if let Some(map) = &self.map {
            parts.push(("map", show(map)));
        }
        parts.push(("reduce", reduce));
        if let Some(head) = &self.post.head {
            parts.push(("after", show(head)));
        }
        if let Some(sort) = &self.post.sort {
            let first = sort.fetch.map_or_else(String::new, |n| format!("the first {n} rows "));
            parts.push(("after", format!("sort {first}by {}", sort.keys)));
        }
        if let Some(rest) = &self.post.rest {
            parts.push(("after", show(rest)));
        }
        parts
    }
}

fn partial_aggregate(aggregate: &AggregateExec, input: Plan) -> Result<Plan> {
    let partial = AggregateExec::try_new(
        AggregateMode::Partial,
        aggregate.group_expr().clone(),
        aggregate.aggr_expr().to_vec(),
        aggregate.filter_expr().to_vec(),
        input,
        aggregate.input_schema(),
    )
    .map_err(planning)?;
    Ok(Arc::new(partial))
}

pub(super) fn with_key_columns(schema: &SchemaRef, keys: &LexOrdering) -> Result<SchemaRef> {
    let mut fields: Vec<FieldRef> = schema.fields().iter().cloned().collect();
    for (n, key) in keys.iter().enumerate() {
        let data_type = key.expr.data_type(schema).map_err(planning)?;
        fields.push(Arc::new(Field::new(format!("__key_{n}"), data_type, true)));
    }
    Ok(Arc::new(Schema::new(fields)))
}

fn collect_scans(plan: &Plan, scans: &mut Vec<Scan>) {
    if let Some(leaf) = as_leaf(plan)
        && let Role::Input(input) = leaf.role
    {
        scans.push(Scan { input, columns: leaf.columns.clone(), filters: leaf.filters.clone() });
    }
    plan.children().into_iter().for_each(|c| collect_scans(c, scans));
}

fn collect_sides(plan: &Plan, sides: &mut Vec<usize>) {
    if let Some(leaf) = as_leaf(plan)
        && let Role::Side(table) = leaf.role
    {
        sides.push(table);
    }
    plan.children().into_iter().for_each(|c| collect_sides(c, sides));
}
