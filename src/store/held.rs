//! A run folder that is locked and read, before anything is written to it.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::environment::PlanFileRef;
use super::journal::{self, Journal};
use super::lock::Lock;
use super::run::{PLAN, read_plan};
use super::tables::Tables;
use super::{Environment, Run, RunFolder, StoreError, files, inputs, png};
use crate::plan::{Cell, Plan};
use crate::vocabulary::CellKey;
use crate::vocabulary::{Record, Status};

/// A run folder that this process holds and has read, but not begun to write.
#[derive(Debug)]
pub struct HeldFolder {
    folder: PathBuf,
    plan: Plan,
    /// The last record of each cell that has one and, if it says done, has its image.
    records: HashMap<CellKey, Record>,
    /// Bytes of the journal's whole lines.
    journal: u64,
    environment: Option<Environment>,
    notes: Vec<String>,
    lock: Lock,
}

impl HeldFolder {
    /// Makes the folder if need be, takes its lock, and finds out what is done of a plan: a cell with a journal
    /// line that says so and a whole image of its size.
    ///
    /// # Errors
    /// If another process holds the folder, or if it holds other things than a run.
    pub fn take(folder: &Path, plan: &Plan) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(StoreError::write(folder))?;
        let environment = refuse_foreign(folder)?;
        let lock = Lock::take(folder)?;
        let path = folder.join(journal::NAME);
        files::refuse_link(&path)?;
        let contents = journal::read(&path)?;
        Ok(Self {
            folder: folder.to_owned(),
            plan: plan.clone(),
            records: known_records(folder, plan, contents.records),
            journal: contents.length,
            environment,
            notes: notes(&path, &contents.unreadable),
            lock,
        })
    }

    /// Cells without an image, as indices into [`Plan::cells`], in order; those that failed are among them.
    pub fn pending(&self) -> Vec<usize> {
        pending(&self.plan, &self.records)
    }

    /// The cell's last record, if it has one.
    pub fn record_of(&self, cell: usize) -> Option<&Record> {
        self.records.get(&self.plan.cells.get(cell)?.key)
    }

    /// What the run was made with so far, unless it is new.
    pub fn environment(&self) -> Option<&Environment> {
        self.environment.as_ref()
    }

    /// What the user should know of the folder as it was found.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Writes `sweep.toml`, `plan.json` and both tables, and opens the journal.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn begin(
        self,
        sweep_text: &str,
        environment: &Environment,
    ) -> Result<RunFolder, StoreError> {
        let Self { folder, plan, .. } = self;
        files::remove_unfinished(&folder)?;
        write_plan(&folder, &plan, environment)?;
        files::update(&folder.join("sweep.toml"), sweep_text.as_bytes())?;
        for folder in ["cells", inputs::FOLDER].map(|name| folder.join(name)) {
            files::make_folder(&folder)?;
            files::remove_unfinished(&folder)?;
        }
        let journal = Journal::open(&folder.join(journal::NAME), self.journal)?;
        let keys = plan.cells.iter().enumerate();
        let index = keys
            .map(|(index, cell)| (cell.key.clone(), index))
            .collect();
        let run = Run {
            folder,
            plan,
            environment: environment.clone(),
            records: self.records,
        };
        Ok(RunFolder {
            tables: Tables::write(&run, &HashMap::new())?,
            run,
            index,
            journal,
            _lock: self.lock,
        })
    }
}

/// See [`HeldFolder::pending`].
pub(super) fn pending(plan: &Plan, records: &HashMap<CellKey, Record>) -> Vec<usize> {
    let is_done = |cell: &Cell| {
        let record = records.get(&cell.key);
        record.is_some_and(|record| record.status == Status::Done)
    };
    (0..plan.cells.len())
        .filter(|&cell| !is_done(&plan.cells[cell]))
        .collect()
}

/// A folder with things in it that is no run is the user's, and stays as it is; of a run, the environment.
fn refuse_foreign(folder: &Path) -> Result<Option<Environment>, StoreError> {
    if Run::is_in(folder) {
        return read_plan(folder).map(|file| Some(file.environment));
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
    Ok(None)
}

fn write_plan(folder: &Path, plan: &Plan, environment: &Environment) -> Result<(), StoreError> {
    let path = folder.join(PLAN);
    let mut text = serde_json::to_vec_pretty(&PlanFileRef { environment, plan })
        .map_err(|error| StoreError::write(&path)(error.into()))?;
    text.push(b'\n');
    files::update(&path, &text)
}

/// The last record of every cell, but for those of the plan that are done and have lost their image.
fn known_records(folder: &Path, plan: &Plan, journal: Vec<Record>) -> HashMap<CellKey, Record> {
    let mut records: HashMap<CellKey, Record> = HashMap::with_capacity(journal.len());
    for record in journal {
        records.insert(record.cell.clone(), record);
    }
    let is_damaged = |cell: &&Cell| {
        let path = folder.join(cell.key.image_path());
        let record = records.get(&cell.key);
        record.is_some_and(|record| record.status == Status::Done)
            && !png::is_whole(&path, cell.width, cell.height)
    };
    let damaged: Vec<&Cell> = plan.cells.par_iter().filter(is_damaged).collect();
    for cell in damaged {
        records.remove(&cell.key);
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
