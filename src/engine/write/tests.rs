use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use ::arrow::array::{ArrayRef, Date64Array, Int64Array, TimestampSecondArray, new_null_array};
use ::arrow::datatypes::{DataType, Field, IntervalUnit, Schema, UnionFields, UnionMode};
use ::arrow::ipc::reader::FileReader;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use ::parquet::file::metadata::RowGroupMetaData;
use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::engine::sample;
use crate::error::Kind;
use crate::spec::{IfExists, Location, OutputCompression};

type Files = Arc<Mutex<Vec<Vec<u8>>>>;

/// A file in memory that fails behind `room` bytes.
struct Memory {
    files: Files,
    bytes: Vec<u8>,
    room: usize,
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.room {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl FileSink for Memory {
    fn finish(self: Box<Self>) -> Result<FileDone> {
        let done = FileDone {
            bytes: self.bytes.len() as u64,
            blake3: blake3::hash(&self.bytes).to_hex().to_string(),
        };
        self.files.lock().expect("no panic").push(self.bytes);
        Ok(done)
    }
}

fn output(format: OutputFormat, compression: OutputCompression) -> Output {
    Output {
        url: Location::local(Path::new("/out")),
        format,
        compression,
        target_file_bytes: 1 << 30,
        row_group_rows: 20_000,
        if_exists: IfExists::Fail,
    }
}

fn every_output() -> Vec<Output> {
    use OutputCompression as C;
    use OutputFormat as F;
    [
        (F::Parquet, vec![C::None, C::Zstd, C::Snappy, C::Lz4, C::Gzip]),
        (F::Csv, vec![C::None, C::Zstd, C::Gzip]),
        (F::Jsonl, vec![C::None, C::Zstd, C::Gzip]),
        (F::Arrow, vec![C::None, C::Zstd, C::Lz4]),
    ]
    .into_iter()
    .flat_map(|(format, compressions)| compressions.into_iter().map(move |c| output(format, c)))
    .collect()
}

fn write_with(
    output: &Output,
    batches: &[RecordBatch],
    room: usize,
) -> Result<(Vec<OutputFile>, Vec<Vec<u8>>)> {
    let files = Files::default();
    let sinks = files.clone();
    let mut writer = OutputWriter::new(output, batches[0].schema_ref(), move |number| {
        assert_eq!(number as usize, sinks.lock().expect("no panic").len(), "files come in order");
        Ok(Box::new(Memory { files: sinks.clone(), bytes: Vec::new(), room }) as Box<dyn FileSink>)
    })?;
    for batch in batches {
        writer.write(batch)?;
    }
    let done = writer.finish()?;
    let files = std::mem::take(&mut *files.lock().expect("no panic"));
    Ok((done, files))
}

fn write(output: &Output, batches: &[RecordBatch]) -> (Vec<OutputFile>, Vec<Vec<u8>>) {
    write_with(output, batches, usize::MAX).expect("written")
}

/// The sample's rows in batches of `step` rows.
fn batches(format: OutputFormat, rows: usize, step: usize, garbage: u8) -> Vec<RecordBatch> {
    let make = if format == OutputFormat::Csv { sample::flat_types } else { sample::all_types };
    (0..rows).step_by(step).map(|from| make(from, step.min(rows - from), garbage)).collect()
}

fn unpack(output: &Output, bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match (output.format, output.compression) {
        (OutputFormat::Parquet | OutputFormat::Arrow, _) | (_, OutputCompression::None) => {
            plain.extend_from_slice(bytes);
        }
        (_, OutputCompression::Gzip) => {
            io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut plain).expect("gzip");
        }
        _ => plain = zstd::decode_all(bytes).expect("zstd"),
    }
    plain
}

/// Fields of CSV; `None` is the empty field without quotes.
fn parse_csv(text: &str) -> Vec<Vec<Option<String>>> {
    let (mut records, mut record) = (Vec::new(), Vec::new());
    let mut chars = text.chars().peekable();
    let (mut field, mut quoted) = (String::new(), false);
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quoted = true;
                while let Some(c) = chars.next() {
                    if c != '"' {
                        field.push(c);
                    } else if chars.next_if_eq(&'"').is_some() {
                        field.push('"');
                    } else {
                        break;
                    }
                }
            }
            ',' | '\n' => {
                let done = std::mem::take(&mut field);
                record.push((std::mem::take(&mut quoted) || !done.is_empty()).then_some(done));
                if c == '\n' {
                    records.push(std::mem::take(&mut record));
                }
            }
            other => field.push(other),
        }
    }
    assert!(record.is_empty() && field.is_empty(), "the last line has no end");
    records
}

