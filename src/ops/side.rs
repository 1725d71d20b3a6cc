//! Side tables, read whole.

use arrow::array::RecordBatch;

use crate::engine::map::adjacent;
use crate::error::Result;
use crate::event::Interrupt;
use crate::job::sql::{BATCH_ROWS, Program};
use crate::plan::{Header, SideTable, Table};
use crate::spec::BadRecords;
use crate::store::client::Stores;
use crate::store::read::open_split;

/// Gives `program` the rows of every side table that it reads.
///
/// # Errors
/// A file changed since it was planned, cannot be read, or holds a bad record.
pub fn load(program: &Program, header: &Header, stores: &Stores, interrupt: &Interrupt) -> Result<()> {
    let tables: Vec<Table> = header.tables.iter().map(|t| t.table.clone()).collect();
    for number in program.sides_used() {
        if let Some(side) = header.tables.get(number) {
            let rows =
                read(side, &tables, stores, interrupt).map_err(|e| e.with("table", &side.table.name))?;
            program.set_side(number, rows);
        }
    }
    Ok(())
}

fn read(
    side: &SideTable,
    tables: &[Table],
    stores: &Stores,
    interrupt: &Interrupt,
) -> Result<Vec<RecordBatch>> {
    let columns: Vec<usize> = (0..side.table.schema.fields().len()).collect();
    let mut rows = Vec::new();
    let mut end = None;
    for (at, split) in side.splits.iter().enumerate() {
        interrupt.check()?;
        // Pieces of one text are read in order, so where the next one begins is known.
        let follows = at.checked_sub(1).and_then(|p| side.splits.get(p)).is_some_and(|p| adjacent(p, split));
        let begin = end.filter(|_| follows);
        let mut reader = open_split(stores, tables, split, &columns, begin, BadRecords::Fail, BATCH_ROWS)?;
        for batch in reader.by_ref() {
            rows.push(batch?);
        }
        end = reader.stats().tile.map(|(_, end)| end);
    }
    Ok(rows)
}
