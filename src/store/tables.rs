//! The files `cells.csv` and `steps.csv` of a run.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use serde::Serialize;

use super::table::{CellRow, StepRow, header, write_rows};
use super::{Run, StoreError, files};
use crate::plan::{Cell, Plan};
use crate::vocabulary::{CellKey, Record};

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
            CellRow::new(
                &run.plan,
                cell,
                record,
                advice.get(&cell.key).map(String::as_str),
            )
        });
        let steps = recorded().flat_map(|(_, record)| StepRow::of(record));
        Ok(Self {
            cells: write_table(&run.folder.join(CELLS_TABLE), cells)?,
            steps: write_table(&run.folder.join(STEPS_TABLE), steps)?,
        })
    }

    /// Not synced: the tables follow from the journal, and are made from it again when a run goes on.
    pub(super) fn append(
        &mut self,
        folder: &Path,
        plan: &Plan,
        cell: &Cell,
        record: &Record,
    ) -> Result<(), StoreError> {
        let rows = [CellRow::new(plan, cell, record, None)];
        append_rows(&mut self.cells, &folder.join(CELLS_TABLE), rows)?;
        let rows = StepRow::of(record);
        append_rows(&mut self.steps, &folder.join(STEPS_TABLE), rows)
    }
}

fn append_rows<R: Serialize>(
    file: &mut File,
    path: &Path,
    rows: impl IntoIterator<Item = R>,
) -> Result<(), StoreError> {
    // In one piece, so that a reader meets whole rows.
    let mut bytes = Vec::new();
    write_rows(&mut bytes, rows)
        .and_then(|()| file.write_all(&bytes))
        .map_err(StoreError::write(path))
}

fn write_table<R: Serialize + Default>(
    path: &Path,
    rows: impl Iterator<Item = R>,
) -> Result<File, StoreError> {
    files::write_with(path, |file| {
        file.write_all(&header::<R>()?)?;
        write_rows(file, rows)
    })?;
    files::open_to_append(path)
}