fn read_back(output: &Output, files: &[Vec<u8>], schema: &SchemaRef) -> Vec<String> {
    let mut rows = Vec::new();
    let plain = flat::schema(schema, flat::Views::Plain);
    for bytes in files {
        let bytes = unpack(output, bytes);
        let batches: Vec<RecordBatch> = match output.format {
            OutputFormat::Parquet => {
                let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes)).expect("parquet");
                assert_eq!(reader.schema().fields(), plain.fields());
                reader.build().expect("reader").collect::<Result<_, _>>().expect("rows")
            }
            OutputFormat::Arrow => {
                let reader = FileReader::try_new(io::Cursor::new(bytes), None).expect("arrow");
                assert_eq!(reader.schema(), plain);
                reader.collect::<Result<_, _>>().expect("rows")
            }
            OutputFormat::Jsonl => {
                let text = String::from_utf8(bytes).expect("UTF-8");
                for line in text.lines() {
                    let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
                    assert_eq!(value.as_object().map(serde_json::Map::len), Some(schema.fields().len()));
                }
                ::arrow::json::ReaderBuilder::new(plain.clone())
                    .build(io::Cursor::new(text))
                    .expect("reader")
                    .collect::<Result<_, _>>()
                    .expect("rows")
            }
            OutputFormat::Csv => {
                let mut records = parse_csv(&String::from_utf8(bytes).expect("UTF-8"));
                let header: Vec<_> = records.remove(0).into_iter().map(Option::unwrap_or_default).collect();
                let names: Vec<_> = schema.fields().iter().map(|f| f.name().clone()).collect();
                assert_eq!(header, names);
                let shown = |cell: Option<String>| cell.unwrap_or_else(|| "NULL".to_owned());
                rows.extend(
                    records.into_iter().map(|r| r.into_iter().map(shown).collect::<Vec<_>>().join("|")),
                );
                Vec::new()
            }
        };
        rows.extend(sample::rows_of(&batches));
    }
    rows
}

#[test]
fn reads_back_equal() {
    for output in every_output() {
        let input = batches(output.format, 2000, 700, 0);
        let (done, files) = write(&output, &input);
        assert_eq!(done.len(), 1);
        assert_eq!((done[0].rows, done[0].bytes), (2000, files[0].len() as u64));
        assert_eq!(done[0].checksum, blake3::hash(&files[0]).to_hex().to_string());
        let got = read_back(&output, &files, input[0].schema_ref());
        let want = sample::rows_of(&input);
        for (row, (got, want)) in got.iter().zip(&want).enumerate() {
            assert_eq!(got, want, "{output:?} row {row}");
        }
        assert_eq!(got.len(), want.len());
    }
}

