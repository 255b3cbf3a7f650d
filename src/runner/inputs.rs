//! Fits the inputs of a run to size before its first cell, so that the engine and everything that shows or measures the
//! run read the same file. If an input is another cell's image, that cell's file is used.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use image::RgbImage;
use rayon::prelude::*;

use crate::engine::InputFiles;
use crate::image::{fit, read_probed};
use crate::plan::{Fitted, Plan};
use crate::store::{Inputs, RunFolder, StoreError};
use crate::vocabulary::Status;

/// Puts the inputs of cells, given as indices into [`Plan::cells`], into a run folder. Returns those of pending cells,
/// whose files are made again, so that nothing is computed from a file that was changed. Inputs left when it is
/// cancelled have no file.
///
/// # Errors
/// If a file cannot be written. An image that cannot be read only fails its cells.
pub(super) fn keep_inputs<'a>(
    plan: &'a Plan,
    folder: &RunFolder,
    cells: &HashSet<usize>,
    pending: &[usize],
    cancel: &AtomicBool,
) -> Result<InputFiles<'a>, StoreError> {
    let path = &folder.run().folder;
    let inputs = Inputs::of(plan, path);
    let needed = plan.inputs_of(pending.iter().copied());
    let is_needed: HashSet<Fitted> = needed.iter().copied().collect();
    let mut cells: Vec<usize> = cells.iter().copied().collect();
    cells.sort_unstable();
    let shown = plan.inputs_of(cells).into_iter();
    let lost = shown.filter(|input| !is_needed.contains(input) && inputs.find(*input).is_err());
    let (of_cells, of_files): (Vec<Fitted>, Vec<Fitted>) = (needed.iter().copied().chain(lost))
        .partition(|input| {
            plan.image(input.image)
                .is_some_and(|image| image.cell.is_some())
        });
    let made = of_files.into_par_iter().map(|input| {
        let image = match cancel.load(Ordering::Relaxed) {
            false => fitted(plan, input),
            true => Err("the run was stopped".to_owned()),
        };
        let file = match image {
            Ok(image) => {
                inputs.keep(input, &image)?;
                Ok(path.join(plan.input_path(input)))
            }
            Err(reason) => Err(reason),
        };
        Ok((input, file))
    });
    let mut made: InputFiles = made.collect::<Result<_, StoreError>>()?;
    made.extend(of_cells.into_iter().map(|input| {
        let file = of_cell(plan, folder, input);
        (input, file.map(|()| path.join(plan.input_path(input))))
    }));
    Ok(made)
}

/// Why a cell's input cannot be used, if it is another cell's image.
pub(super) fn unusable(plan: &Plan, cell: usize, inputs: &InputFiles) -> Option<String> {
    let input = plan.cells[cell].fitted()?;
    plan.image(input.image)?.cell.as_ref()?;
    match inputs.get(&input) {
        Some(Ok(_)) => None,
        Some(Err(reason)) => Some(reason.clone()),
        None => Some("its input is not there".to_owned()),
    }
}

/// Checks that the cell whose image this is has one.
fn of_cell(plan: &Plan, folder: &RunFolder, input: Fitted) -> Result<(), String> {
    let key = plan
        .image(input.image)
        .and_then(|image| image.cell.as_ref());
    let key = key.ok_or("the plan does not list its input")?;
    let record = folder.run().records.get(key);
    match record.map(|record| record.status) {
        Some(Status::Done) => Ok(()),
        Some(Status::Failed) => Err(format!("its input {key} failed")),
        None => Err(format!("its input {key} is not done")),
    }
}

/// An image of the plan fitted to the size of its cells, or why there is none.
fn fitted(plan: &Plan, input: Fitted) -> Result<RgbImage, String> {
    let entry = plan.image(input.image).ok_or("the plan does not list it")?;
    let image = read_probed(&entry.path, &entry.sha256, entry.converted)
        .map_err(|error| error.to_string())?;
    Ok(fit(&image, input.width, input.height, plan.fit))
}
