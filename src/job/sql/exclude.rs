//! What the statement's conditions say about a file or row group by its statistics alone.

use std::collections::HashSet;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::SchemaRef;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::physical_expr::create_physical_expr;
use datafusion::physical_optimizer::pruning::{PruningPredicate, PruningPredicateBuilder};

use crate::error::Result;
use crate::plan::{Excludes, UnitStats};

use super::errors::planning;
use super::program::Program;

/// The conditions of all scans of one input. A unit is left out only if every scan excludes it.
pub struct Conditions {
    /// One list of conditions per scan.
    scans: Vec<Vec<(String, PruningPredicate)>>,
    columns: Vec<String>,
}

impl Conditions {
    /// The conditions that `program` puts on the rows of its `input`-th input of `schema`.
    ///
    /// # Errors
    /// A condition does not fit the schema: a defect.
    pub fn of(program: &Program, input: usize, schema: &SchemaRef) -> Result<Self> {
        let df_schema = DFSchema::try_from(schema.as_ref().clone()).map_err(planning)?;
        let (properties, context) = (ExecutionProps::new(), PhysicalPlanningContext::default());
        let mut scans = Vec::new();
        let mut columns = Vec::new();
        for scan in program.scans().iter().filter(|s| s.input == input) {
            let mut predicates = Vec::new();
            for condition in &scan.filters {
                let text = condition.to_string();
                let Ok(bare) = without_qualifiers(condition.clone()) else { continue };
                let Ok(expr) = create_physical_expr(&bare, &df_schema, &properties, &context) else {
                    continue;
                };
                let Ok(predicate) =
                    PruningPredicateBuilder::new().with_file_schema(SchemaRef::clone(schema)).try_build(expr)
                else {
                    continue;
                };
                if !predicate.always_true() {
                    let used = condition.column_refs();
                    columns.extend(used.iter().map(|c| c.name.clone()));
                    predicates.push((text, predicate));
                }
            }
            scans.push(predicates);
        }
        columns.sort_unstable();
        columns.dedup();
        Ok(Self { scans, columns })
    }
}

/// Conditions name columns by table alias; a unit's statistics do not.
fn without_qualifiers(expr: Expr) -> datafusion::common::Result<Expr> {
    use datafusion::common::tree_node::{Transformed, TreeNode};
    expr.transform(|e| {
        Ok(match e {
            Expr::Column(c) => Transformed::yes(Expr::Column(Column::new_unqualified(c.name))),
            other => Transformed::no(other),
        })
    })
    .map(|t| t.data)
}

impl Excludes for Conditions {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn excluded(&self, units: &UnitStats) -> Result<Vec<Option<String>>> {
        let mut reasons: Option<Vec<Option<String>>> = None;
        for scan in &self.scans {
            let mut of_scan = vec![None; arrow::array::Array::len(&units.rows)];
            for (text, predicate) in scan {
                let keep = predicate.prune(&Stats(units)).map_err(planning)?;
                for (reason, keep) in of_scan.iter_mut().zip(keep) {
                    if !keep && reason.is_none() {
                        *reason = Some(text.clone());
                    }
                }
            }
            reasons = Some(match reasons {
                None => of_scan,
                Some(before) => {
                    before.into_iter().zip(of_scan).map(|(a, b)| a.zip(b).map(|(a, _)| a)).collect()
                }
            });
        }
        Ok(reasons.unwrap_or_default())
    }

    fn is_trivial(&self) -> bool {
        self.scans.is_empty() || self.scans.iter().any(Vec::is_empty)
    }
}

struct Stats<'a>(&'a UnitStats);

impl PruningStatistics for Stats<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.0.columns.get(&column.name).map(|b| b.min.clone())
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.0.columns.get(&column.name).map(|b| b.max.clone())
    }

    fn num_containers(&self) -> usize {
        arrow::array::Array::len(&self.0.rows)
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        self.0.columns.get(&column.name).map(|b| std::sync::Arc::new(b.nulls.clone()) as ArrayRef)
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(std::sync::Arc::new(self.0.rows.clone()))
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
