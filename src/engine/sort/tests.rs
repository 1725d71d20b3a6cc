use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringViewArray};
use arrow::compute::SortOptions;
use arrow::datatypes::Int64Type;
use proptest::prelude::*;

use super::*;
use crate::engine::sample;

/// Number, text, float, and where the row stood in the input.
type Row = (Option<i64>, Option<String>, f64, i64);

fn batch(rows: &[Row]) -> RecordBatch {
    let number = Int64Array::from_iter(rows.iter().map(|r| r.0));
    let text: StringViewArray = rows.iter().map(|r| r.1.as_deref()).collect();
    let float = Float64Array::from_iter_values(rows.iter().map(|r| r.2));
    let place = Int64Array::from_iter_values(rows.iter().map(|r| r.3));
    RecordBatch::try_from_iter_with_nullable(vec![
        ("number", Arc::new(number) as ArrayRef, true),
        ("text", Arc::new(text), true),
        ("float", Arc::new(float), true),
        ("place", Arc::new(place), true),
    ])
    .expect("batch")
}

fn places(batches: &[RecordBatch]) -> Vec<i64> {
    batches.iter().flat_map(|b| b.column(3).as_primitive::<Int64Type>().values().to_vec()).collect()
}

fn compare(a: &Row, b: &Row, keys: &[(usize, SortOptions)]) -> Ordering {
    fn one<T>(a: Option<&T>, b: Option<&T>, o: SortOptions, cmp: impl Fn(&T, &T) -> Ordering) -> Ordering {
        let nulls = if o.nulls_first { b.is_none().cmp(&a.is_none()) } else { a.is_none().cmp(&b.is_none()) };
        nulls.then_with(|| match a.zip(b) {
            Some((left, right)) if o.descending => cmp(right, left),
            Some((left, right)) => cmp(left, right),
            None => Ordering::Equal,
        })
    }
    keys.iter().fold(Ordering::Equal, |so_far, (column, o)| {
        so_far.then_with(|| match column {
            0 => one(a.0.as_ref(), b.0.as_ref(), *o, Ord::cmp),
            1 => one(a.1.as_ref(), b.1.as_ref(), *o, Ord::cmp),
            _ => one(Some(&a.2), Some(&b.2), *o, f64::total_cmp),
        })
    })
}

fn expected(rows: &[Row], keys: &SortKeys, limit: Option<usize>) -> Vec<i64> {
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by(|a, b| compare(a, b, &keys.columns));
    rows.into_iter().take(limit.unwrap_or(usize::MAX)).map(|r| r.3).collect()
}

fn sorted(
    rows: &[Row],
    step: usize,
    keys: &SortKeys,
    limit: Option<usize>,
    memory: u64,
) -> Result<Vec<RecordBatch>> {
    let dir = tempfile::tempdir().expect("dir");
    let budget = Budget::new(memory);
    let spill = SpillDir::new(dir.path());
    let mut sorter = Sorter::new(&batch(&[]).schema(), keys.clone(), limit, &budget, &spill)?;
    for chunk in rows.chunks(step) {
        sorter.push(&batch(chunk))?;
    }
    let batches = sorter.finish()?.collect::<Result<Vec<_>>>()?;
    assert_eq!(budget.used(), 0, "memory is given back");
    Ok(batches)
}

fn made(count: usize) -> Vec<Row> {
    // A small multiplicative generator: many ties in the first two keys.
    let mut state = 12_345_u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    (0..count)
        .map(|place| {
            let number = next() % 50;
            let text = next() % 40;
            let floats = [0.0, -0.0, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.5, -2.25];
            (
                (number > 0).then(|| i64::try_from(number).expect("small") - 25),
                (text > 3)
                    .then(|| format!("{}{}", "same first bytes ".repeat(usize::from(text % 2 == 1)), text)),
                floats[usize::try_from(next() % 8).expect("small")],
                i64::try_from(place).expect("small"),
            )
        })
        .collect()
}

fn every_key() -> Vec<SortKeys> {
    let options = [(false, false), (false, true), (true, false), (true, true)]
        .map(|(descending, nulls_first)| SortOptions { descending, nulls_first });
    let mut keys = Vec::new();
    for (i, o) in options.into_iter().enumerate() {
        for column in 0..3 {
            keys.push(SortKeys { columns: vec![(column, o)] });
        }
        keys.push(SortKeys { columns: vec![(0, o), (1, options[3 - i])] });
        keys.push(SortKeys { columns: vec![(1, o), (2, options[i / 2]), (0, o)] });
    }
    keys
}

#[test]
fn stable_and_equal_whatever_the_memory() {
    let rows = made(20_000);
    for keys in every_key() {
        let want = expected(&rows, &keys, None);
        for (memory, step) in [(u64::MAX, 3000), (0, 20_000), (600_000, 777)] {
            let got = sorted(&rows, step, &keys, None, memory).expect("sorted");
            assert_eq!(places(&got), want, "{keys:?} memory={memory}");
            let sizes: Vec<usize> = got.iter().map(RecordBatch::num_rows).collect();
            assert_eq!(sizes, [8192, 8192, 20_000 - 2 * 8192]);
        }
    }
}

