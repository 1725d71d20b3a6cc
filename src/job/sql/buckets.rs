//! Cuts grouped partials by a hash of the key, so that buckets are merged one by one.

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take_arrays;
use datafusion::common::hash_utils::{RandomState, create_hashes};

use super::errors::running;
use crate::error::{Error, Result};

/// Another seed than DataFusion's own hash tables use: rows of one bucket must still spread there.
const SEED: u64 = 0x6470_6275_636b_6574;

/// The rows of `batch` by bucket (those that have any), each in the order of the batch. The first
/// `keys` columns are the key. The hash is fixed: equal keys meet in one bucket in every process.
///
/// # Errors
/// A key type that cannot be hashed.
pub fn split_by_hash(batch: &RecordBatch, keys: usize, buckets: u32) -> Result<Vec<(u32, RecordBatch)>> {
    let rows = batch.num_rows();
    if rows == 0 {
        return Ok(Vec::new());
    }
    if buckets <= 1 || keys == 0 {
        return Ok(vec![(0, batch.clone())]);
    }
    let key_columns: Vec<&dyn Array> =
        batch.columns().iter().take(keys).map(|c| c.as_ref() as &dyn Array).collect();
    let mut hashes = vec![0_u64; rows];
    create_hashes(key_columns, &RandomState::with_seed(SEED), &mut hashes).map_err(running)?;
    let bucket_of =
        |hash: &u64| usize::try_from((u128::from(*hash) * u128::from(buckets)) >> 64).unwrap_or(0);

    // Counting sort of the row numbers by bucket, stable.
    let mut starts = vec![0_u32; buckets as usize + 1];
    for hash in &hashes {
        starts[bucket_of(hash) + 1] += 1;
    }
    for b in 1..starts.len() {
        starts[b] += starts[b - 1];
    }
    let mut next = starts.clone();
    let mut order = vec![0_u32; rows];
    for (row, hash) in (0_u32..).zip(&hashes) {
        let slot = &mut next[bucket_of(hash)];
        order[*slot as usize] = row;
        *slot += 1;
    }
    let order = UInt32Array::from(order);
    let columns: Vec<ArrayRef> = take_arrays(batch.columns(), &order, None).map_err(internal)?;
    let sorted = RecordBatch::try_new(batch.schema(), columns).map_err(internal)?;
    Ok((0..buckets)
        .map(|b| (b, starts[b as usize] as usize, starts[b as usize + 1] as usize))
        .filter(|(_, start, end)| end > start)
        .map(|(b, start, end)| (b, sorted.slice(start, end - start)))
        .collect())
}

fn internal(error: arrow::error::ArrowError) -> Error {
    Error::internal("rows cannot be cut into buckets").because(error)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray, Int64Array};
    use arrow::datatypes::{DataType, Field, Int64Type, Schema};

    use super::*;

    #[test]
    fn every_row_is_in_the_bucket_of_its_key_and_in_order() {
        let schema = Arc::new(Schema::new(vec![
            Field::new("k", DataType::Int64, true),
            Field::new("row", DataType::Int64, false),
        ]));
        let keys = Int64Array::from_iter((0..1000).map(|i| (i % 7 != 0).then_some(i % 50)));
        let rows = Int64Array::from_iter_values(0..1000);
        let batch = RecordBatch::try_new(schema, vec![Arc::new(keys), Arc::new(rows)]).unwrap();
        let parts = split_by_hash(&batch, 1, 16).unwrap();
        assert!(parts.len() > 8, "50 keys must spread over more than 8 of 16 buckets");
        let mut home = std::collections::HashMap::new();
        let mut seen = 0;
        for (bucket, part) in &parts {
            let keys = part.column(0).as_primitive::<Int64Type>();
            let rows: Vec<i64> = part.column(1).as_primitive::<Int64Type>().values().to_vec();
            assert!(rows.is_sorted());
            seen += rows.len();
            for key in keys {
                assert_eq!(*home.entry(key).or_insert(*bucket), *bucket);
            }
        }
        assert_eq!(seen, 1000);
    }
}
