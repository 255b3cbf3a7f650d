//! The files `cells.csv`, `cells.parquet` and `steps.csv` of a run.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use csv::WriterBuilder;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Map, Value};

use super::columns::{CellRow, Column, name_of};
use super::table::{StepRow, header, write_rows};
use super::{Run, StoreError, files, parquet};
use crate::parallel::write_in_order;
use crate::plan::{Cell, Plan};
use crate::vocabulary::{CellKey, Record};

const CELLS_TABLE: &str = "cells.csv";
const TYPED_CELLS_TABLE: &str = "cells.parquet";
const STEPS_TABLE: &str = "steps.csv";

/// The byte order mark by which spreadsheets recognise UTF-8.
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// How many cells a thread looks at, at a time.
const TOGETHER: usize = 1 << 10;

/// The advice on cells, known once all cells are done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AdviceColumns {
    /// Values of the column `advice`.
    pub advice: HashMap<CellKey, String>,
    /// The cells for which the column `advised` is true.
    pub advised: HashSet<CellKey>,
}

impl AdviceColumns {
    fn row<'a>(
        &'a self,
        run: &'a str,
        plan: &'a Plan,
        cell: &'a Cell,
        record: &'a Record,
    ) -> CellRow<'a> {
        let is_advised = || self.advised.contains(&cell.key);
        CellRow {
            run,
            plan,
            cell,
            record,
            advice: self.advice.get(&cell.key).map(String::as_str),
            advised: (!self.advised.is_empty()).then(is_advised),
        }
    }
}

/// The tables, open for appending; they are rewritten in the order of the plan when a run begins and ends.
#[derive(Debug)]
pub(super) struct Tables {
    cells: File,
    steps: File,
    /// The run's name.
    name: String,
    /// The order of the columns of cells.
    order: Vec<usize>,
}

impl Tables {
    /// Rewrites all tables and opens those that are appended to.
    pub(super) fn write(run: &Run, told: &AdviceColumns) -> Result<Self, StoreError> {
        let table = CellTable::of(run, told);
        let path = run.table();
        let typed = run.folder.join(TYPED_CELLS_TABLE);
        let steps = || recorded(run).flat_map(|(_, record)| StepRow::of(record));
        let (cells, (typed, steps)) = rayon::join(
            || files::write_with(&path, |file| table.write_csv(file)),
            || {
                rayon::join(
                    || files::write_with(&typed, |file| table.write_parquet(file)),
                    || write_table(&run.folder.join(STEPS_TABLE), steps()),
                )
            },
        );
        cells?;
        typed?;
        Ok(Self {
            cells: files::open_to_append(&path)?,
            steps: steps?,
            order: table.order,
            name: table.name,
        })
    }

    /// Appends a cell's rows. Not synced: tables follow from the journal and are made again when a run continues.
    pub(super) fn append(
        &mut self,
        folder: &Path,
        plan: &Plan,
        cell: &Cell,
        record: &Record,
    ) -> Result<(), StoreError> {
        let columns = Column::all();
        let row = AdviceColumns::default();
        let row = row.row(&self.name, plan, cell, record);
        let fields = self.order.iter().map(|&column| columns[column].field(&row));
        let mut bytes = Vec::new();
        WriterBuilder::new()
            .from_writer(&mut bytes)
            .write_record(fields)
            .map_err(|error| StoreError::write(&folder.join(CELLS_TABLE))(error.into()))?;
        append(&mut self.cells, &folder.join(CELLS_TABLE), &bytes)?;
        let mut bytes = Vec::new();
        let path = folder.join(STEPS_TABLE);
        write_rows(&mut bytes, StepRow::of(record)).map_err(StoreError::write(&path))?;
        append(&mut self.steps, &path, &bytes)
    }
}

impl Run {
    /// The file with the table of its cells.
    pub fn table(&self) -> PathBuf {
        self.folder.join(CELLS_TABLE)
    }
}

/// The table of a run's recorded cells, in the order of the plan. Columns without any value come last.
#[derive(Debug)]
pub struct CellTable<'a> {
    run: &'a Run,
    told: &'a AdviceColumns,
    name: String,
    order: Vec<usize>,
}

