//! A planned and cut statement, ready to run: per morsel, per bucket, and once at the end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::SortOptions;
use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use chrono::{DateTime, Utc};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use futures::executor::block_on;

use super::check;
use super::cut::{CutNode, all_row_wise, cut};
use super::errors::{planning, running};
use super::scan::{Batches, LeafExec, PlannerTable, Role, Slots, as_leaf};
use super::session;
use crate::error::{Error, Result};

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

/// Morsels that one instance of the map plan serves before a new one is made: operators keep
/// metrics per partition, which would grow for ever.
const MORSELS_PER_INSTANCE: usize = 512;

/// A statement, planned and cut.
#[derive(Debug)]
pub struct Program {
    kind: CutKind,
    scans: Vec<Scan>,
    partial_schema: SchemaRef,
    output_schema: SchemaRef,
    uses_now: bool,
    context: Arc<TaskContext>,
    /// Per morsel, the partial aggregate included.
    map: Option<Plan>,
    sort_keys: Option<LexOrdering>,
    aggregate: Option<Arc<AggregateExec>>,
    post: Option<Plan>,
    sides: Vec<OnceLock<Vec<RecordBatch>>>,
    instance: Mutex<Option<Arc<MapInstance>>>,
}

impl Program {
    /// Plans and cuts `sql` over `tables` (name and shape; inputs and side tables). `now` is what
    /// `now()` and its kin mean.
    ///
    /// # Errors
    /// `Usage`: the statement is wrong or cannot be cut.
    pub fn plan(sql: &str, tables: &[(String, PlannerTable)], now: DateTime<Utc>) -> Result<Self> {
        let context = SessionContext::new_with_state(session::state());
        for (name, table) in tables {
            let reference = datafusion::common::TableReference::bare(name.as_str());
            context.register_table(reference, Arc::new(table.clone())).map_err(planning)?;
        }
        let mut state = context.state();
        state.execution_props_mut().query_execution_start_time = Some(now);
        let statement = check::one_query(sql)?;
        let logical = check::logical_plan(&state, statement)?;
        let uses_now = check::uses_now(&logical)?;
        let physical = block_on(async {
            let optimized = state.optimize(&logical)?;
            state.query_planner().create_physical_plan(&optimized, &state).await
        })
        .map_err(planning)?;
        let sides = tables.iter().filter(|(_, t)| matches!(t.role, Role::Side(_))).count();
        Self::build(physical, sides, uses_now, context.task_ctx())
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
            post: parts.post,
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
        for plan in [&self.map, &self.post].into_iter().flatten() {
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
        if let Some(post) = &self.post {
            parts.push(("after", show(post)));
        }
        parts
    }

    /// An instance of the map plan with room for another morsel.
    ///
    /// # Errors
    /// The plan cannot be rebuilt: a defect.
    pub fn instance(&self) -> Result<Arc<MapInstance>> {
        let mut current = self.instance.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(instance) = current.as_ref()
            && instance.next.load(Ordering::Relaxed) < MORSELS_PER_INSTANCE
        {
            return Ok(Arc::clone(instance));
        }
        let map = self.map.as_ref().ok_or_else(|| Error::internal("this statement has no map part"))?;
        let mut slots = Vec::new();
        let root = self.fresh(map, MORSELS_PER_INSTANCE, &mut slots)?;
        let instance = Arc::new(MapInstance {
            root,
            slots,
            next: AtomicUsize::new(0),
            context: Arc::clone(&self.context),
        });
        *current = Some(Arc::clone(&instance));
        Ok(instance)
    }

    /// Appends the sort keys of `batch` as columns.
    ///
    /// # Errors
    /// A key cannot be computed for a row.
    pub fn with_sort_keys(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let Some(keys) = &self.sort_keys else { return Ok(batch.clone()) };
        let mut columns = batch.columns().to_vec();
        for key in keys {
            let value = key.expr.evaluate(batch).map_err(running)?;
            let array: ArrayRef = value.into_array(batch.num_rows()).map_err(running)?;
            columns.push(array);
        }
        RecordBatch::try_new(self.partial_schema(), columns)
            .map_err(|e| Error::internal("sort keys do not fit their schema").because(e))
    }

    /// Merges aggregate states into states: one per key.
    ///
    /// # Errors
    /// A state overflows.
    pub fn combine(&self, states: Vec<RecordBatch>) -> Result<Vec<RecordBatch>> {
        self.merge(AggregateMode::PartialReduce, states)
    }

    /// Merges aggregate states into the aggregate's result. Without GROUP BY the result has one
    /// row even if there are no states.
    ///
    /// # Errors
    /// A result overflows.
    pub fn finish(&self, states: Vec<RecordBatch>) -> Result<Vec<RecordBatch>> {
        self.merge(AggregateMode::Final, states)
    }

    fn merge(&self, mode: AggregateMode, states: Vec<RecordBatch>) -> Result<Vec<RecordBatch>> {
        let aggregate =
            self.aggregate.as_ref().ok_or_else(|| Error::internal("this statement has no aggregate"))?;
        let columns = (0..self.partial_schema.fields().len()).collect();
        let leaf = Arc::new(LeafExec::new(Role::Reduced, self.partial_schema(), columns, 1));
        leaf.slots().put(0, Box::new(states.into_iter().map(Ok)));
        let filters = vec![None; aggregate.aggr_expr().len()];
        let plan = AggregateExec::try_new(
            mode,
            aggregate.group_expr().as_final(),
            aggregate.aggr_expr().to_vec(),
            filters,
            leaf,
            aggregate.input_schema(),
        )
        .map_err(running)?;
        drain(&(Arc::new(plan) as Plan), &self.context)
    }

    /// Whether what follows the cut works row by row, so that it can run on each bucket alone.
    #[must_use]
    pub fn post_is_row_wise(&self) -> bool {
        self.post.as_ref().is_none_or(all_row_wise)
    }

    /// Runs what follows the cut on the merged result.
    ///
    /// # Errors
    /// The statement fails on the data, or `reduced` does.
    pub fn post(&self, reduced: Batches) -> Result<Batches> {
        let Some(post) = &self.post else { return Ok(reduced) };
        let mut slots = Vec::new();
        let root = self.fresh(post, 1, &mut slots)?;
        if let Some(slot) = slots.first() {
            slot.put(0, reduced);
        }
        let mut stream = root.execute(0, Arc::clone(&self.context)).map_err(running)?;
        Ok(Box::new(std::iter::from_fn(move || block_on(stream.next()).map(|b| b.map_err(running)))))
    }

    /// The plan with fresh leaves: side tables filled, the others' slots collected in order.
    fn fresh(&self, plan: &Plan, partitions: usize, slots: &mut Vec<Arc<Slots>>) -> Result<Plan> {
        if let Some(leaf) = as_leaf(plan) {
            let Role::Side(table) = leaf.role else {
                let leaf = leaf.fresh(partitions);
                slots.push(leaf.slots());
                return Ok(Arc::new(leaf));
            };
            let rows = self.sides.get(table).and_then(OnceLock::get);
            let rows = rows.ok_or_else(|| Error::internal("a side table was not loaded"))?.clone();
            let columns = leaf.columns.clone();
            let leaf = leaf.fresh(1);
            leaf.slots().put(
                0,
                Box::new(rows.into_iter().map(move |b| {
                    b.project(&columns).map_err(|e| Error::internal("a side table lost a column").because(e))
                })),
            );
            return Ok(Arc::new(leaf));
        }
        let children = plan
            .children()
            .into_iter()
            .map(|c| self.fresh(c, partitions, slots))
            .collect::<Result<Vec<_>>>()?;
        replace_children_if_necessary(Arc::clone(plan), children).map_err(running)
    }
}

/// An instance of the map plan: many morsels share its side tables' hash tables.
#[derive(Debug)]
pub struct MapInstance {
    root: Plan,
    slots: Vec<Arc<Slots>>,
    next: AtomicUsize,
    context: Arc<TaskContext>,
}

impl MapInstance {
    /// Runs the plan over one morsel's batches, read by scan number `scan`, and hands on what comes
    /// out; `emit` says whether more is wanted. Returns `false`, having read nothing, when this
    /// instance is used up: take the next one.
    ///
    /// # Errors
    /// The statement fails on the data, or reading or `emit` fails.
    pub fn run(
        &self,
        scan: usize,
        batches: &mut Option<Batches>,
        emit: &mut dyn FnMut(RecordBatch) -> Result<bool>,
    ) -> Result<bool> {
        let slot = self.next.fetch_add(1, Ordering::Relaxed);
        if slot >= MORSELS_PER_INSTANCE {
            return Ok(false);
        }
        let (Some(leaf), Some(batches)) = (self.slots.get(scan), batches.take()) else {
            return Err(Error::internal("a morsel has no scan or no batches"));
        };
        leaf.put(slot, batches);
        let partition = scan * MORSELS_PER_INSTANCE + slot;
        let mut stream = self.root.execute(partition, Arc::clone(&self.context)).map_err(running)?;
        while let Some(batch) = block_on(stream.next()) {
            let batch = batch.map_err(running)?;
            if batch.num_rows() > 0 && !emit(batch)? {
                break;
            }
        }
        Ok(true)
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

fn with_key_columns(schema: &SchemaRef, keys: &LexOrdering) -> Result<SchemaRef> {
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

fn drain(plan: &Plan, context: &Arc<TaskContext>) -> Result<Vec<RecordBatch>> {
    let mut stream = plan.execute(0, Arc::clone(context)).map_err(running)?;
    let mut out = Vec::new();
    while let Some(batch) = block_on(stream.next()) {
        let batch = batch.map_err(running)?;
        if batch.num_rows() > 0 {
            out.push(batch);
        }
    }
    Ok(out)
}
