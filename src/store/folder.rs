//! A run folder opened for writing: one process at a time, safe to kill at any moment.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use image::RgbImage;

use super::begin::Begin;
use super::journal::Journal;
use super::lock::Lock;
use super::tables::{AdviceColumns, Tables};
use super::{Environment, Run, StoreError, files, images, png};
use crate::meter::milliseconds;
use crate::vocabulary::{CellKey, ClipMeasures, Race, Record, Status};

/// A run folder that this process has locked for writing. Cells of earlier plans keep their images and journal lines;
/// the tables list only cells of the present plan.
#[derive(Debug)]
pub struct RunFolder {
    pub(super) run: Run,
    pub(super) journal: Journal,
    /// `None` if other processes work here too: the last one to finish makes the tables.
    pub(super) tables: Option<Tables>,
    /// Set if other processes may be at work here too.
    pub(super) beside: Option<Beside>,
    pub(super) _lock: Lock,
}

/// What a process that works beside others needs to know.
#[derive(Debug)]
pub(super) struct Beside {
    /// Its name among them.
    pub(super) name: String,
    /// Cells whose image differs from what was recorded, and may be replaced.
    pub(super) damaged: HashSet<CellKey>,
    pub(super) _lock: Lock,
}

impl RunFolder {
    /// The run as it is now.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Releases the folder and returns the run.
    pub fn into_run(self) -> Run {
        self.run
    }

    /// Cells without an image, including failed ones, as indices into [`crate::plan::Plan::cells`], in order.
    pub fn pending(&self) -> Vec<usize> {
        self.run.records.pending(&self.run.plan)
    }

    /// The cell's last record, if it has one.
    pub fn record_of(&self, cell: usize) -> Option<&Record> {
        self.run.records.get(&self.run.plan.cells.get(cell)?.key)
    }

    /// Writes a finished cell's image, then its journal line, then its table rows; returns the record with the time
    /// that took. A failed cell has no image.
    ///
    /// # Errors
    /// If something cannot be written. Earlier records are safe. If only a table could not be written, this cell is
    /// recorded too: tables are made again when the run continues.
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
        let cell = plan.cell(&record.cell);
        let cell = cell.ok_or_else(|| unfit("it is not in the plan"))?;
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
        let key = record.cell.clone();
        self.run.records.insert(key.clone(), record);
        Ok(&self.run.records[&key])
    }

    /// Adds later measures to a finished cell's record, in a journal line that replaces the earlier one. They appear in
    /// the tables when these are rewritten.
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
            clip: Some(Box::new(clip)),
            ..record.clone()
        };
        self.journal.append(&measured)?;
        *record = measured;
        Ok(())
    }

    /// This process's name, if others may be at work here too.
    pub fn writer(&self) -> Option<&str> {
        Some(self.beside.as_ref()?.name.as_str())
    }

    /// Takes over records of another folder whose images are already in place here, each with the environment it was
    /// made in.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn take_over<'e>(
        &mut self,
        records: impl IntoIterator<Item = (Arc<Record>, &'e Environment)>,
    ) -> Result<(), StoreError> {
        let mut groups: Vec<(&Environment, Vec<Arc<Record>>)> = Vec::new();
        let mut places = HashMap::new();
        for (record, environment) in records {
            let place = *places.entry(environment).or_insert(groups.len());
            if place == groups.len() {
                groups.push((environment, Vec::new()));
            }
            groups[place].1.push(record);
        }
        if groups.is_empty() {
            return Ok(());
        }
        let plan = self.run.plan.digest();
        for (environment, records) in groups {
            let begin = Begin::of(plan.clone(), environment, None);
            self.journal.begin(&begin)?;
            self.journal.append_all(&records)?;
            self.run.add(records, environment);
        }
        Ok(())
    }

    /// Keeps which images were read and are as recorded, so that the next merge need not read them again.
    pub fn keep_verified(&self) {
        let Run {
            folder, verified, ..
        } = &self.run;
        if let Err(error) = verified.write(folder) {
            tracing::debug!("what was verified cannot be kept: {error}");
        }
    }

    /// Rewrites all tables in the order of the plan; does nothing if other processes work here too.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn finish(&mut self) -> Result<(), StoreError> {
        self.finish_with_advice(&AdviceColumns::default())
    }

    /// As [`RunFolder::finish`], with the advice on cells.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn finish_with_advice(&mut self, told: &AdviceColumns) -> Result<(), StoreError> {
        if self.beside.is_none() {
            self.tables = Some(Tables::write(&self.run, told)?);
        }
        Ok(())
    }
}

/// Puts an image in place. If another process has already put one there, that one is kept and compared with this; a
/// file that is not an image is replaced.
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
