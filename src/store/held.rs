//! A run folder that is locked and read, before anything is written to it.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::environment::{PlanFile, PlanFileRef};
use super::journal::{self, Journal};
use super::lock::Lock;
use super::renamed::{self, Renamed};
use super::run::{PLAN, read_plan};
use super::tables::Tables;
use super::{Environment, Run, RunFolder, StoreError, files, images, inputs, owner};
use crate::plan::{Cell, Plan};
use crate::vocabulary::{CellKey, Record, Status};

/// A run folder that this process holds and has read, but not begun to write.
#[derive(Debug)]
pub struct HeldFolder {
    folder: PathBuf,
    plan: Plan,
    /// The last record of each cell that has one and, if it says done, has its image.
    records: HashMap<CellKey, Record>,
    /// Bytes of the journal's whole lines.
    journal: u64,
    /// Of the run that is there, if its plan could be read.
    earlier: Option<PlanFile>,
    /// The sweep file, seen from the folder.
    sweep: Option<PathBuf>,
    /// Cells that are done under other names.
    renamed: Vec<Renamed>,
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
        let path = folder.join(journal::NAME);
        files::refuse_link(&path)?;
        let mut notes = Vec::new();
        let earlier = earlier(folder, plan, &mut notes)?;
        let lock = Lock::take(folder)?;
        let contents = journal::read(&path)?;
        notes.extend(notes_of(&path, &contents.unreadable));
        let mut records = known_records(folder, plan, contents.records);
        let renamed = renamed::find(folder, plan, &mut records);
        Ok(Self {
            folder: folder.to_owned(),
            plan: plan.clone(),
            records,
            journal: contents.length,
            sweep: earlier.as_ref().and_then(|earlier| earlier.sweep.clone()),
            earlier,
            renamed,
            notes,
            lock,
        })
    }

    /// Says which sweep file the run is of, to be kept in the folder; `replace` takes over the run of another.
    ///
    /// # Errors
    /// If the folder has the run of another sweep, whose file is still there.
    pub fn of_sweep(mut self, sweep: &Path, replace: bool) -> Result<Self, StoreError> {
        if let (Some(earlier), false) = (&self.earlier, replace) {
            owner::refuse_other(&self.folder, earlier, sweep, &self.plan)?;
        }
        self.sweep = owner::relative(&self.folder, sweep);
        Ok(self)
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
        Some(&self.earlier.as_ref()?.environment)
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
        let file = PlanFileRef {
            environment,
            sweep: self.sweep.as_deref(),
            plan: &plan,
        };
        files::remove_unfinished(&folder);
        write_plan(&folder, &file)?;
        files::update(&folder.join("sweep.toml"), sweep_text.as_bytes())?;
        for folder in ["cells", inputs::FOLDER].map(|name| folder.join(name)) {
            files::make_folder(&folder)?;
        }
        let mut journal = Journal::open(&folder.join(journal::NAME), self.journal)?;
        let keys = plan.cells.iter().enumerate();
        let index = keys
            .map(|(index, cell)| (cell.key.clone(), index))
            .collect();
        let mut run = Run {
            folder,
            plan,
            environment: environment.clone(),
            records: self.records,
        };
        renamed::take_over(&mut run, &mut journal, &self.renamed)?;
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

/// The plan of the run that is in a folder, if one is. Where the plan was lost or cut and the journal is of cells of the
/// present one, the folder is taken for what it is, and its plan made again from the sweep.
fn earlier(
    folder: &Path,
    plan: &Plan,
    notes: &mut Vec<String>,
) -> Result<Option<PlanFile>, StoreError> {
    let lost = match read_plan(folder) {
        Ok(file) => return Ok(Some(file)),
        Err(lost @ (StoreError::NotARun { .. } | StoreError::Malformed { .. })) => lost,
        Err(error) => return Err(error),
    };
    let journal = journal::read(&folder.join(journal::NAME))?.records;
    let hashes: HashSet<&str> = plan.cells.iter().map(|cell| cell.key.hash()).collect();
    let fits = |record: &Record| hashes.contains(record.cell.hash());
    if journal.iter().any(fits) {
        let path = folder.join(PLAN);
        notes.push(format!(
            "{} was lost or damaged, and is made again from the sweep file",
            path.display()
        ));
        return Ok(None);
    }
    match lost {
        StoreError::NotARun { .. } => refuse_foreign(folder).map(|()| None),
        malformed => Err(malformed),
    }
}

/// A folder with things in it that is no run is the user's, and stays as it is.
fn refuse_foreign(folder: &Path) -> Result<(), StoreError> {
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

fn write_plan(folder: &Path, file: &PlanFileRef) -> Result<(), StoreError> {
    let path = folder.join(PLAN);
    let mut text =
        serde_json::to_vec_pretty(file).map_err(|error| StoreError::write(&path)(error.into()))?;
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
        let record = records.get(&cell.key);
        let done = record.filter(|record| record.status == Status::Done);
        done.is_some_and(|record| {
            images::read_cell(folder, record, Some((cell.width, cell.height))).is_err()
        })
    };
    let damaged: Vec<&Cell> = plan.cells.par_iter().filter(is_damaged).collect();
    for cell in damaged {
        records.remove(&cell.key);
    }
    records
}

fn notes_of(journal: &Path, unreadable: &[usize]) -> Vec<String> {
    let note = |line| {
        format!(
            "{}: line {line} cannot be read and is passed over; its cell is computed again",
            journal.display()
        )
    };
    unreadable.iter().map(note).collect()
}
