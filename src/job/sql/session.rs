//! The planner's settings: which of DataFusion's rules run, with which options, and our functions.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::execution::session_state::SessionState;
use datafusion::execution::{SessionStateBuilder, SessionStateDefaults};
use datafusion::functions_aggregate::min_max::{Max, Min};
use datafusion::logical_expr::AggregateUDF;
use datafusion::optimizer::optimizer::{Optimizer, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::combine_partial_final_agg::CombinePartialFinalAggregate;
use datafusion::physical_optimizer::ensure_requirements::EnsureRequirements;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_optimizer::join_selection::JoinSelection;
use datafusion::physical_optimizer::output_requirements::OutputRequirements;
use datafusion::physical_optimizer::projection_pushdown::ProjectionPushdown;
use datafusion::physical_optimizer::sanity_checker::SanityCheckPlan;
use datafusion::physical_optimizer::update_aggr_exprs::OptimizeAggregateOrder;
use datafusion::prelude::SessionConfig;

use super::arithmetic::CheckedArithmetic;
use super::in_list::ListsOfValues;
use super::in_subquery::InAsExists;
use super::limits::LimitsIntoSorts;
use super::min_max::Ordered;
use super::sum::CheckedSum;

/// Rows of a batch between operators.
pub const BATCH_ROWS: usize = 8192;

/// A planner with our rules and functions.
pub(super) fn state() -> SessionState {
    SessionStateBuilder::new()
        .with_config(config())
        .with_expr_planners(SessionStateDefaults::default_expr_planners())
        .with_scalar_functions(SessionStateDefaults::default_scalar_functions())
        .with_higher_order_functions(SessionStateDefaults::default_higher_order_functions())
        .with_window_functions(SessionStateDefaults::default_window_functions())
        .with_table_function_list(SessionStateDefaults::default_table_functions())
        .with_optimizer_rules(logical_rules())
        .with_physical_optimizer_rules(physical_rules())
        .with_analyzer_rule(Arc::new(CheckedArithmetic))
        .with_analyzer_rule(Arc::new(InAsExists))
        .with_analyzer_rule(Arc::new(ListsOfValues))
        .with_aggregate_functions(aggregate_functions())
        .build()
}

/// DataFusion's aggregates with our `sum`, `min` and `max`.
fn aggregate_functions() -> Vec<Arc<AggregateUDF>> {
    let ours = [
        AggregateUDF::from(CheckedSum::default()),
        AggregateUDF::from(Ordered::<Min>::default()),
        AggregateUDF::from(Ordered::<Max>::default()),
    ];
    let mut all = datafusion::functions_aggregate::all_default_aggregate_functions();
    all.retain(|f| ours.iter().all(|o| o.name() != f.name()));
    all.extend(ours.map(Arc::new));
    all
}

/// All logical rules but two: `push_down_limit` copies limits below other operators, and a limit
/// that was written and one that was copied mean different things when a plan is cut.
/// `eliminate_join` turns a join below DISTINCT into a semi-join that keeps the side table's rows,
/// which no shard can decide alone.
fn logical_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let mut rules = Optimizer::new().rules;
    rules.retain(|r| !matches!(r.name(), "push_down_limit" | "eliminate_join"));
    rules
}

/// The physical rules that a plan of one partition needs; limits stay explicit here too.
fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    vec![
        Arc::new(LimitsIntoSorts),
        Arc::new(OutputRequirements::new_add_mode()),
        Arc::new(JoinSelection::new()),
        Arc::new(FilterPushdown::new()),
        Arc::new(EnsureRequirements::new()),
        Arc::new(CombinePartialFinalAggregate::new()),
        Arc::new(OptimizeAggregateOrder::new()),
        Arc::new(ProjectionPushdown::new()),
        Arc::new(OutputRequirements::new_remove_mode()),
        Arc::new(ProjectionPushdown::new()),
        Arc::new(SanityCheckPlan::new()),
    ]
}

/// One partition, no I/O, nothing that depends on timing or on the machine.
fn config() -> SessionConfig {
    let mut options = ConfigOptions::new();
    let execution = &mut options.execution;
    execution.target_partitions = 1;
    execution.planning_concurrency = 1;
    execution.collect_statistics = false;
    execution.enable_recursive_ctes = false;
    let optimizer = &mut options.optimizer;
    optimizer.enable_round_robin_repartition = false;
    optimizer.repartition_aggregations = false;
    optimizer.repartition_joins = false;
    optimizer.repartition_file_scans = false;
    optimizer.repartition_windows = false;
    optimizer.repartition_sorts = false;
    optimizer.enable_dynamic_filter_pushdown = false;
    optimizer.enable_join_dynamic_filter_pushdown = false;
    optimizer.enable_topk_dynamic_filter_pushdown = false;
    optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    optimizer.enable_distinct_aggregation_soft_limit = false;
    optimizer.enable_topk_aggregation = false;
    optimizer.enable_physical_uncorrelated_scalar_subquery = false;
    optimizer.hash_join_single_partition_threshold = usize::MAX;
    optimizer.hash_join_single_partition_threshold_rows = usize::MAX;
    SessionConfig::from(options)
}
