//! The masks of a run: they are inspected before anything is computed, and made before the cells that use them.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use rayon::prelude::*;

use crate::engine::Masks;
use crate::image::{ImageError, Mask, MaskImage, MaskSource, read};
use crate::pipeline::Use;
use crate::plan::{Cell, FittedMask, ImageEntry, MaskEntry, Plan};
use crate::store::{Inputs, StoreError};
use crate::vocabulary::CellKey;

/// Makes the masks of cells at the cells' sizes, and keeps them in the run folder for everything that shows or measures
/// them. The cells they are made from must be done.
///
/// # Errors
/// If a file cannot be written. A mask that cannot be made only fails its cells.
pub(super) fn keep_masks<'a>(
    plan: &'a Plan,
    folder: &Path,
    cells: &[usize],
) -> Result<Masks<'a>, StoreError> {
    let maker = Maker::of(plan, folder);
    let inputs = Inputs::of(plan, folder);
    let masks = cells.iter().filter_map(|&cell| {
        let cell = &plan.cells[cell];
        Some((plan.mask_of(cell)?, cell))
    });
    let masks: HashMap<FittedMask, &Cell> = masks.collect();
    let made = masks.into_par_iter().map(|(fitted, cell)| {
        let mask = maker.make(fitted, cell);
        if let Ok(mask) = &mask {
            inputs.keep_mask(fitted, &mask.to_mask())?;
        }
        Ok((fitted, mask))
    });
    made.collect()
}

/// Makes masks from what is in a run folder.
struct Maker<'a> {
    plan: &'a Plan,
    folder: &'a Path,
    cells: HashMap<&'a CellKey, &'a Cell>,
}

impl<'a> Maker<'a> {
    fn of(plan: &'a Plan, folder: &'a Path) -> Self {
        let makes_changed = plan.masks.iter().any(MaskEntry::is_of_the_image);
        let cells = plan.cells.iter().filter(|_| makes_changed);
        Self {
            plan,
            folder,
            cells: cells.map(|cell| (&cell.key, cell)).collect(),
        }
    }

    /// Makes the mask of a cell.
    fn make(&self, fitted: FittedMask, cell: &Cell) -> Result<MaskImage, String> {
        let entry = self.plan.mask(fitted.mask);
        let entry = entry.ok_or("the plan does not list its mask")?;
        let recipe = entry.recipe();
        let mask = match &recipe.source {
            MaskSource::File(_) => {
                let (mask, _) = MaskImage::read(&entry.path).map_err(|error| error.to_string())?;
                self.at_size(&mask, fitted)
            }
            MaskSource::Alpha => {
                let first = self.path(cell).last().copied().unwrap_or(cell);
                let image = self.plan.image(&first.parameters.image);
                let image = image.ok_or("the plan does not list its image")?;
                let mask = MaskImage::of_alpha(&image.path).map_err(|error| error.to_string())?;
                self.at_size(&mask, fitted)
            }
            MaskSource::Changed { stage, above } => {
                let path = self.path(cell);
                let changed = path.iter().find(|earlier| {
                    let stages = self.plan.stages.get(earlier.stage);
                    stages.is_some_and(|own| own.name == *stage)
                });
                let changed = changed.ok_or_else(|| format!("it has no cell of stage {stage}"))?;
                let mask = self.changed(changed, above.to_f64())?;
                if mask.to_mask().repainted() == 0.0 {
                    return Err(format!(
                        "its mask is empty: {} changed no pixel of its input by more than {above}; lower above",
                        changed.key
                    ));
                }
                mask
            }
        };
        Ok(mask.edited(recipe.edit()))
    }

    fn at_size(&self, mask: &MaskImage, fitted: FittedMask) -> MaskImage {
        mask.fit(fitted.width, fitted.height, self.plan.fit)
    }

