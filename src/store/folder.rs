//! A run folder to be written: one process at a time, and safe to kill at any moment.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::time::Instant;

use image::RgbImage;

use super::held::{HeldFolder, pending};
use super::journal::Journal;
use super::lock::Lock;
use super::tables::Tables;
use super::{Environment, Run, StoreError, files, images, png};
use crate::meter::milliseconds;
use crate::plan::Plan;
use crate::vocabulary::{CellKey, ClipMeasures, Record, Status};

/// A run folder that this process holds. Cells of earlier plans keep their images and journal lines; the
/// tables list those of the present plan.
#[derive(Debug)]
pub struct RunFolder {
    pub(super) run: Run,
    pub(super) index: HashMap<CellKey, usize>,
    pub(super) journal: Journal,
    pub(super) tables: Tables,
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
                files::write(&path, &bytes)?;
                record.file = Some(images::image_file(&bytes));
                record.times.save_ms = Some(milliseconds(begun));
            }
        }
        self.journal.append(&record)?;
        self.tables.append(folder, cell, &record)?;
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
        self.tables = Tables::write(&self.run, advice)?;
        Ok(())
    }
}
