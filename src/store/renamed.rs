//! Cells that were made under another name: when axes come or go, a cell with the same hash is the same cell, and its
//! image is taken over.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::Path;

use rayon::prelude::*;

use super::journal::Journal;
use super::{Records, Run, StoreError, files, images, png};
use crate::plan::{Cell, Plan};
use crate::vocabulary::{CellKey, Record, Status};

/// A cell of the plan, and the name under which it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Renamed {
    /// Index into [`Plan::cells`].
    pub(super) cell: usize,
    /// Its earlier name.
    from: CellKey,
}

/// Finds cells of a plan that are not done under their own names but under names that the plan does not use. They get
/// the record found there; the record under the old name is removed.
pub(super) fn find(folder: &Path, plan: &Plan, records: &mut Records) -> Vec<Renamed> {
    if records.pending(plan).is_empty() {
        return Vec::new();
    }
    let planned: HashSet<&CellKey> = plan.cells.iter().map(|cell| &cell.key).collect();
    let is_done = |record: &Record| record.status == Status::Done;
    let mut by_hash: HashMap<&str, Vec<&Record>> = HashMap::new();
    for record in records.values() {
        if is_done(record) && !planned.contains(&record.cell) {
            by_hash.entry(record.cell.hash()).or_default().push(record);
        }
    }
    // Maps have no order, but which of several is taken must not differ from run to run.
    for known in by_hash.values_mut() {
        known.sort_by(|one, other| one.cell.cmp(&other.cell));
    }
    let known_as = |cell: &Cell, index: usize| {
        if records.get(&cell.key).is_some_and(is_done) {
            return None;
        }
        let known = by_hash.get(cell.key.hash())?;
        let size = Some((cell.width, cell.height));
        let is_whole = |record: &&&Record| images::read_cell(folder, record, size).is_ok();
        let record = known.iter().find(is_whole)?;
        let from = record.cell.clone();
        Some(Renamed { cell: index, from })
    };
    let found: Vec<Renamed> = (plan.cells.par_iter().enumerate())
        .filter_map(|(index, cell)| known_as(cell, index))
        .collect();
    for Renamed { cell, from } in &found {
        if let Some(record) = records.get(from).cloned() {
            let key = plan.cells[*cell].key.clone();
            records.insert(
                key.clone(),
                Record {
                    cell: key,
                    ..record
                },
            );
        }
    }
    for Renamed { from, .. } in &found {
        records.remove(from);
    }
    found
}

/// Writes the images under their new names, then the journal lines, then removes the old files. If the process is
/// killed, both remain, and the next run repeats the step for cells without a line.
pub(super) fn take_over(
    run: &mut Run,
    journal: &mut Journal,
    renamed: &[Renamed],
    alone: bool,
) -> Result<(), StoreError> {
    for Renamed { cell, from } in renamed {
        let cell = &run.plan.cells[*cell];
        let Some(record) = run.records.get_mut(&cell.key) else {
            continue;
        };
        let old = run.folder.join(from.image_path());
        let path = run.folder.join(cell.key.image_path());
        // The image was complete a moment ago.
        let image = images::read_whole(&old, (cell.width, cell.height))
            .map_err(|reason| StoreError::read(&old)(io::Error::other(reason)))?;
        let bytes = png::encode(&image, &run.plan, cell, record)
            .map_err(|error| StoreError::write(&path)(io::Error::other(error)))?;
        files::write(&path, &bytes)?;
        record.file = Some(images::image_file(&bytes));
        journal.append(record)?;
    }
    if !alone {
        return Ok(());
    }
    let olds: HashSet<&CellKey> = renamed.iter().map(|renamed| &renamed.from).collect();
    for old in olds {
        // If it cannot be removed, it does no harm.
        let _ = fs::remove_file(run.folder.join(old.image_path()));
    }
    Ok(())
}