#[test]
fn bytes_do_not_depend_on_threads_batches_or_what_nulls_hide() {
    for mut output in every_output() {
        output.row_group_rows = 10_000;
        output.target_file_bytes = 100_000;
        let reference = write(&output, &batches(output.format, 25_000, 25_000, 0));
        assert!(reference.0.len() > 1 || output.format != OutputFormat::Jsonl, "{output:?}");
        for (threads, step) in [(1, 25_000), (2, 997), (5, 8192)] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool");
            let input = batches(output.format, 25_000, step, 9);
            let got = pool.install(|| write(&output, &input));
            assert!(got == reference, "{output:?} threads={threads} step={step}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn bytes_do_not_depend_on_batches(
        which in 0_usize..14,
        rows in 1_usize..700,
        step in 1_usize..300,
        group in 1_usize..400,
        target in prop_oneof![Just(1_u64), Just(5_000), Just(1 << 30)],
    ) {
        let mut output = every_output().swap_remove(which);
        (output.row_group_rows, output.target_file_bytes) = (group, target);
        let reference = write(&output, &batches(output.format, rows, rows, 0));
        let got = write(&output, &batches(output.format, rows, step, 3));
        prop_assert!(got == reference);
        prop_assert_eq!(got.0.iter().map(|f| f.rows).sum::<u64>(), rows as u64);
    }
}

#[test]
fn a_file_is_closed_when_it_is_full() {
    let numbers = |count: i64| {
        let column = Int64Array::from_iter_values((0..count).map(|i| i * 7_919 % 1_000_003));
        vec![RecordBatch::try_from_iter(vec![("x", Arc::new(column) as ArrayRef)]).expect("batch")]
    };
    let mut output = output(OutputFormat::Parquet, OutputCompression::None);
    (output.row_group_rows, output.target_file_bytes) = (1000, 20_000);
    let (done, files) = write(&output, &numbers(10_500));
    assert!(done.len() > 3, "{done:?}");
    for (done, bytes) in done.iter().zip(&files) {
        let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes.clone())).expect("parquet");
        let groups: Vec<i64> =
            reader.metadata().row_groups().iter().map(RowGroupMetaData::num_rows).collect();
        let (last, full) = groups.split_last().expect("no empty file");
        assert!(full.iter().all(|g| *g == 1000), "{groups:?}");
        assert!(*last == 1000 || *last == 500);
        assert_eq!(groups.iter().sum::<i64>(), i64::try_from(done.rows).expect("small"));
        assert_eq!(
            reader.metadata().file_metadata().created_by(),
            Some(concat!("dp version ", env!("CARGO_PKG_VERSION")))
        );
    }
    (output.row_group_rows, output.target_file_bytes) = (1000, 1);
    let (done, _) = write(&output, &numbers(3000));
    assert_eq!(done.iter().map(|f| f.rows).collect::<Vec<_>>(), [1000, 1000, 1000]);
}

#[test]
fn no_rows_no_file_unless_asked() {
    for output in every_output() {
        let empty = batches(output.format, 1, 1, 0).remove(0).slice(0, 0);
        assert!(write(&output, std::slice::from_ref(&empty)).0.is_empty());
        let files = Files::default();
        let sinks = files.clone();
        let open =
            move |_| Ok(Box::new(Memory { files: sinks.clone(), bytes: Vec::new(), room: 1 << 20 }) as _);
        let mut writer = OutputWriter::new(&output, empty.schema_ref(), open).expect("writer");
        writer.ensure_file().expect("file");
        writer.ensure_file().expect("the same file");
        let done = writer.finish().expect("finish");
        assert_eq!(done.iter().map(|f| f.rows).collect::<Vec<_>>(), [0]);
        let files = files.lock().expect("no panic").clone();
        assert!(read_back(&output, &files, empty.schema_ref()).is_empty());
    }
}

#[test]
fn a_full_disk_is_told_from_bad_data() {
    for output in every_output() {
        for room in [0, 100, 5000] {
            let error =
                write_with(&output, &batches(output.format, 20_000, 5000, 0), room).expect_err("full");
            assert_eq!(error.kind(), Kind::Stop, "{output:?} room={room}: {error:?}");
        }
    }
}