#[test]
fn the_first_rows_only() {
    let rows = made(30_000);
    for keys in every_key().into_iter().step_by(3) {
        for limit in [0, 1, 100, 9000, 40_000] {
            let want = expected(&rows, &keys, Some(limit));
            for memory in [u64::MAX, 0] {
                let got = sorted(&rows, 1000, &keys, Some(limit), memory).expect("sorted");
                assert_eq!(places(&got), want, "{keys:?} limit={limit} memory={memory}");
            }
        }
    }
}

#[test]
fn top_k_holds_little() {
    let rows = made(60_000);
    let budget = Budget::new(u64::MAX);
    let spill = SpillDir::new("/nonexistent");
    let keys = SortKeys { columns: vec![(0, SortOptions::default()), (1, SortOptions::default())] };
    let mut sorter = Sorter::new(&batch(&[]).schema(), keys, Some(10), &budget, &spill).expect("sorter");
    for chunk in rows.chunks(500) {
        sorter.push(&batch(chunk)).expect("push");
    }
    drop(sorter.finish().expect("finish"));
    assert!(budget.peak() < 20_000 * 150, "{}", budget.peak());
}

#[test]
fn many_inputs_merge_in_passes() {
    let rows = made(30_000);
    let keys = SortKeys { columns: vec![(0, SortOptions::default()), (2, SortOptions::default())] };
    let want = expected(&rows, &keys, None);
    for (inputs, limit) in [(1, None), (2, None), (64, None), (65, Some(5000)), (5000, None)] {
        for memory in [u64::MAX, 0, 100_000] {
            let dir = tempfile::tempdir().expect("dir");
            let budget = Budget::new(memory);
            let sorted: Vec<Batches> = rows
                .chunks(rows.len().div_ceil(inputs))
                .map(|chunk| {
                    let mut chunk = chunk.to_vec();
                    chunk.sort_by(|a, b| compare(a, b, &keys.columns));
                    let batches: Vec<_> = chunk.chunks(2500).map(|rows| Ok(batch(rows))).collect();
                    Box::new(batches.into_iter()) as Batches
                })
                .collect();
            let spill = SpillDir::new(dir.path());
            let schema = batch(&[]).schema();
            let merged = merge_sorted(&schema, sorted, &keys, limit, &budget, &spill).expect("merge");
            let got = merged.collect::<Result<Vec<_>>>().expect("merged");
            let limit = limit.unwrap_or(rows.len());
            assert_eq!(places(&got), want[..limit], "inputs={inputs} memory={memory}");
            assert!(got.iter().rev().skip(1).all(|b| b.num_rows() == BATCH_ROWS));
            assert_eq!(budget.used(), 0);
        }
    }
}

#[test]
fn nothing_and_errors_pass_through() {
    let keys = SortKeys { columns: vec![(0, SortOptions::default())] };
    assert!(sorted(&[], 1, &keys, None, 0).expect("sorted").is_empty());
    let schema = batch(&[]).schema();
    let spill = SpillDir::new("/nonexistent");
    let none = merge_sorted(&schema, Vec::new(), &keys, None, &Budget::new(0), &spill).expect("merge");
    assert_eq!(none.count(), 0);
    let failing: Vec<Batches> = vec![
        Box::new(vec![Ok(batch(&made(3)))].into_iter()),
        Box::new(vec![Err(Error::transient("gone"))].into_iter()),
    ];
    let mut merged = merge_sorted(&schema, failing, &keys, None, &Budget::new(0), &spill).expect("merge");
    assert!(merged.next().is_some_and(|r| r.is_err()));
    assert!(merged.next().is_none());
    let out_of_range = SortKeys { columns: vec![(9, SortOptions::default())] };
    assert!(Sorter::new(&schema, out_of_range, None, &Budget::new(0), &spill).is_err());
}

#[test]
fn all_types_can_be_carried_and_sorted_by() {
    let dir = tempfile::tempdir().expect("dir");
    let whole = sample::all_types(0, 300, 0);
    let want: Vec<String> = sample::rows_of(std::slice::from_ref(&whole));
    for column in 0..whole.num_columns() {
        let keys = SortKeys { columns: vec![(column, SortOptions::default())] };
        let run = |memory| {
            let spill = SpillDir::new(dir.path());
            let budget = Budget::new(memory);
            let mut sorter =
                Sorter::new(&whole.schema(), keys.clone(), None, &budget, &spill).expect("sorter");
            for start in (0..300).step_by(50) {
                sorter.push(&sample::all_types(start, 50, 1)).expect("push");
            }
            let batches = sorter.finish().expect("finish").collect::<Result<Vec<_>>>().expect("sorted");
            assert!(batches.iter().all(|b| b.schema() == whole.schema()));
            sample::rows_of(&batches)
        };
        let (wide, tight) = (run(u64::MAX), run(0));
        assert_eq!(wide, tight);
        let (mut got, mut all) = (wide, want.clone());
        got.sort();
        all.sort();
        assert_eq!(got, all);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn like_the_stable_sort_of_std(
        count in 0_usize..400,
        step in 1_usize..100,
        which in 0_usize..20,
        limit in proptest::option::of(0_usize..300),
        memory in prop_oneof![Just(0), Just(20_000), Just(u64::MAX)],
    ) {
        let rows = made(count);
        let keys = every_key().swap_remove(which);
        let got = sorted(&rows, step, &keys, limit, memory).expect("sorted");
        prop_assert_eq!(places(&got), expected(&rows, &keys, limit));
    }
}
