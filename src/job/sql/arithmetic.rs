//! Integer arithmetic that never wraps: `+ - *` and unary minus on integers become functions that
//! use Arrow's checked kernels. The functions keep the operators' names, so columns are named as
//! the statement has them.

use std::sync::{Arc, LazyLock};

use arrow::array::Datum;
use arrow::compute::kernels::numeric::{add, mul, neg, sub};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result as DfResult};
use datafusion::logical_expr::expr::{BinaryExpr, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::physical_expr_common::datum::apply;

/// Puts the checked functions in place of the operators. Runs after type coercion, when both sides
/// have one type.
#[derive(Debug)]
pub(super) struct CheckedArithmetic;

impl AnalyzerRule for CheckedArithmetic {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> DfResult<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| {
            let mut schema = merge_schema(&plan.inputs());
            if let LogicalPlan::TableScan(scan) = &plan {
                schema.merge(&scan.projected_schema);
            }
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expr| {
                let name = names.save(&expr);
                let expr = expr.transform_up(|e| Ok(checked(e, &schema)))?;
                Ok(expr.update_data(|e| name.restore(e)))
            })
        })
        .map(|plan| plan.data)
    }

    fn name(&self) -> &'static str {
        "checked_arithmetic"
    }
}

fn checked(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    // Asking a deep expression for its type takes a time that grows with the cube of its depth.
    let is_checked = |e: &Expr| matches!(e, Expr::ScalarFunction(f) if f.func.inner().is::<Checked>());
    let is_integer = |e: &Expr| is_checked(e) || e.get_type(schema).is_ok_and(|t| t.is_integer());
    let (op, args) = match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply)
                && is_integer(&left)
                && is_integer(&right) =>
        {
            let op = match op {
                Operator::Plus => &*ADD,
                Operator::Minus => &*SUBTRACT,
                _ => &*MULTIPLY,
            };
            (op, vec![*left, *right])
        }
        Expr::Negative(inner) if is_integer(&inner) && !matches!(*inner, Expr::Literal(..)) => {
            (&*NEGATE, vec![*inner])
        }
        other => return Transformed::no(other),
    };
    Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(op), args)))
}

type Kernel = fn(&dyn Datum, &dyn Datum) -> Result<arrow::array::ArrayRef, ArrowError>;

static ADD: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Checked::udf("checked_add", "+"));
static SUBTRACT: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Checked::udf("checked_subtract", "-"));
static MULTIPLY: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Checked::udf("checked_multiply", "*"));
static NEGATE: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Checked::udf("checked_negate", "-"));

/// One checked operator.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    name: &'static str,
    sign: &'static str,
    signature: Signature,
}

impl Checked {
    fn udf(name: &'static str, sign: &'static str) -> Arc<ScalarUDF> {
        let signature = Signature::variadic_any(Volatility::Immutable);
        Arc::new(ScalarUDF::from(Self { name, sign, signature }))
    }

    fn kernel(&self) -> Kernel {
        match self.name {
            "checked_add" => add,
            "checked_subtract" => sub,
            _ => mul,
        }
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn schema_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(match args {
            [left, right] => format!("{} {} {}", left.schema_name(), self.sign, right.schema_name()),
            [one] => format!("(- {})", one.schema_name()),
            _ => self.name.to_owned(),
        })
    }

    fn return_type(&self, arg_types: &[DataType]) -> DfResult<DataType> {
        Ok(arg_types.first().cloned().unwrap_or(DataType::Int64))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        match args.args.as_slice() {
            [left, right] => apply(left, right, self.kernel()),
            [one] => Ok(ColumnarValue::Array(neg(&one.to_array(args.number_rows)?)?)),
            other => {
                datafusion::common::internal_err!("{} takes 1 or 2 arguments, not {}", self.name, other.len())
            }
        }
    }
}
