//! The files `cells.csv` and `steps.csv` of a run.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::table::{CELL_COLUMNS, STEP_COLUMNS, cell_row, step_rows, to_csv, write_csv};
use super::{Run, StoreError, files};
use crate::plan::Cell;
use crate::vocabulary::CellKey;
use crate::vocabulary::Record;

const CELLS_TABLE: &str = "cells.csv";
const STEPS_TABLE: &str = "steps.csv";

/// Open to append; rewritten whole, in the order of the plan, at the beginning and at the end of a run.
#[derive(Debug)]
pub(super) struct Tables {
    cells: File,
    steps: File,
}

impl Tables {
    /// Replaces both tables and opens them to append.
    pub(super) fn write(run: &Run, advice: &HashMap<CellKey, String>) -> Result<Self, StoreError> {
        let recorded = || {
            let cells = run.plan.cells.iter();
            cells.filter_map(|cell| Some((cell, run.records.get(&cell.key)?)))
        };
        let cells = recorded().map(|(cell, record)| {
            cell_row(cell, record, advice.get(&cell.key).map(String::as_str))
        });
        let steps = recorded().flat_map(|(_, record)| step_rows(record));
        Ok(Self {
            cells: write_table(&run.folder.join(CELLS_TABLE), &CELL_COLUMNS, cells)?,
            steps: write_table(&run.folder.join(STEPS_TABLE), &STEP_COLUMNS, steps)?,
        })
    }

    /// Not synced: the tables follow from the journal, and are made from it again when a run goes on.
    pub(super) fn append(
        &mut self,
        folder: &Path,
        cell: &Cell,
        record: &Record,
    ) -> Result<(), StoreError> {
        let append = |file: &mut File, name: &str, rows: Vec<Vec<String>>| {
            let bytes = to_csv(rows).map_err(io::Error::from);
            bytes
                .and_then(|bytes| file.write_all(&bytes))
                .map_err(StoreError::write(&folder.join(name)))
        };
        append(
            &mut self.cells,
            CELLS_TABLE,
            vec![cell_row(cell, record, None)],
        )?;
        append(&mut self.steps, STEPS_TABLE, step_rows(record).collect())
    }
}

fn write_table(
    path: &Path,
    columns: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
) -> Result<File, StoreError> {
    let head = columns.iter().map(|&column| column.to_owned()).collect();
    files::write_with(path, |file| {
        Ok(write_csv(file, std::iter::once(head).chain(rows))?)
    })?;
    files::open_to_append(path)
}
