//! `sum` that never wraps: DataFusion's own adds integers (and decimals at the limit of their
//! precision) with wrap-around, so its accumulators run here over a wider type, and the result is
//! narrowed with a check.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result as DfResult, ScalarValue, exec_err};
use datafusion::functions_aggregate::sum::Sum;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, Signature,
};

/// Rows of decimals of this precision that a 38-digit sum holds for sure: 10^10.
const SAFE_DECIMAL_PRECISION: u8 = 28;

/// The checked `sum`.
#[derive(Debug, PartialEq, Eq, Hash, Default)]
pub(super) struct CheckedSum {
    inner: Sum,
}

/// The type that sums of `result` are added in.
fn wide(result: &DataType) -> DataType {
    match result {
        DataType::Int64 | DataType::UInt64 => DataType::Decimal128(38, 0),
        DataType::Decimal128(precision, scale) if *precision > SAFE_DECIMAL_PRECISION + 10 - 1 => {
            DataType::Decimal256(76, *scale)
        }
        other => other.clone(),
    }
}

fn convert(values: &ArrayRef, to: &DataType) -> DfResult<ArrayRef> {
    if values.data_type() == to {
        return Ok(Arc::clone(values));
    }
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(values, to, &strict).or_else(|_| {
        exec_err!("sum overflows {to}: cast the argument to a wider type, such as DECIMAL(38, 0) or DOUBLE")
    })
}

impl CheckedSum {
    /// Calls `make` with arguments whose result type is the wide one.
    fn widened<T>(
        &self,
        args: &AccumulatorArgs,
        make: impl FnOnce(&Sum, AccumulatorArgs) -> DfResult<T>,
    ) -> DfResult<(T, DataType, DataType)> {
        let narrow = args.return_field.data_type().clone();
        let wide = wide(&narrow);
        let field: FieldRef = Arc::new(Field::new(args.return_field.name(), wide.clone(), true));
        let inner = make(&self.inner, AccumulatorArgs { return_field: field, ..args.clone() })?;
        Ok((inner, wide, narrow))
    }
}

impl AggregateUDFImpl for CheckedSum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> DfResult<DataType> {
        self.inner.return_type(arg_types)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> DfResult<Vec<FieldRef>> {
        let wide = wide(args.return_field.data_type());
        let field: FieldRef = Arc::new(Field::new(args.return_field.name(), wide, true));
        self.inner.state_fields(StateFieldsArgs { return_field: field, ..args })
    }

    fn accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        let (inner, wide, narrow) = self.widened(&args, AggregateUDFImpl::accumulator)?;
        Ok(Box::new(Rows { inner, wide, narrow }))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        let (inner, wide, narrow) = self.widened(&args, AggregateUDFImpl::create_sliding_accumulator)?;
        Ok(Box::new(Rows { inner, wide, narrow }))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn GroupsAccumulator>> {
        let (inner, wide, narrow) = self.widened(&args, AggregateUDFImpl::create_groups_accumulator)?;
        Ok(Box::new(Groups { inner, wide, narrow }))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// A sum without groups.
#[derive(Debug)]
struct Rows {
    inner: Box<dyn Accumulator>,
    wide: DataType,
    narrow: DataType,
}

impl Rows {
    fn widen(&self, values: &[ArrayRef]) -> DfResult<Vec<ArrayRef>> {
        values.iter().map(|v| convert(v, &self.wide)).collect()
    }
}

impl Accumulator for Rows {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        let values = self.widen(values)?;
        self.inner.update_batch(&values)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        let values = self.widen(values)?;
        self.inner.retract_batch(&values)
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DfResult<()> {
        self.inner.merge_batch(states)
    }

    fn state(&mut self) -> DfResult<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn evaluate(&mut self) -> DfResult<ScalarValue> {
        let value = self.inner.evaluate()?.to_array()?;
        ScalarValue::try_from_array(&convert(&value, &self.narrow)?, 0)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}

/// Sums of groups.
struct Groups {
    inner: Box<dyn GroupsAccumulator>,
    wide: DataType,
    narrow: DataType,
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> DfResult<()> {
        let values: Vec<ArrayRef> = values.iter().map(|v| convert(v, &self.wide)).collect::<DfResult<_>>()?;
        self.inner.update_batch(&values, group_indices, opt_filter, total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> DfResult<ArrayRef> {
        convert(&self.inner.evaluate(emit_to)?, &self.narrow)
    }

    fn state(&mut self, emit_to: EmitTo) -> DfResult<Vec<ArrayRef>> {
        self.inner.state(emit_to)
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> DfResult<()> {
        self.inner.merge_batch(values, group_indices, total_num_groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> DfResult<Vec<ArrayRef>> {
        let values: Vec<ArrayRef> = values.iter().map(|v| convert(v, &self.wide)).collect::<DfResult<_>>()?;
        self.inner.convert_to_state(&values, opt_filter)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}
