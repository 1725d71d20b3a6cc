//! A job and its data -> a plan and a program. Reads footers and first bytes, writes nothing.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::engine::write::check_schema;
use crate::error::Result;
use crate::event::{Event, Interrupt, Sink};
use crate::job::sql::{Conditions, CutKind, PlannerTable, Program, Role};
use crate::plan::{Excludes, Header, Plan, ScannedTable, build};
use crate::spec::{Dataset, Format, Job};
use crate::store::client::Stores;
use crate::store::scan::{scan, scan_side};

/// A planned job.
#[derive(Debug)]
pub struct Prepared {
    /// The plan.
    pub plan: Plan,
    /// Its statement, cut.
    pub program: Arc<Program>,
}

/// Looks at the data of `job` and plans it. `now` is what `now()` means if the statement uses it.
///
/// # Errors
/// `Usage`: the statement cannot be cut. `Stop`: missing or unreadable input.
pub fn prepare(
    job: &Job,
    stores: &Stores,
    now: DateTime<Utc>,
    sink: &Sink,
    interrupt: &Interrupt,
) -> Result<Prepared> {
    let look = |dataset: &Dataset, scan: fn(&Stores, &Dataset) -> Result<ScannedTable>| {
        interrupt.check()?;
        let table = scan(stores, dataset)?;
        table.notes.iter().for_each(|note| sink.emit(Event::Warning(note.clone())));
        sink.emit(Event::Listed {
            files: table.files.len() as u64,
            bytes: table.files.iter().map(|f| f.bytes).sum(),
        });
        Ok(table)
    };
    let mut inputs = job.inputs.iter().map(|d| look(d, scan)).collect::<Result<Vec<ScannedTable>>>()?;
    let sides = job.tables.iter().map(|d| look(d, scan_side)).collect::<Result<Vec<ScannedTable>>>()?;
    interrupt.check()?;

    let shapes = inputs.iter().enumerate().map(|(n, t)| shape(t, Role::Input(n)));
    let shapes =
        shapes.chain(sides.iter().enumerate().map(|(n, t)| shape(t, Role::Side(n)))).collect::<Vec<_>>();
    let program = Program::plan(&job.sql, &shapes, now)?;
    if let Some(output) = &job.output {
        check_schema(output, &program.output_schema())?;
    }

    let mut conditions = Vec::new();
    let mut columns = Vec::new();
    for (number, table) in inputs.iter_mut().enumerate() {
        let of_table = Conditions::of(&program, number, &table.table.schema)?;
        conditions.push(Arc::new(of_table) as Arc<dyn Excludes>);
        let read = columns_read(&program, number);
        if read.is_none() {
            // The statement does not read it: there is nothing to cut.
            table.files.clear();
        }
        columns.push(read.unwrap_or_default());
    }
    let now_micros = program.uses_now().then(|| now.timestamp_micros());
    let buckets = buckets(program.kind(), &inputs);
    let plan = build(job, &inputs, &sides, &conditions, Some(&columns), now_micros, buckets)?;
    Ok(Prepared { plan, program: Arc::new(program) })
}

/// The program of a frozen plan: the same in every process that reads the plan.
///
/// # Errors
/// The plan was made by another version: a defect, since that is checked before.
pub fn program(header: &Header) -> Result<Arc<Program>> {
    let inputs = header.inputs.iter().enumerate().map(|(n, table)| {
        let shape = PlannerTable { role: Role::Input(n), schema: Arc::clone(&table.schema), rows: None };
        (table.name.clone(), shape)
    });
    let sides = header.tables.iter().enumerate().map(|(n, side)| {
        let shape = PlannerTable {
            role: Role::Side(n),
            schema: Arc::clone(&side.table.schema),
            rows: Some(side.rows),
        };
        (side.table.name.clone(), shape)
    });
    let now = header.now_micros.and_then(DateTime::from_timestamp_micros).unwrap_or(DateTime::UNIX_EPOCH);
    Ok(Arc::new(Program::plan(&header.job.sql, &inputs.chain(sides).collect::<Vec<_>>(), now)?))
}

fn shape(table: &ScannedTable, role: Role) -> (String, PlannerTable) {
    let rows = if matches!(role, Role::Side(_)) { rows(table) } else { None };
    (table.table.name.clone(), PlannerTable { role, schema: Arc::clone(&table.table.schema), rows })
}

/// The columns that the scans of an input need together; `None`: it is not scanned.
fn columns_read(program: &Program, input: usize) -> Option<Vec<usize>> {
    let mut scans = program.scans().iter().filter(|s| s.input == input).peekable();
    scans.peek()?;
    let mut columns: Vec<usize> = scans.flat_map(|s| s.columns.iter().copied()).collect();
    columns.sort_unstable();
    columns.dedup();
    Some(columns)
}

/// Rows per hash bucket that reduce should merge at one go, at most.
const ROWS_PER_BUCKET: u64 = 1 << 20;
const BUCKETS_MAX: u64 = 256;

/// How many buckets grouped partials are cut into: more where more keys may come.
fn buckets(kind: &CutKind, inputs: &[ScannedTable]) -> u32 {
    let CutKind::Aggregate { keys: 1.. } = kind else { return 1 };
    let rows: u64 = inputs.iter().map(|t| rows(t).unwrap_or_else(|| bytes(t) / TEXT_ROW_BYTES)).sum();
    let buckets = rows.div_ceil(ROWS_PER_BUCKET).next_power_of_two().clamp(1, BUCKETS_MAX);
    u32::try_from(buckets).unwrap_or(1)
}

/// Bytes of a row of text, where nothing is known.
const TEXT_ROW_BYTES: u64 = 64;

/// Rows, where they were counted or the format states them.
fn rows(table: &ScannedTable) -> Option<u64> {
    let stated = || table.files.iter().flat_map(|f| &f.row_groups).map(|g| g.rows).sum();
    table.rows.or_else(|| (table.table.format == Format::Parquet).then(stated))
}

fn bytes(table: &ScannedTable) -> u64 {
    table.files.iter().map(|f| f.bytes).sum()
}
