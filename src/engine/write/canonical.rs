//! One form for equal rows: what an array holds where it is NULL, or behind its end, is left over
//! from how it was made and must not reach a file.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, GenericListArray, MapArray, OffsetSizeTrait, RecordBatch,
    StructArray, UInt32Array, make_array,
};
use arrow::compute::take;
use arrow::datatypes::{DataType, FieldRef};
use arrow::error::ArrowError;

use crate::engine::flat;
use crate::error::Result;

/// The same rows, in buffers that depend on their values alone.
pub(super) fn canonical(batch: &RecordBatch) -> Result<RecordBatch> {
    let columns = batch
        .columns()
        .iter()
        .map(|column| canonical_array(column))
        .collect::<Result<Vec<_>, _>>()
        .map_err(super::encoding)?;
    flat::from_columns(batch.schema_ref(), columns, batch.num_rows())
}

/// Taking all rows one by one writes zeros, or nothing, for each NULL. What lies inside of lists
/// and structs is made canonical after that, when only what is shown is left.
fn canonical_array(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let rows = u32::try_from(array.len()).map_err(|e| ArrowError::ComputeError(e.to_string()))?;
    let nulls = array.nulls().filter(|n| n.null_count() > 0).cloned();
    let all = UInt32Array::new((0..rows).collect::<Vec<u32>>().into(), nulls);
    let taken = take(array, &all, None)?;
    match taken.data_type() {
        DataType::List(field) => list(taken.as_list::<i32>(), field),
        DataType::LargeList(field) => list(taken.as_list::<i64>(), field),
        DataType::FixedSizeList(field, size) => {
            let values = taken.as_fixed_size_list();
            let inner = canonical_array(values.values())?;
            let list = FixedSizeListArray::try_new_with_length(
                field.clone(),
                *size,
                inner,
                taken.nulls().cloned(),
                taken.len(),
            )?;
            Ok(Arc::new(list))
        }
        DataType::Map(field, sorted) => {
            let map = taken.as_map();
            let entries = struct_array(map.entries())?;
            let map = MapArray::try_new(
                field.clone(),
                map.offsets().clone(),
                entries,
                map.nulls().cloned(),
                *sorted,
            )?;
            Ok(Arc::new(map))
        }
        DataType::Struct(_) => Ok(Arc::new(struct_array(taken.as_struct())?)),
        // Null buffers without a NULL, and offsets, are dropped here.
        _ => Ok(make_array(taken.to_data())),
    }
}

fn list<O: OffsetSizeTrait>(array: &GenericListArray<O>, field: &FieldRef) -> Result<ArrayRef, ArrowError> {
    let values = canonical_array(array.values())?;
    let list = GenericListArray::<O>::try_new(
        field.clone(),
        array.offsets().clone(),
        values,
        array.nulls().cloned(),
    )?;
    Ok(Arc::new(list))
}

fn struct_array(array: &StructArray) -> Result<StructArray, ArrowError> {
    let columns = array.columns().iter().map(canonical_array).collect::<Result<Vec<_>, _>>()?;
    StructArray::try_new_with_length(array.fields().clone(), columns, array.nulls().cloned(), array.len())
}
