//! A run folder to be written: one process at a time, and safe to kill at any moment.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use image::RgbImage;

use super::environment::PlanFileRef;
use super::journal::{self, Journal};
use super::lock::Lock;
use super::run::{PLAN, read_plan};
use super::table::{CELL_COLUMNS, STEP_COLUMNS, cell_row, step_rows, to_csv};
use super::{ClipMeasures, Environment, Record, Status, StoreError, files, png};
use crate::meter::milliseconds;
use crate::plan::{Cell, CellKey, Plan};

const CELLS_TABLE: &str = "cells.csv";
const STEPS_TABLE: &str = "steps.csv";

/// A run folder that this process holds. Cells of earlier plans keep their images and journal lines; the
/// tables list those of the present plan.
#[derive(Debug)]
pub struct RunFolder {
    folder: PathBuf,
    plan: Plan,
    index: HashMap<CellKey, usize>,
    /// The last record of each cell that has one and, if it says done, has its image.
    records: Vec<Option<Record>>,
    journal: Journal,
    tables: Tables,
    notes: Vec<String>,
    _lock: Lock,
}

/// Open to append; rewritten whole, in the order of the plan, at the beginning and at the end of a run.
#[derive(Debug)]
struct Tables {
    cells: File,
    steps: File,
}

impl RunFolder {
    /// Makes or opens the folder, takes its lock, writes `sweep.toml`, `plan.json` and both tables, and
    /// finds out what is done: a cell with a journal line that says so and a whole image of its size.
    ///
    /// # Errors
    /// If another process holds the folder, if it holds other things than a run, or cannot be written.
    pub fn open(
        folder: &Path,
        plan: &Plan,
        sweep_text: &str,
        environment: &Environment,
    ) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(StoreError::write(folder))?;
        refuse_foreign(folder)?;
        let lock = Lock::take(folder)?;
        files::remove_unfinished(folder)?;
        write_plan(folder, plan, environment)?;
        files::write(&folder.join("sweep.toml"), sweep_text.as_bytes())?;
        let cells = folder.join("cells");
        files::make_folder(&cells)?;
        files::remove_unfinished(&cells)?;

        let path = folder.join(journal::NAME);
        files::refuse_link(&path)?;
        let contents = journal::read(&path)?;
        let journal = Journal::open(&path, contents.length)?;
        let index: HashMap<_, _> = plan
            .cells
            .iter()
            .enumerate()
            .map(|(index, cell)| (cell.key.clone(), index))
            .collect();
        let records = known_records(folder, plan, &index, contents.records);
        let tables = write_tables(folder, plan, &records, &HashMap::new())?;
        Ok(Self {
            folder: folder.to_owned(),
            plan: plan.clone(),
            index,
            records,
            journal,
            tables,
            notes: notes(&path, &contents.unreadable),
            _lock: lock,
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Cells without an image, as indices into [`Plan::cells`], in order; those that failed are among them.
    pub fn pending(&self) -> Vec<usize> {
        let done = |record: &Option<Record>| {
            record
                .as_ref()
                .is_some_and(|record| record.status == Status::Done)
        };
        (0..self.records.len())
            .filter(|&cell| !done(&self.records[cell]))
            .collect()
    }

    /// The cell's last record, if it has one.
    pub fn record_of(&self, cell: usize) -> Option<&Record> {
        self.records.get(cell)?.as_ref()
    }

    /// What the user should know of the folder as it was found.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Writes a finished cell's image, then its journal line, then its rows of the tables; returns the
    /// record with the time that took. A failed cell comes without an image.
    ///
    /// # Errors
    /// If something cannot be written. What was recorded before is safe; this cell is not recorded.
    pub fn record(
        &mut self,
        mut record: Record,
        image: Option<&RgbImage>,
    ) -> Result<&Record, StoreError> {
        let unfit = |reason| StoreError::Record {
            cell: record.cell.clone(),
            reason,
        };
        let index = *self
            .index
            .get(&record.cell)
            .ok_or_else(|| unfit("it is not in the plan"))?;
        let cell = &self.plan.cells[index];
        match (record.status, image) {
            (Status::Failed, None) => {}
            (Status::Failed, Some(_)) => return Err(unfit("it failed and has an image")),
            (Status::Done, None) => return Err(unfit("it has no image")),
            (Status::Done, Some(image)) if image.dimensions() != (cell.width, cell.height) => {
                return Err(unfit("its image is not of its size"));
            }
            (Status::Done, Some(image)) => {
                let begun = Instant::now();
                let path = self.folder.join(cell.key.image_path());
                let bytes = png::encode(image, &self.plan, cell, &record)
                    .map_err(|error| StoreError::write(&path)(io::Error::other(error)))?;
                files::write(&path, &bytes)?;
                record.times.save_ms = Some(milliseconds(begun));
            }
        }
        self.journal.append(&record)?;
        self.tables.append(&self.folder, cell, &record)?;
        Ok(self.records[index].insert(record))
    }

    /// Adds to a finished cell's record what was measured of it later, in a journal line that replaces the earlier
    /// one. The tables have it when they are rewritten.
    ///
    /// # Errors
    /// If the cell is not done, or the journal cannot be written.
    pub fn add_measures(&mut self, cell: usize, clip: ClipMeasures) -> Result<(), StoreError> {
        let record = self.records.get_mut(cell).and_then(Option::as_mut);
        let Some(record) = record.filter(|record| record.status == Status::Done) else {
            return Err(StoreError::Record {
                cell: self.plan.cells[cell].key.clone(),
                reason: "it was measured and is not done",
            });
        };
        let measured = Record {
            clip: Some(clip),
            ..record.clone()
        };
        self.journal.append(&measured)?;
        *record = measured;
        Ok(())
    }

    /// Rewrites both tables in the order of the plan.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn finish(&mut self) -> Result<(), StoreError> {
        self.finish_with(&HashMap::new())
    }

    /// As [`RunFolder::finish`], with what is advised of cells in the column `advice`.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn finish_with(&mut self, advice: &HashMap<CellKey, String>) -> Result<(), StoreError> {
        self.tables = write_tables(&self.folder, &self.plan, &self.records, advice)?;
        Ok(())
    }
}

