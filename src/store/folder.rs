//! A run folder to be written: one process at a time, and safe to kill at any moment.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::time::Instant;

use image::RgbImage;

use super::begin::Begin;
use super::held::{HeldFolder, pending};
use super::journal::Journal;
use super::lock::Lock;
use super::tables::{Tables, Told};
use super::{Environment, Run, StoreError, files, images, png};
use crate::meter::milliseconds;
use crate::plan::Plan;
use crate::vocabulary::{CellKey, ClipMeasures, Race, Record, Status};

/// A run folder that this process holds. Cells of earlier plans keep their images and journal lines; the
/// tables list those of the present plan.
#[derive(Debug)]
pub struct RunFolder {
    pub(super) run: Run,
    pub(super) index: HashMap<CellKey, usize>,
    pub(super) journal: Journal,
    /// Absent beside others: who comes last makes the tables.
    pub(super) tables: Option<Tables>,
    /// Set where others may be at work as well.
    pub(super) beside: Option<Beside>,
    pub(super) _lock: Lock,
}

/// What a process needs to know that works beside others.
#[derive(Debug)]
pub(super) struct Beside {
    /// Its name among them.
    pub(super) name: String,
    /// Cells whose image may be replaced: it was not what had been recorded.
    pub(super) damaged: HashSet<CellKey>,
    pub(super) _lock: Lock,
}

impl RunFolder {
    /// [`HeldFolder::take`] and [`HeldFolder::begin`] in one.
    ///
    /// # Errors
    /// As theirs.
    pub fn open(
        folder: &Path,
        plan: &Plan,
        sweep_text: &str,
        environment: &Environment,
    ) -> Result<Self, StoreError> {
        HeldFolder::take(folder, plan)?.begin(sweep_text, environment)
    }

    /// What is there now.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Lets the folder go.
    pub fn into_run(self) -> Run {
        self.run
    }

    /// Cells without an image, as indices into [`Plan::cells`], in order; those that failed are among them.
    pub fn pending(&self) -> Vec<usize> {
        pending(&self.run.plan, &self.run.records)
    }

    /// The cell's last record, if it has one.
    pub fn record_of(&self, cell: usize) -> Option<&Record> {
        self.run.records.get(&self.run.plan.cells.get(cell)?.key)
    }

    /// Writes a finished cell's image, then its journal line, then its rows of the tables; returns the
    /// record with the time that took. A failed cell comes without an image.
    ///
    /// # Errors
    /// If something cannot be written. What was recorded before is safe; this cell is recorded only if it was a table:
    /// those are made anew when the run goes on.
    pub fn record(
        &mut self,
        mut record: Record,
        image: Option<&RgbImage>,
    ) -> Result<&Record, StoreError> {
        let unfit = |reason| StoreError::Record {
            cell: record.cell.clone(),
            reason,
        };
        let Run { folder, plan, .. } = &self.run;
        let index = *self
            .index
            .get(&record.cell)
            .ok_or_else(|| unfit("it is not in the plan"))?;
        let cell = &plan.cells[index];
        match (record.status, image) {
            (Status::Failed, None) => {}
            (Status::Failed, Some(_)) => return Err(unfit("it failed and has an image")),
            (Status::Done, None) => return Err(unfit("it has no image")),
            (Status::Done, Some(image)) if image.dimensions() != (cell.width, cell.height) => {
                return Err(unfit("its image is not of its size"));
            }
            (Status::Done, Some(image)) => {
                let begun = Instant::now();
                let path = folder.join(cell.key.image_path());
                let bytes = png::encode(image, plan, cell, &record)
                    .map_err(|error| StoreError::write(&path)(io::Error::other(error)))?;
                let others = self.beside.as_ref();
                record.race = match others.filter(|it| !it.damaged.contains(&record.cell)) {
                    Some(_) => place(&path, &bytes, image)?,
                    None => files::write(&path, &bytes).map(|()| None)?,
                };
                let there = match record.race {
                    Some(_) => images::read_file(&path)?,
                    None => bytes,
                };
                record.file = Some(images::image_file(&there));
                record.times.save_ms = Some(milliseconds(begun));
            }
        }
        self.journal.append(&record)?;
        if let Some(tables) = &mut self.tables {
            tables.append(folder, plan, cell, &record)?;
        }
        let entry = self.run.records.entry(record.cell.clone());
        Ok(entry.insert_entry(record).into_mut())
    }

    /// Adds to a finished cell's record what was measured of it later, in a journal line that replaces the earlier
    /// one. The tables have it when they are rewritten.
    ///
    /// # Errors
    /// If the cell is not done, or the journal cannot be written.
    pub fn add_measures(&mut self, cell: usize, clip: ClipMeasures) -> Result<(), StoreError> {
        let key = &self.run.plan.cells[cell].key;
        let record = self.run.records.get_mut(key);
        let Some(record) = record.filter(|record| record.status == Status::Done) else {
            return Err(StoreError::Record {
                cell: key.clone(),
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

    /// The name of this process among others that may be at work here.
    pub fn writer(&self) -> Option<&str> {
        Some(self.beside.as_ref()?.name.as_str())
    }

    /// Takes over what another folder knows of cells, whose images are in place: the records, each with what it was made
    /// with.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn take_over(&mut self, records: Vec<(Record, Environment)>) -> Result<(), StoreError> {
        let mut last: Option<Environment> = None;
        for (record, environment) in records {
            if last.as_ref() != Some(&environment) {
                self.journal
                    .begin(&Begin::new(&self.run.plan, &environment, None))?;
                last = Some(environment.clone());
            }
            self.journal.append(&record)?;
            self.run.add(record, environment);
        }
        Ok(())
    }

    /// Rewrites all tables in the order of the plan; beside others there are none.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn finish(&mut self) -> Result<(), StoreError> {
        self.finish_with(&Told::default())
    }

    /// As [`RunFolder::finish`], with what is told of cells.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn finish_with(&mut self, told: &Told) -> Result<(), StoreError> {
        if self.beside.is_none() {
            self.tables = Some(Tables::write(&self.run, told)?);
        }
        Ok(())
    }
}

/// Puts an image in place, unless another process has put one there: then says how that compares. A file that is not an image
/// is replaced.
fn place(path: &Path, bytes: &[u8], image: &RgbImage) -> Result<Option<Race>, StoreError> {
    if files::write_once(path, bytes)? == files::Placed::Yes {
        return Ok(None);
    }
    match images::read_whole(path, image.dimensions()) {
        Ok(there) if there == *image => Ok(Some(Race::SamePixels)),
        Ok(_) => Ok(Some(Race::OtherPixels)),
        Err(_) => files::write(path, bytes).map(|()| None),
    }
}