    /// The cells that a cell is made from, nearest first.
    fn path(&self, cell: &Cell) -> Vec<&'a Cell> {
        let mut path: Vec<&Cell> = Vec::new();
        let input = |cell: &Cell| self.cells.get(self.plan.input_of(cell)?).copied();
        let mut next = input(cell);
        // A plan that was tampered with could contain a circle.
        while let Some(earlier) = next.filter(|_| path.len() < self.plan.stages.len()) {
            path.push(earlier);
            next = input(earlier);
        }
        path
    }

    /// The mask of what a cell changed of its input.
    fn changed(&self, cell: &Cell, above: f64) -> Result<MaskImage, String> {
        let input = cell.fitted().ok_or("it works on no image")?;
        let before = Inputs::of(self.plan, self.folder).read(input);
        let before = before.map_err(|error| error.to_string())?;
        let after = self.folder.join(cell.key.image_path());
        let (after, _) = read(&after).map_err(|error| error.to_string())?;
        Ok(MaskImage::changed(&before, &after, above))
    }
}

/// Notes on the masks of a plan before it runs, apart from masks made from cells that do not exist yet.
///
/// # Errors
/// If a mask is empty and so would have no effect.
pub(super) fn look_at_masks(plan: &Plan) -> Result<Vec<String>, ImageError> {
    let maker = Maker::of(plan, Path::new(""));
    let mut seen = HashSet::new();
    let mut looks = Vec::new();
    for cell in &plan.cells {
        let Some(fitted) = plan.mask_of(cell) else {
            continue;
        };
        let entry = plan.mask(fitted.mask).map(MaskEntry::recipe);
        let is_made_later =
            entry.is_some_and(|recipe| matches!(recipe.source, MaskSource::Changed { .. }));
        // For cells that work on other cells' images, transparency is that of the first image.
        let first = maker.path(cell).last().copied().unwrap_or(cell);
        let image = fitted.image.map(|_| first.parameters.image.as_str());
        if !is_made_later && seen.insert((fitted.mask, image, cell.width, cell.height, cell.stage))
        {
            looks.push((cell, first, fitted));
        }
    }
    let looked: Vec<Result<Vec<String>, ImageError>> = looks
        .into_par_iter()
        .map(|(cell, first, fitted)| {
            // A mask that cannot be read has been reported, or will be when its turn comes.
            let Ok(mask) = maker.make(fitted, cell) else {
                return Ok(Vec::new());
            };
            look_at(plan, cell, first, fitted, &mask.to_mask())
        })
        .collect();
    let (good, bad): (Vec<_>, Vec<_>) = looked.into_iter().partition(Result::is_ok);
    match ImageError::all(bad.into_iter().filter_map(Result::err).collect()) {
        Some(error) => Err(error),
        None => {
            let mut notes: Vec<String> = good.into_iter().flatten().flatten().collect();
            notes.dedup();
            Ok(notes)
        }
    }
}

fn look_at(
    plan: &Plan,
    cell: &Cell,
    first: &Cell,
    fitted: FittedMask,
    mask: &Mask,
) -> Result<Vec<String>, ImageError> {
    let FittedMask { mask: name, .. } = fitted;
    let image = plan.image(&first.parameters.image);
    let repaints = plan.kind_of(cell).pipeline().needs().mask == Use::Always;
    // What an edit may change is feathered by every level of the mask.
    let is_empty = match repaints {
        true => mask.repainted() == 0.0,
        false => mask.levels().pixels().all(|level| level[0] == 0),
    };
    if is_empty {
        return Err(ImageError::EmptyMask {
            mask: name.to_owned(),
            image: fitted.image.and(image).map(|image| image.name.clone()),
        });
    }
    let mut notes = Vec::new();
    if mask.repainted() == 1.0 {
        notes.push(format!(
            "mask {name} is white all over: nothing of the image is kept"
        ));
    }
    let entry = plan.mask(name);
    if let (Some(entry), Some(image)) = (entry, image)
        && is_of_another_shape(entry, image)
    {
        notes.push(format!(
            "mask {name} ({}x{}) has another shape than image {} ({}x{}): by the rule of size.fit it is cut or squeezed to \
             {}x{}",
            entry.width, entry.height, image.name, image.width, image.height, cell.width, cell.height
        ));
    }
    Ok(notes)
}

/// Whether a mask file's aspect ratio differs from an image's by more than rounding.
fn is_of_another_shape(mask: &MaskEntry, image: &ImageEntry) -> bool {
    let aspect = |width: u32, height: u32| f64::from(width) / f64::from(height.max(1));
    let ratio = aspect(mask.width, mask.height) / aspect(image.width, image.height);
    mask.width > 0 && image.width > 0 && (ratio - 1.0).abs() > 0.01
}
