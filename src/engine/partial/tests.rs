use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use bytes::Bytes;

use super::*;
use crate::engine::sample;
use crate::error::Result;

/// A file that counts what is read.
struct Counting(Bytes, AtomicU64);

impl Ranges for Counting {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        self.1.fetch_add(range.end - range.start, Ordering::Relaxed);
        self.0.read(range)
    }
}

fn bucket(number: u32) -> Vec<RecordBatch> {
    let from = number as usize * 10;
    match number % 4 {
        0 => Vec::new(),
        1 => vec![sample::all_types(from, 5, 0)],
        2 => vec![sample::all_types(from, 0, 0)],
        _ => vec![sample::all_types(from, 600, 0), sample::all_types(from + 7, 1, 0)],
    }
}

fn file(buckets: u32) -> Bytes {
    let schema = sample::all_types(0, 0, 0).schema();
    let mut writer = PartialWriter::new(Vec::new(), &schema, buckets).expect("writer");
    for number in 0..buckets {
        writer.write_bucket(number, &bucket(number)).expect("bucket");
    }
    let (bytes, rows) = writer.finish().expect("finish");
    let want: u64 = (0..buckets).flat_map(bucket).map(|b| b.num_rows() as u64).sum();
    assert_eq!(rows, want);
    bytes.into()
}

#[test]
fn rows_without_columns_come_back() {
    let nulls = RecordBatch::try_from_iter([("n", arrow::array::new_null_array(&DataType::Null, 7))]);
    let none = crate::engine::flat::from_columns(&Arc::new(Schema::empty()), Vec::new(), 7);
    for batch in [nulls.expect("a batch"), none.expect("a batch")] {
        let mut writer = PartialWriter::new(Vec::new(), &batch.schema(), 2).expect("writer");
        writer.write_bucket(0, &[batch.clone(), batch.clone()]).expect("bucket");
        writer.write_bucket(1, std::slice::from_ref(&batch)).expect("bucket");
        let bytes = Bytes::from(writer.finish().expect("finish").0);
        let reader = PartialReader::open(bytes).expect("open");
        assert_eq!(reader.read_bucket(0).expect("bucket"), [batch.clone(), batch.clone()]);
        assert_eq!(reader.read_bucket(1).expect("bucket"), [batch]);
    }
}

#[test]
fn buckets_come_back() {
    for buckets in [0, 1, 2, 9, 400] {
        let bytes = file(buckets);
        let reader = PartialReader::open(bytes.clone()).expect("open");
        assert_eq!(reader.buckets(), buckets);
        assert_eq!(reader.schema(), &sample::all_types(0, 0, 0).schema());
        for number in (0..buckets.min(9)).rev().chain([buckets, u32::MAX]) {
            let got = reader.read_bucket(number).expect("bucket");
            let mut want = if number < buckets { bucket(number) } else { Vec::new() };
            want.retain(|b| b.num_rows() > 0);
            assert_eq!(got.len(), want.len());
            assert_eq!(sample::rows_of(&got), sample::rows_of(&want));
            assert!(got.iter().all(|b| b.schema_ref() == reader.schema()));
            assert_eq!(reader.bucket_size(number).1, sample::rows_of(&want).len() as u64);
        }
    }
}

#[test]
fn names_nullability_and_metadata_stay() {
    let fields = vec![
        arrow::datatypes::Field::new("a", arrow::datatypes::DataType::Utf8View, false)
            .with_metadata(HashMap::from([("k".to_owned(), "v".to_owned())])),
        arrow::datatypes::Field::new("a", arrow::datatypes::DataType::Int64, true),
    ];
    let schema: SchemaRef = arrow::datatypes::Schema::new_with_metadata(
        fields,
        HashMap::from([("x".to_owned(), "y".to_owned())]),
    )
    .into();
    let writer = PartialWriter::new(Vec::new(), &schema, 5).expect("writer");
    let (bytes, _) = writer.finish().expect("finish");
    assert_eq!(PartialReader::open(Bytes::from(bytes)).expect("open").schema(), &schema);
}

#[test]
fn one_bucket_is_read_alone() {
    let file = Counting(file(8), AtomicU64::new(0));
    let reader = PartialReader::open(file).expect("open");
    let opened = reader.file.1.swap(0, Ordering::Relaxed);
    assert!(opened <= read::TAIL + 8192, "{opened}");
    reader.read_bucket(1).expect("bucket");
    assert_eq!(reader.file.1.load(Ordering::Relaxed), reader.bucket_size(1).0);
}

#[test]
fn buckets_out_of_order_are_a_defect() {
    let schema = sample::all_types(0, 0, 0).schema();
    let mut writer = PartialWriter::new(Vec::new(), &schema, 4).expect("writer");
    writer.write_bucket(2, &[]).expect("first");
    assert!(writer.write_bucket(2, &[]).is_err());
    assert!(writer.write_bucket(1, &[]).is_err());
    assert!(writer.write_bucket(4, &[]).is_err());
}

#[test]
fn torn_and_foreign_files_are_refused() {
    let whole = file(6);
    let buckets = |bytes: Bytes| -> Result<usize> {
        let reader = PartialReader::open(bytes)?;
        (0..6).map(|b| Ok(reader.read_bucket(b)?.len())).sum()
    };
    let want = buckets(whole.clone()).expect("whole");
    for end in (0..whole.len()).step_by(251).chain(whole.len() - 40..whole.len()) {
        assert!(buckets(whole.slice(..end)).is_err(), "cut at {end}");
    }
    for at in (0..whole.len()).step_by(211).chain(whole.len() - 500..whole.len()) {
        let mut bytes = whole.to_vec();
        bytes[at] ^= 0x41;
        // Only the magic at the front is not looked at.
        if let Ok(count) = buckets(bytes.into()) {
            assert!(at < MAGIC.len() && count == want, "flipped at {at}");
        }
    }
    for foreign in [&b""[..], b"PAR1", &[0; 500], &[0xFF; 500]] {
        let error = PartialReader::open(Bytes::from(foreign)).err().expect("foreign");
        assert_eq!(error.kind(), crate::error::Kind::BadData);
    }
    let mut newer = whole.to_vec();
    *newer.last_mut().expect("bytes") = 2;
    assert_eq!(
        PartialReader::open(Bytes::from(newer)).err().expect("newer").kind(),
        crate::error::Kind::Stop
    );
}