#[test]
fn csv_of_one_column_keeps_its_records() {
    let column = Int64Array::from(vec![Some(1), None, Some(3)]);
    let batch = RecordBatch::try_from_iter(vec![("a \"b\",c", Arc::new(column) as ArrayRef)]).expect("batch");
    let (_, files) = write(&output(OutputFormat::Csv, OutputCompression::None), &[batch]);
    assert_eq!(String::from_utf8_lossy(&files[0]), "\"a \"\"b\"\",c\"\n1\n\"\"\n3\n");
}

#[test]
fn a_time_out_of_range_is_no_text() {
    let far: Vec<ArrayRef> = vec![
        Arc::new(TimestampSecondArray::from(vec![i64::MAX])),
        Arc::new(Date64Array::from(vec![i64::MAX])),
    ];
    for column in far {
        let batch = RecordBatch::try_from_iter(vec![("t", column)]).expect("batch");
        for format in [OutputFormat::Csv, OutputFormat::Jsonl] {
            let error = write_with(
                &output(format, OutputCompression::None),
                std::slice::from_ref(&batch),
                usize::MAX,
            )
            .expect_err("out of range");
            assert_eq!(error.kind(), Kind::BadData);
        }
    }
}

#[test]
fn what_a_format_cannot_hold_is_refused_by_name() {
    use OutputFormat as F;
    let list = DataType::new_list(DataType::Int32, true);
    let int_map = new_null_array(
        &DataType::Map(
            Arc::new(Field::new_struct(
                "entries",
                vec![Field::new("keys", DataType::Int32, false), Field::new("values", DataType::Int32, true)],
                false,
            )),
            false,
        ),
        0,
    );
    let union = DataType::Union(UnionFields::empty(), UnionMode::Sparse);
    let interval = DataType::Interval(IntervalUnit::MonthDayNano);
    let table: Vec<(OutputFormat, DataType, bool)> = vec![
        (F::Csv, DataType::Int32, true),
        (F::Csv, list.clone(), false),
        (F::Csv, DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8View)), true),
        (F::Csv, interval.clone(), true),
        (F::Jsonl, list.clone(), true),
        (F::Jsonl, int_map.data_type().clone(), false),
        (F::Jsonl, interval.clone(), true),
        (F::Jsonl, DataType::new_list(union.clone(), true), false),
        (F::Parquet, list, true),
        (F::Parquet, int_map.data_type().clone(), true),
        (F::Parquet, interval.clone(), false),
        (F::Parquet, DataType::new_list(interval.clone(), true), false),
        (F::Parquet, union.clone(), false),
        (
            F::Parquet,
            DataType::Struct(
                vec![Field::new("e", DataType::Struct(Vec::<Field>::new().into()), true)].into(),
            ),
            false,
        ),
        (F::Arrow, interval, true),
        (F::Arrow, union, false),
    ];
    for (format, data_type, fits) in table {
        let fields =
            vec![Field::new("first", DataType::Int32, true), Field::new("the odd one", data_type, true)];
        let checked = check_schema(&output(format, OutputCompression::None), &Schema::new(fields.clone()));
        assert_eq!(checked.is_ok(), fits, "{format:?} {fields:?} {checked:?}");
        if let Err(e) = checked {
            assert!(e.kind() == Kind::Usage && e.message().contains("'the odd one'"), "{e}");
        }
    }
    let twice =
        Schema::new(vec![Field::new("x", DataType::Int32, true), Field::new("x", DataType::Int8, true)]);
    let none = Schema::empty();
    for format in [F::Csv, F::Jsonl, F::Parquet, F::Arrow] {
        let e = check_schema(&output(format, OutputCompression::None), &twice).expect_err("duplicate");
        assert!(e.message().contains("'x'"), "{e}");
        assert!(check_schema(&output(format, OutputCompression::None), &none).is_err());
        let one = Schema::new(vec![Field::new("x", DataType::Int32, true)]);
        assert_eq!(
            check_schema(&output(format, OutputCompression::Snappy), &one).is_ok(),
            format == F::Parquet
        );
    }
}
