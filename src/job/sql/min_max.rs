//! `min` and `max` of floats by groups, in the one order that floats have everywhere else in dp: -inf, numbers,
//! inf, NaN. DataFusion's own begin at the largest finite number, which is in the result of a group of
//! infinities, and what they make of NaN depends on the order of the rows.

use std::mem::size_of;
use std::sync::Arc;

use arrow::array::types::{Float16Type, Float32Type, Float64Type};
use arrow::array::{
    Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray,
};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result as DfResult, ScalarValue};
use datafusion::functions_aggregate::min_max::{Max, Min};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, SetMonotonicity, Signature,
    StatisticsArgs,
};

/// `min` or `max` with ordered floats.
#[derive(Debug, PartialEq, Eq, Hash, Default)]
pub(super) struct Ordered<F> {
    inner: F,
}

/// Which of two values stays.
pub(super) trait Side:
    AggregateUDFImpl + Default + PartialEq + Eq + std::hash::Hash + 'static
{
    const MAX: bool;
}

impl Side for Min {
    const MAX: bool = false;
}

impl Side for Max {
    const MAX: bool = true;
}

impl<F: Side> AggregateUDFImpl for Ordered<F> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> DfResult<DataType> {
        self.inner.return_type(arg_types)
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> DfResult<Vec<DataType>> {
        self.inner.coerce_types(arg_types)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> DfResult<Vec<FieldRef>> {
        self.inner.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        self.inner.accumulator(args)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        self.inner.create_sliding_accumulator(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn GroupsAccumulator>> {
        Ok(match args.return_field.data_type() {
            DataType::Float16 => Box::new(Groups::<Float16Type, F>::default()),
            DataType::Float32 => Box::new(Groups::<Float32Type, F>::default()),
            DataType::Float64 => Box::new(Groups::<Float64Type, F>::default()),
            _ => return self.inner.create_groups_accumulator(args),
        })
    }

    fn is_descending(&self) -> Option<bool> {
        self.inner.is_descending()
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.inner.order_sensitivity()
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.inner.reverse_expr()
    }

    fn value_from_stats(&self, statistics: &StatisticsArgs) -> Option<ScalarValue> {
        self.inner.value_from_stats(statistics)
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.inner.set_monotonicity(data_type)
    }
}

/// The extreme of each group so far; `None`: no value.
struct Groups<T: ArrowPrimitiveType, F> {
    best: Vec<Option<T::Native>>,
    side: std::marker::PhantomData<F>,
}

impl<T: ArrowPrimitiveType, F> Default for Groups<T, F> {
    fn default() -> Self {
        Self { best: Vec::new(), side: std::marker::PhantomData }
    }
}

fn counts(filter: Option<&BooleanArray>, row: usize) -> bool {
    filter.is_none_or(|f| f.is_valid(row) && f.value(row))
}

impl<T: ArrowPrimitiveType + Send + Sync, F: Send + Sync + Side> GroupsAccumulator for Groups<T, F>
where
    T::Native: ArrowNativeTypeOp,
{
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> DfResult<()> {
        self.best.resize(total_num_groups, None);
        let Some(values) = values.first() else { return Ok(()) };
        for (row, (value, group)) in values.as_primitive::<T>().iter().zip(group_indices).enumerate() {
            let (Some(value), true) = (value, counts(opt_filter, row)) else { continue };
            let best = &mut self.best[*group];
            let better = |b: T::Native| if F::MAX { value.is_gt(b) } else { value.is_lt(b) };
            if best.is_none_or(better) {
                *best = Some(value);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> DfResult<ArrayRef> {
        let best = emit_to.take_needed(&mut self.best);
        Ok(Arc::new(PrimitiveArray::<T>::from_iter(best)))
    }

    fn state(&mut self, emit_to: EmitTo) -> DfResult<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> DfResult<()> {
        self.update_batch(values, group_indices, None, total_num_groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> DfResult<Vec<ArrayRef>> {
        let of = |values: &ArrayRef| {
            let rows = values.as_primitive::<T>().iter().enumerate();
            let kept = rows.map(|(row, value)| value.filter(|_| counts(opt_filter, row)));
            Arc::new(PrimitiveArray::<T>::from_iter(kept)) as ArrayRef
        };
        Ok(values.iter().map(of).collect())
    }

    fn size(&self) -> usize {
        self.best.capacity() * size_of::<Option<T::Native>>()
    }
}
