//! Where a plan is cut: what runs once per morsel, what is merged, what runs on the merged result.
//!
//! The planner gives one plan of one partition. Its leaves are inputs and side tables. Above an
//! input, row-wise operators run in map; the first operator that needs more than one row is the
//! cut; everything above it runs in reduce. What fits nowhere is refused with a reason.

use std::any::Any;
use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec, PartitionMode};
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::errors::planning;
use super::limits::ALL_ROWS;
use super::one_partition::in_one_piece;
use super::refuse;
use super::scan::{LeafExec, Role, as_leaf};
use crate::error::{Error, Result};

type Plan = Arc<dyn ExecutionPlan>;

/// The operator at which a plan is cut.
#[derive(Debug, Clone)]
pub(super) enum CutNode {
    /// An aggregate (or DISTINCT): partial in map, final in reduce.
    Aggregate(Arc<AggregateExec>),
    /// A sort, or a top-k when it has a limit.
    Sort {
        /// What it sorts by.
        keys: LexOrdering,
        /// Rows to keep.
        fetch: Option<usize>,
    },
    /// The first rows in plan order.
    Limit {
        /// Rows to keep.
        rows: usize,
    },
}

/// A plan, cut.
#[derive(Debug)]
pub(super) struct CutPlan {
    /// Runs once per morsel; `None`: the statement reads no input.
    pub(super) map: Option<Plan>,
    /// What is merged; `None` with a map part: rows go to the output as they come.
    pub(super) node: Option<CutNode>,
    /// Runs on the merged result (whose leaf is [`Role::Reduced`]); `None`: nothing is left to do.
    pub(super) post: Option<Plan>,
}

/// Cuts `plan`.
///
/// # Errors
/// `Usage`: the statement cannot be cut; the message says why and what to write instead.
pub(super) fn cut(plan: Plan) -> Result<CutPlan> {
    let mut cutter = Cutter { found: None };
    let (kind, plan) = cutter.walk(in_one_piece(plan)?, false)?;
    let (map, node) = match cutter.found {
        Some((map, node)) => (Some(map), Some(node)),
        None => (None, None),
    };
    Ok(match kind {
        Kind::Side => CutPlan { map: None, node: None, post: Some(plan) },
        Kind::Map => CutPlan { map: Some(plan), node: None, post: None },
        Kind::Reduced => {
            let post = if as_leaf(&plan).is_some() { None } else { Some(plan) };
            CutPlan { map, node, post }
        }
    })
}

/// What a part of the plan is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Side tables and constants only.
    Side,
    /// Rows of the input, one morsel at a time.
    Map,
    /// The merged result.
    Reduced,
}

struct Cutter {
    found: Option<(Plan, CutNode)>,
}

pub(super) fn downcast<T: 'static>(plan: &Plan) -> Option<&T> {
    (plan.as_ref() as &dyn Any).downcast_ref::<T>()
}

impl Cutter {
    /// `for_aggregate`: the operator above, through row-wise ones, is an aggregate, so that a sort
    /// here only orders the rows of one partial.
    fn walk(&mut self, plan: Plan, for_aggregate: bool) -> Result<(Kind, Plan)> {
        if let Some(leaf) = as_leaf(&plan) {
            let kind = match leaf.role {
                Role::Input(_) => Kind::Map,
                Role::Side(_) => Kind::Side,
                Role::Reduced => Kind::Reduced,
            };
            return Ok((kind, plan));
        }
        let is_aggregate = downcast::<AggregateExec>(&plan).is_some();
        let is_row_wise = is_row_wise(&plan)
            || downcast::<SortExec>(&plan).is_some()
            || downcast::<UnionExec>(&plan).is_some();
        let below_aggregate = is_aggregate || (for_aggregate && is_row_wise);
        let mut kinds = Vec::new();
        let mut children = Vec::new();
        for child in plan.children() {
            let (kind, child) = self.walk(Arc::clone(child), below_aggregate)?;
            kinds.push(kind);
            children.push(child);
        }
        let mut plan = replace_children_if_necessary(plan, children).map_err(planning)?;
        if let Some(sort) = downcast::<SortExec>(&plan)
            && sort.fetch() == Some(ALL_ROWS)
            && !kinds.contains(&Kind::Map)
        {
            plan = Arc::new(sort.with_fetch(None));
        }
        if kinds.iter().all(|k| *k == Kind::Side) {
            return Ok((Kind::Side, plan));
        }
        if downcast::<UnionExec>(&plan).is_some() {
            return union(&kinds).map(|kind| (kind, plan));
        }
        if kinds.iter().filter(|k| **k != Kind::Side).count() > 1 {
            return Err(refuse::second_scan());
        }
        if kinds.contains(&Kind::Reduced) {
            self.check_window(&plan)?;
            return Ok((Kind::Reduced, plan));
        }
        self.above_map(plan, for_aggregate)
    }

