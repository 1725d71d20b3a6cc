//! The reduce task: proved commit records in, the run's result published.

use std::ops::Range;

use bytes::Bytes;

use super::map::{new_record, opener, output_writer};
use super::{Context, now_millis};
use crate::engine::map::DoneFile;
use crate::engine::partial::{PartialReader, Ranges};
use crate::engine::reduce::{self, Partial, ReduceInput};
use crate::engine::rows::done;
use crate::error::{Error, Result};
use crate::event::{Event, Step};
use crate::id::{AttemptId, ShardId, TaskId};
use crate::job::sql::CutKind;
use crate::spec::{Output, OutputCompression, OutputFormat};
use crate::store::commit::{Commit, Counters, TaskCommit, commit_task, read_commit};
use crate::store::folder::Folder;
use crate::store::manifest::{Manifest, PublishedFile, commit_run, read_manifest};
use crate::store::publish::{Published, publish};
use crate::store::record::Record;
use crate::store::{gc, layout};

/// Reduces and publishes; does only what is not done yet.
///
/// # Errors
/// A partial cannot be read, the statement fails on the data, the output is another's.
pub fn run(context: &Context, maps: &[TaskCommit]) -> Result<(Manifest, Published)> {
    let attempt = AttemptId::random();
    context.step(TaskId::Reduce, &attempt, Step::ReduceChecked);
    let manifest = match read_manifest(&context.run)? {
        Some(manifest) => manifest,
        None => make_manifest(context, maps, &attempt)?,
    };
    context.step(TaskId::Reduce, &attempt, Step::ManifestWritten);
    let published = publish_manifest(context, &manifest, &attempt)?;
    Ok((manifest, published))
}

/// Puts the files of a committed run at their final names.
fn publish_manifest(context: &Context, manifest: &Manifest, attempt: &AttemptId) -> Result<Published> {
    let output = output(context)?;
    let mut hook = |step| context.step(TaskId::Reduce, attempt, step);
    let published = publish(&context.run, manifest, output.if_exists, &mut hook)?;
    context.sink.emit(Event::Published {
        files: published.files,
        rows: published.rows,
        bytes: published.bytes,
    });
    Ok(published)
}

fn output(context: &Context) -> Result<&Output> {
    context.header.job.output.as_ref().ok_or_else(|| Error::internal("the plan of a run has no output"))
}

fn make_manifest(context: &Context, maps: &[TaskCommit], attempt: &AttemptId) -> Result<Manifest> {
    let extension = extension(output(context)?);
    let publish_as = |shard: ShardId, record: &TaskCommit| -> Vec<PublishedFile> {
        let file = |(number, f): (u32, &crate::store::commit::CommittedFile)| PublishedFile {
            name: layout::part(shard, number, &extension),
            path: f.path.clone(),
            bytes: f.bytes,
            rows: f.rows,
            blake3: f.blake3.clone(),
        };
        (0_u32..).zip(&record.files).map(file).collect()
    };
    let counters = maps.iter().fold(Counters::default(), |sum, m| sum.plus(m.counters));
    let direct = *context.program.kind() == CutKind::Rows && maps.iter().any(|m| !m.files.is_empty());
    let files = if direct {
        (0_u32..).zip(maps).flat_map(|(shard, record)| publish_as(ShardId(shard), record)).collect()
    } else {
        publish_as(ShardId(0), &reduce_task(context, maps, attempt)?)
    };
    let manifest = Manifest {
        format: Manifest::FORMAT,
        run: context.run.name.clone(),
        plan: context.run.digest.clone(),
        files,
        counters,
    };
    commit_run(&context.run, &manifest)
}

/// The reduce task proper: merges partials into output files and commits them. A map-only job
/// without a single row comes here too, for one file that states its columns.
fn reduce_task(context: &Context, maps: &[TaskCommit], attempt: &AttemptId) -> Result<TaskCommit> {
    if let Some(record) = read_commit(&context.run, TaskId::Reduce)? {
        return Ok(record);
    }
    let started = now_millis();
    let merged = *context.program.kind() != CutKind::Rows;
    let partials = if merged { open_partials(context, maps)? } else { Vec::new() };
    let rows_in: u64 = partials.iter().map(PartialReader::rows).sum();
    let rows_written: u64 = if merged { maps.iter().map(|m| m.counters.rows_out).sum() } else { 0 };
    if rows_in != rows_written {
        return Err(Error::internal(format!(
            "the partials hold {rows_in} rows, but {rows_written} rows were committed"
        )));
    }
    let mut writer = output_writer(context, opener(context, TaskId::Reduce, attempt.clone()))?;
    let input = ReduceInput {
        program: &context.program,
        partials,
        buckets: context.header.buckets,
        machine: &context.machine,
        interrupt: &context.interrupt,
    };
    reduce::run(input, &mut |batch| {
        context.interrupt.check()?;
        writer.write(&batch)
    })?;
    writer.ensure_file()?;
    let files: Vec<DoneFile> = done(context.machine.pool.install(|| writer.finish())?);
    context.step(TaskId::Reduce, attempt, Step::ReduceWritten);
    let mut record = new_record(context, TaskId::Reduce, attempt, &files, started);
    record.counters.rows_scanned = rows_in;
    record.counters.rows_out = files.iter().map(|f| f.rows).sum();
    match commit_task(&context.run, TaskId::Reduce, &record)? {
        Commit::Won => Ok(record),
        Commit::Lost(other) => {
            gc::remove_attempt(&context.run, TaskId::Reduce, attempt)?;
            Ok(*other)
        }
    }
}

fn open_partials(context: &Context, maps: &[TaskCommit]) -> Result<Vec<Partial>> {
    let mut partials = Vec::new();
    for file in maps.iter().flat_map(|m| &m.files) {
        context.interrupt.check()?;
        let ranges: Box<dyn Ranges> = match &file.data {
            Some(bytes) => Box::new(bytes.clone()),
            None => Box::new(FolderRanges {
                folder: context.run.output.clone(),
                path: file.path.clone(),
                bytes: file.bytes,
            }),
        };
        partials.push(
            PartialReader::open(ranges).map_err(|e| e.with("file", context.run.output.name(&file.path)))?,
        );
    }
    Ok(partials)
}

/// A committed file of an attempt.
struct FolderRanges {
    folder: Folder,
    path: String,
    bytes: u64,
}

impl Ranges for FolderRanges {
    fn size(&self) -> u64 {
        self.bytes
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        self.folder.read_range(&self.path, range)
    }
}

/// The extension of published files, without the first dot.
fn extension(output: &Output) -> String {
    let plain = output.format.extension();
    let text = matches!(output.format, OutputFormat::Csv | OutputFormat::Jsonl);
    match output.compression {
        OutputCompression::Gzip if text => format!("{plain}.gz"),
        OutputCompression::Zstd if text => format!("{plain}.zst"),
        _ => plain.to_owned(),
    }
}
