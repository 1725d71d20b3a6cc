//! Damaged files are refused by name, whatever the damage.

use arrow::array::RecordBatch;
use bytes::Bytes;
use parquet::basic::Compression;
use proptest::prelude::*;

use super::super::footer;
use super::{Memory, at, everything, own_schema, read, simple, split, table, written};
use crate::error::{Kind, Result};
use crate::plan::{Extent, Table};

fn outcome(file: &Bytes, like: &Table) -> Result<RecordBatch> {
    let all: Vec<usize> = (0..like.schema.fields().len()).collect();
    read(file, like, &split(Extent::Whole, vec![]), &all)
}

#[test]
fn truncated_files_are_refused_by_name() {
    let file = written(&simple(100), 30, Compression::SNAPPY);
    let table = table(own_schema(&file), 0);
    for length in (0..file.len()).step_by(13).chain([1, 4, 7, 8, 11, 12, file.len() - 1]) {
        let error = outcome(&file.slice(..length), &table).expect_err("truncated");
        assert_eq!(error.kind(), Kind::BadData, "{length}: {error}");
        assert!(error.to_string().contains("memory.parquet"), "{error}");
    }
}

#[test]
fn other_files_are_refused_by_name() {
    let good = written(&simple(10), 30, Compression::SNAPPY);
    let mut encrypted = good.to_vec();
    let end = encrypted.len();
    encrypted[end - 4..].copy_from_slice(b"PARE");
    let mut huge = good.to_vec();
    huge[end - 8..end - 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let table = table(own_schema(&good), 0);
    for (bytes, text) in [
        (b"a,b\n1,2\n3,4\n5,6\n".to_vec(), "does not end as Parquet does"),
        (vec![0; 1_000_000], "does not end as Parquet does"),
        (encrypted, "encrypted"),
        (huge, "claims 4294967295 bytes"),
        ([&[0_u8; 16][..], &8_u32.to_le_bytes(), b"PAR1"].concat(), "damaged"),
    ] {
        let error = outcome(&bytes.into(), &table).expect_err("no Parquet");
        assert!(error.message().contains(text), "{error}");
    }
}

#[test]
fn a_damaged_page_names_row_group_and_column() {
    let file = written(&simple(5_000), 2_500, Compression::SNAPPY);
    let source = Memory(file.clone());
    let footer = footer(&source, None).expect("a footer");
    let (start, length) = footer.metadata().row_group(1).column(1).byte_range();
    let mut bytes = file.to_vec();
    for byte in &mut bytes[at(start)..at(start + length)] {
        *byte = 0xff;
    }
    let error = outcome(&bytes.into(), &table(own_schema(&file), 0)).expect_err("damaged");
    assert_eq!(error.kind(), Kind::BadData);
    assert!(error.to_string().contains("row_group=1, column=name"), "{error}");
}

#[test]
fn a_plan_with_other_row_groups_is_stopped() {
    let file = written(&simple(10), 5, Compression::SNAPPY);
    let table = table(own_schema(&file), 0);
    let extent = Extent::RowGroups { start: 1, end: 3 };
    assert_eq!(read(&file, &table, &split(extent, vec![]), &[0]).expect_err("gone").kind(), Kind::Stop);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Wherever bytes are flipped: an error that names the file, or batches of the table's schema.
    #[test]
    fn flipped_bytes_never_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let good = written(&simple(40), 20, Compression::SNAPPY);
        let table = table(own_schema(&good), 0);
        let mut bytes = good.to_vec();
        for (place, value) in flips {
            let place = place.index(bytes.len());
            bytes[place] ^= value;
        }
        match outcome(&bytes.into(), &table) {
            Ok(batch) => prop_assert_eq!(batch.num_columns(), 3),
            Err(error) => {
                prop_assert!(error.to_string().contains("memory.parquet"), "{}", error);
                prop_assert!(matches!(error.kind(), Kind::BadData | Kind::Stop), "{}", error);
            }
        }
    }

    /// The same for nested columns, which take other ways through the decoder.
    #[test]
    fn flipped_bytes_of_nested_columns_never_panic(place in any::<prop::sample::Index>(), value in 1..=255_u8) {
        let good = written(&everything(), 2, Compression::UNCOMPRESSED);
        let table = table(own_schema(&good), 0);
        let mut bytes = good.to_vec();
        let place = place.index(bytes.len());
        bytes[place] ^= value;
        if let Err(error) = outcome(&bytes.into(), &table) {
            prop_assert!(error.to_string().contains("memory.parquet"), "{}", error);
        }
    }
}
