//! The inputs of a run, brought to size before its first cell: the engine, and all that shows or measures the run, read
//! one file.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use image::RgbImage;
use rayon::prelude::*;

use crate::engine::InputFiles;
use crate::image::{fit, read_probed};
use crate::plan::{Fitted, Plan};
use crate::store::{Inputs, StoreError};

/// Puts the inputs of cells, as indices into [`Plan::cells`], into a run folder; gives those of the cells that are
/// pending, whose inputs are made anew so that nothing is computed of a file that was changed. Those that are left when
/// it is cancelled have no file.
///
/// # Errors
/// If a file cannot be written. An image that cannot be read is its cells' fault.
pub(super) fn keep_inputs<'a>(
    plan: &'a Plan,
    folder: &Path,
    cells: &HashSet<usize>,
    pending: &[usize],
    cancel: &AtomicBool,
) -> Result<InputFiles<'a>, StoreError> {
    let inputs = Inputs::of(plan, folder);
    let needed = plan.inputs_of(pending.iter().copied());
    let is_needed: HashSet<Fitted> = needed.iter().copied().collect();
    let shown = plan.inputs_of(cells.iter().copied()).into_iter();
    let lost = shown.filter(|input| !is_needed.contains(input) && inputs.find(*input).is_err());
    let made = needed.iter().copied().chain(lost).collect::<Vec<_>>();
    let made = made.into_par_iter().map(|input| {
        let image = match cancel.load(Ordering::Relaxed) {
            false => fitted(plan, input),
            true => Err("the run was stopped".to_owned()),
        };
        let file = match image {
            Ok(image) => {
                inputs.keep(input, &image)?;
                Ok(folder.join(plan.input_path(input)))
            }
            Err(reason) => Err(reason),
        };
        Ok((input, file))
    });
    made.collect()
}

/// An image of the plan at the size of its cells, or why there is none.
fn fitted(plan: &Plan, input: Fitted) -> Result<RgbImage, String> {
    let entry = plan.image(input.image).ok_or("the plan does not list it")?;
    let image = read_probed(&entry.path, &entry.sha256, entry.converted)
        .map_err(|error| error.to_string())?;
    Ok(fit(&image, input.width, input.height, plan.fit))
}
