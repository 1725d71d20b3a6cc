//! Tables as the planner sees them (a schema and a size), and the leaves that feed a plan.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result as DfResult, Statistics, project_schema};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};

use crate::error::Result;

/// Batches that a leaf reads, pulled on the thread that runs the plan.
pub type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// What a leaf stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The n-th input: scanned in shards.
    Input(usize),
    /// The n-th side table: read whole.
    Side(usize),
    /// What reduce has made of the cut operator.
    Reduced,
}

/// A table for the planner.
#[derive(Debug, Clone)]
pub struct PlannerTable {
    /// What it stands for.
    pub role: Role,
    /// Its columns.
    pub schema: SchemaRef,
    /// Rows of a side table; inputs are taken as large whatever their size, so that the shape of
    /// the plan does not depend on how many files are there today.
    pub rows: Option<u64>,
}

/// Rows that the planner assumes for an input.
const ASSUMED_INPUT_ROWS: usize = 1 << 40;

#[async_trait::async_trait]
impl TableProvider for PlannerTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> DfResult<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let schema = project_schema(&self.schema, projection)?;
        let columns = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let rows = match (self.role, self.rows) {
            (Role::Side(_), Some(rows)) => Precision::Exact(usize::try_from(rows).unwrap_or(usize::MAX)),
            (Role::Side(_), None) => Precision::Inexact(10_000),
            (Role::Input(_) | Role::Reduced, _) => Precision::Inexact(ASSUMED_INPUT_ROWS),
        };
        let mut leaf = LeafExec::new(self.role, schema, columns, 1);
        leaf.filters = filters.to_vec();
        leaf.rows = rows;
        Ok(Arc::new(leaf))
    }
}

/// The batches of each partition of a leaf, put there before the partition is run.
#[derive(Default)]
pub struct Slots(Mutex<HashMap<usize, Batches>>);

impl Slots {
    /// Gives `partition` its batches.
    pub fn put(&self, partition: usize, batches: Batches) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(partition, batches);
    }

    fn take(&self, partition: usize) -> Option<Batches> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&partition)
    }
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slots")
    }
}

/// A leaf of a physical plan: its batches come from [`Slots`].
#[derive(Debug, Clone)]
pub struct LeafExec {
    /// What it stands for.
    pub role: Role,
    /// Columns of the table that it delivers.
    pub columns: Vec<usize>,
    /// Conditions that every needed row meets: for pruning only.
    pub filters: Vec<Expr>,
    schema: SchemaRef,
    rows: Precision<usize>,
    order: Option<LexOrdering>,
    slots: Arc<Slots>,
    properties: Arc<PlanProperties>,
}

impl LeafExec {
    /// A leaf with empty slots.
    pub fn new(role: Role, schema: SchemaRef, columns: Vec<usize>, partitions: usize) -> Self {
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        Self {
            role,
            columns,
            filters: Vec::new(),
            schema,
            rows: Precision::Absent,
            order: None,
            slots: Arc::default(),
            properties,
        }
    }

    /// A leaf of one partition whose rows come in this order: operators above may rely on it.
    pub fn ordered(role: Role, schema: SchemaRef, order: Option<LexOrdering>) -> Self {
        let columns = (0..schema.fields().len()).collect();
        let mut leaf = Self::new(role, schema, columns, 1);
        if let Some(order) = &order {
            let schema = Arc::clone(&leaf.schema);
            leaf.properties = Arc::new(PlanProperties::new(
                EquivalenceProperties::new_with_orderings(schema, [order.clone()]),
                Partitioning::UnknownPartitioning(1),
                EmissionType::Incremental,
                Boundedness::Bounded,
            ));
        }
        leaf.order = order;
        leaf
    }

    /// The same leaf with its own, empty slots for `partitions` partitions.
    pub fn fresh(&self, partitions: usize) -> Self {
        if self.order.is_some() {
            return Self::ordered(self.role, Arc::clone(&self.schema), self.order.clone());
        }
        let mut leaf = Self::new(self.role, Arc::clone(&self.schema), self.columns.clone(), partitions);
        leaf.rows = self.rows;
        leaf
    }

    /// Where its batches are put.
    pub fn slots(&self) -> Arc<Slots> {
        Arc::clone(&self.slots)
    }
}

impl DisplayAs for LeafExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.schema.fields().iter().map(|c| c.name().as_str()).collect();
        match self.role {
            Role::Input(n) => write!(f, "InputScan: input={n}, columns=[{}]", names.join(", ")),
            Role::Side(n) => write!(f, "SideTable: table={n}, columns=[{}]", names.join(", ")),
            Role::Reduced => write!(f, "Reduced"),
        }
    }
}

impl ExecutionPlan for LeafExec {
    fn name(&self) -> &'static str {
        "LeafExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let batches = self.slots.take(partition).ok_or_else(|| {
            DataFusionError::Internal(format!("partition {partition} of a leaf has no batches"))
        })?;
        let stream =
            futures::stream::iter(batches.map(|b| b.map_err(|e| DataFusionError::External(Box::new(e)))));
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), stream)))
    }

    fn statistics_from_inputs(
        &self,
        _input_stats: &[Arc<Statistics>],
        _args: &StatisticsArgs,
    ) -> DfResult<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema);
        statistics.num_rows = self.rows;
        Ok(Arc::new(statistics))
    }
}

/// The leaf that `plan` is, if it is one.
pub fn as_leaf(plan: &Arc<dyn ExecutionPlan>) -> Option<&LeafExec> {
    (plan.as_ref() as &dyn Any).downcast_ref::<LeafExec>()
}
