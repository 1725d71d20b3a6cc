//! One form for equal rows: what an array holds where it is NULL, or behind its end, is left over
//! from how it was made and must not reach a file.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, FixedSizeBinaryArray, FixedSizeListArray,
    GenericListArray, MapArray, OffsetSizeTrait, PrimitiveArray, RecordBatch, StructArray, UInt32Array,
    downcast_primitive_array,
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
        .map(canonical_array)
        .collect::<Result<Vec<_>, _>>()
        .map_err(super::encoding)?;
    flat::from_columns(batch.schema_ref(), columns, batch.num_rows())
}

/// Values are written anew one by one, with zeros or nothing for each NULL. What lies inside of
/// lists and structs is made canonical after that, when only what is shown is left.
fn canonical_array(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    downcast_primitive_array! {
        array => return Ok(primitive(array)),
        DataType::Boolean => return Ok(Arc::new(array.as_boolean().iter().collect::<BooleanArray>())),
        DataType::FixedSizeBinary(size) => {
            let values = array.as_fixed_size_binary().iter();
            return Ok(Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(values, *size)?));
        }
        _ => ()
    }
    let taken = shown(array)?;
    match taken.data_type() {
        DataType::List(field) => list(taken.as_list::<i32>(), field),
        DataType::LargeList(field) => list(taken.as_list::<i64>(), field),
        DataType::FixedSizeList(field, size) => {
            let values = canonical_array(taken.as_fixed_size_list().values())?;
            let (nulls, rows) = (taken.nulls().cloned(), taken.len());
            let list = FixedSizeListArray::try_new_with_length(field.clone(), *size, values, nulls, rows)?;
            Ok(Arc::new(list))
        }
        DataType::Map(field, sorted) => {
            let map = taken.as_map();
            let entries = struct_array(map.entries())?;
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            Ok(Arc::new(MapArray::try_new(field.clone(), offsets, entries, nulls, *sorted)?))
        }
        DataType::Struct(_) => Ok(Arc::new(struct_array(taken.as_struct())?)),
        _ => Ok(taken),
    }
}

fn primitive<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>) -> ArrayRef {
    let rebuilt: PrimitiveArray<T> = array.iter().collect();
    Arc::new(rebuilt.with_data_type(array.data_type().clone()))
}

/// A copy of what the rows show: nothing of what a NULL hides, nothing behind the ends.
fn shown(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let rows = u32::try_from(array.len()).map_err(|e| ArrowError::ComputeError(e.to_string()))?;
    let nulls = array.nulls().filter(|n| n.null_count() > 0).cloned();
    let all = UInt32Array::new((0..rows).collect::<Vec<u32>>().into(), nulls);
    take(array, &all, None)
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