impl<'a> CellTable<'a> {
    /// The table of a run.
    pub fn of(run: &'a Run, told: &'a AdviceColumns) -> Self {
        let mut table = Self {
            run,
            told,
            name: name_of(&run.folder, &run.plan),
            order: Vec::new(),
        };
        table.order = table.order();
        table
    }

    fn rows(&self) -> impl Iterator<Item = CellRow<'_>> {
        self.rows_of(&self.run.plan.cells)
    }

    /// The rows of some cells of the plan.
    fn rows_of<'r>(&'r self, cells: &'r [Cell]) -> impl Iterator<Item = CellRow<'r>> {
        let Run { plan, records, .. } = self.run;
        let row = move |cell: &'r Cell| {
            let record = records.get(&cell.key)?;
            Some(self.told.row(&self.name, plan, cell, record))
        };
        cells.iter().filter_map(row)
    }

    /// The order of the columns; the defined order if nothing is recorded.
    fn order(&self) -> Vec<usize> {
        let columns = Column::all();
        let empty_in = |cells: &[Cell]| {
            let mut is_empty = vec![true; columns.len()];
            for row in self.rows_of(cells) {
                for (column, is_empty) in columns.iter().zip(&mut is_empty) {
                    *is_empty = *is_empty && column.field(&row).is_empty();
                }
            }
            is_empty
        };
        let both = |one: Vec<bool>, other: Vec<bool>| {
            let pairs = one.into_iter().zip(other);
            pairs.map(|(one, other)| one && other).collect()
        };
        let parts = self.run.plan.cells.par_chunks(TOGETHER).map(empty_in);
        let is_empty = parts.reduce(|| vec![true; columns.len()], both);
        let any = self.rows().next().is_some();
        let (mut filled, empty): (Vec<usize>, Vec<usize>) =
            (0..columns.len()).partition(|&column| !any || !is_empty[column]);
        filled.extend(empty);
        filled
    }

    /// The names of the columns, in order.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> {
        let columns = Column::all();
        self.order.iter().map(move |&column| columns[column].name)
    }

    /// Each row as a JSON object with a value for each column; `null` if unknown.
    pub fn values(&self) -> impl Iterator<Item = Map<String, Value>> {
        let columns = Column::all();
        self.rows().map(move |row| {
            let values = columns.iter().map(|it| (it.name.to_owned(), it.json(&row)));
            values.collect()
        })
    }

    /// Writes the table as CSV.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_csv(&self, mut out: impl Write) -> io::Result<()> {
        let columns = Column::all();
        let written = |cells: &[Cell]| -> io::Result<Vec<u8>> {
            let mut writer = WriterBuilder::new().from_writer(Vec::new());
            for row in self.rows_of(cells) {
                let fields = self.order.iter().map(|&column| columns[column].field(&row));
                writer.write_record(fields)?;
            }
            writer.into_inner().map_err(|error| error.into_error())
        };
        let mut head = WriterBuilder::new().from_writer(&mut out);
        head.write_record(self.order.iter().map(|&column| columns[column].name))?;
        head.flush()?;
        drop(head);
        write_in_order(&self.run.plan.cells, written, |rows| out.write_all(rows))?;
        out.flush()
    }

    /// Writes the table as CSV with a byte order mark, without which some spreadsheets assume another encoding.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_marked_csv(&self, mut out: impl Write) -> io::Result<()> {
        out.write_all(UTF8_MARK)?;
        self.write_csv(out)
    }

    /// Writes the table as Parquet.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_parquet(&self, out: impl Write + Send) -> io::Result<()> {
        let columns = Column::all();
        let columns: Vec<&Column> = self.order.iter().map(|&column| &columns[column]).collect();
        parquet::write(out, &columns, self.rows())
    }
}

/// The cells that have a record, in the order of the plan.
fn recorded(run: &Run) -> impl Iterator<Item = (&Cell, &Record)> {
    let cells = run.plan.cells.iter();
    cells.filter_map(|cell| Some((cell, run.records.get(&cell.key)?)))
}

/// Appends rows in a single write, so that readers see only complete rows.
fn append(file: &mut File, path: &Path, rows: &[u8]) -> Result<(), StoreError> {
    file.write_all(rows).map_err(StoreError::write(path))
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