    /// `plan` has exactly one child made of input rows.
    fn above_map(&mut self, plan: Plan, for_aggregate: bool) -> Result<(Kind, Plan)> {
        if is_row_wise(&plan) {
            return Ok((Kind::Map, plan));
        }
        if let Some(plan) = join(&plan)? {
            return Ok((Kind::Map, plan));
        }
        if let Some(aggregate) = downcast::<AggregateExec>(&plan) {
            if !matches!(aggregate.mode(), AggregateMode::Single | AggregateMode::SinglePartitioned) {
                return Err(Error::internal("the planner gave an aggregate that is already cut"));
            }
            let node = CutNode::Aggregate(Arc::new(aggregate.clone()));
            return Ok((Kind::Reduced, self.cut_at(&plan, aggregate.input(), node)));
        }
        if let Some(sort) = downcast::<SortExec>(&plan) {
            if for_aggregate && sort.fetch().is_none() {
                let each = sort.clone().with_preserve_partitioning(true);
                return Ok((Kind::Map, Arc::new(each)));
            }
            let fetch = sort.fetch().filter(|rows| *rows != ALL_ROWS);
            let node = CutNode::Sort { keys: sort.expr().clone(), fetch };
            return Ok((Kind::Reduced, self.cut_at(&plan, sort.input(), node)));
        }
        if let Some(limit) = downcast::<GlobalLimitExec>(&plan) {
            let rows = limit.fetch().map_or(usize::MAX, |n| n.saturating_add(limit.skip()));
            let reduced = self.cut_at(limit.input(), limit.input(), CutNode::Limit { rows });
            let plan = replace_children_if_necessary(plan, vec![reduced]).map_err(planning)?;
            return Ok((Kind::Reduced, plan));
        }
        if is_window(&plan) {
            return Err(refuse::window());
        }
        Err(refuse::operator(plan.name()))
    }

    /// Cuts at `plan` and returns the leaf that stands for it in the reduce part.
    fn cut_at(&mut self, plan: &Plan, map: &Plan, node: CutNode) -> Plan {
        let schema = plan.schema();
        let order = plan.output_ordering().cloned();
        let merged_in_order = !matches!(node, CutNode::Aggregate(_));
        self.found = Some((Arc::clone(map), node));
        match order {
            // The planner may leave out a sort of groups whose rows it has sorted; the merge of
            // partials does not keep that order.
            Some(order) if !merged_in_order => {
                let leaf = LeafExec::ordered(Role::Reduced, schema, None);
                Arc::new(SortExec::new(order, Arc::new(leaf)))
            }
            order => Arc::new(LeafExec::ordered(Role::Reduced, schema, order)),
        }
    }

    /// A window needs a result that is smaller than the input below it.
    fn check_window(&self, plan: &Plan) -> Result<()> {
        match &self.found {
            Some((_, CutNode::Sort { fetch: None, .. } | CutNode::Limit { rows: usize::MAX }))
                if is_window(plan) =>
            {
                Err(refuse::window())
            }
            _ => Ok(()),
        }
    }
}

fn union(kinds: &[Kind]) -> Result<Kind> {
    if kinds.iter().all(|k| *k == Kind::Map) {
        return Ok(Kind::Map);
    }
    if kinds.iter().filter(|k| **k == Kind::Reduced).count() == 1 && !kinds.contains(&Kind::Map) {
        return Ok(Kind::Reduced);
    }
    Err(if kinds.contains(&Kind::Reduced) { refuse::union_of_results() } else { refuse::union_with_side() })
}

fn is_row_wise(plan: &Plan) -> bool {
    downcast::<FilterExec>(plan).is_some_and(|f| f.fetch().is_none())
        || downcast::<ProjectionExec>(plan).is_some()
        || downcast::<UnnestExec>(plan).is_some()
}

/// Whether every operator of `plan` works row by row on one leaf.
pub(super) fn all_row_wise(plan: &Plan) -> bool {
    as_leaf(plan).is_some() || (is_row_wise(plan) && plan.children().into_iter().all(all_row_wise))
}

fn is_window(plan: &Plan) -> bool {
    downcast::<WindowAggExec>(plan).is_some() || downcast::<BoundedWindowAggExec>(plan).is_some()
}

/// Whether `plan` is a join of input rows with a side table; then the same join with the side
/// table as its build side (left) and the input as its probe side.
fn join(plan: &Plan) -> Result<Option<Plan>> {
    if let Some(join) = downcast::<HashJoinExec>(plan) {
        if contains_input(join.left()) {
            if join.null_aware {
                return Err(refuse::not_in());
            }
            // The swapped join comes with a projection that restores the order of columns.
            return swapped(join.swap_inputs(PartitionMode::CollectLeft).map_err(planning)?);
        }
        check_join_type(*join.join_type())?;
        let collected = join.builder().with_partition_mode(PartitionMode::CollectLeft);
        return collected.build_exec().map(Some).map_err(planning);
    }
    if let Some(join) = downcast::<NestedLoopJoinExec>(plan) {
        if contains_input(join.left()) {
            return swapped(join.swap_inputs().map_err(planning)?);
        }
        check_join_type(*join.join_type())?;
        return Ok(Some(Arc::clone(plan)));
    }
    if let Some(join) = downcast::<CrossJoinExec>(plan) {
        if contains_input(join.left()) {
            return swapped(join.swap_inputs().map_err(planning)?);
        }
        return Ok(Some(Arc::clone(plan)));
    }
    Ok(None)
}

fn swapped(plan: Plan) -> Result<Option<Plan>> {
    if is_row_wise(&plan) {
        let children = plan.children().into_iter().cloned().map(swapped_child).collect::<Result<Vec<_>>>()?;
        return replace_children_if_necessary(plan, children).map(Some).map_err(planning);
    }
    join(&plan)
}

fn swapped_child(plan: Plan) -> Result<Plan> {
    Ok(join(&plan)?.unwrap_or(plan))
}

/// With the side table as the build side, each input row must decide alone what comes out for it.
fn check_join_type(join_type: JoinType) -> Result<()> {
    match join_type {
        JoinType::Inner
        | JoinType::Right
        | JoinType::RightSemi
        | JoinType::RightAnti
        | JoinType::RightMark => Ok(()),
        JoinType::Left | JoinType::Full => Err(refuse::null_supplying()),
        JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => Err(refuse::second_scan_in_filter()),
    }
}

pub(super) fn contains_input(plan: &Plan) -> bool {
    as_leaf(plan).is_some_and(|l| matches!(l.role, Role::Input(_)))
        || plan.children().into_iter().any(contains_input)
}