/// A folder with things in it that is no run is the user's, and stays as it is.
fn refuse_foreign(folder: &Path) -> Result<(), StoreError> {
    if folder.join(PLAN).exists() {
        return read_plan(folder).map(drop);
    }
    for entry in fs::read_dir(folder).map_err(StoreError::read(folder))? {
        let name = entry.map_err(StoreError::read(folder))?.file_name();
        // What a run leaves that was killed before it had written its plan.
        if !files::is_unfinished(&name) && name != *".lock" {
            return Err(StoreError::Foreign {
                folder: folder.to_owned(),
                name: name.to_string_lossy().into_owned(),
            });
        }
    }
    Ok(())
}

fn write_plan(folder: &Path, plan: &Plan, environment: &Environment) -> Result<(), StoreError> {
    let path = folder.join(PLAN);
    let mut text = serde_json::to_vec_pretty(&PlanFileRef { environment, plan })
        .map_err(|error| StoreError::write(&path)(error.into()))?;
    text.push(b'\n');
    files::write(&path, &text)
}

fn known_records(
    folder: &Path,
    plan: &Plan,
    index: &HashMap<CellKey, usize>,
    journal: Vec<Record>,
) -> Vec<Option<Record>> {
    let mut records = vec![None; plan.cells.len()];
    for record in journal {
        if let Some(&cell) = index.get(&record.cell) {
            records[cell] = Some(record);
        }
    }
    for (record, cell) in records.iter_mut().zip(&plan.cells) {
        let path = folder.join(cell.key.image_path());
        let image = || png::is_whole(&path, cell.width, cell.height);
        record.take_if(|record| record.status == Status::Done && !image());
    }
    records
}

fn notes(journal: &Path, unreadable: &[usize]) -> Vec<String> {
    let note = |line| {
        format!(
            "{}: line {line} cannot be read and is passed over; its cell is computed again",
            journal.display()
        )
    };
    unreadable.iter().map(note).collect()
}

/// Replaces both tables and opens them to append.
fn write_tables(
    folder: &Path,
    plan: &Plan,
    records: &[Option<Record>],
    advice: &HashMap<CellKey, String>,
) -> Result<Tables, StoreError> {
    let recorded = || {
        plan.cells
            .iter()
            .zip(records)
            .filter_map(|(cell, record)| Some((cell, record.as_ref()?)))
    };
    let head = |columns: &[&str]| {
        columns
            .iter()
            .map(|&column| column.to_owned())
            .collect::<Vec<_>>()
    };
    let cells = recorded()
        .map(|(cell, record)| cell_row(cell, record, advice.get(&cell.key).map(String::as_str)));
    let steps = recorded().flat_map(|(_, record)| step_rows(record));
    let write = |name: &str, rows: Vec<Vec<String>>| {
        let path = folder.join(name);
        let bytes = to_csv(rows).map_err(|error| StoreError::write(&path)(error.into()))?;
        files::write(&path, &bytes)?;
        files::open_to_append(&path)
    };
    Ok(Tables {
        cells: write(
            CELLS_TABLE,
            std::iter::once(head(&CELL_COLUMNS)).chain(cells).collect(),
        )?,
        steps: write(
            STEPS_TABLE,
            std::iter::once(head(&STEP_COLUMNS)).chain(steps).collect(),
        )?,
    })
}

impl Tables {
    /// Not synced: the tables follow from the journal, and are made from it again when a run goes on.
    fn append(&mut self, folder: &Path, cell: &Cell, record: &Record) -> Result<(), StoreError> {
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
