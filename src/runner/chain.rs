//! Cells that work on other cells' images: whether those images exist and are unchanged.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use image::RgbImage;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::digest::hexadecimal;
use crate::image::read;
use crate::plan::Plan;
use crate::vocabulary::{CellKey, Record, Status};

/// SHA-256 over an image's pixels, in hexadecimal.
pub(super) fn pixels_sha256(image: &RgbImage) -> String {
    hexadecimal(&Sha256::digest(image.as_raw()))
}

/// Some cells and all their direct and indirect inputs, because a part of a chain computes its own inputs.
pub(super) fn with_inputs(plan: &Plan, cells: Vec<usize>) -> HashSet<usize> {
    let mut all = HashSet::new();
    let mut left = cells;
    while let Some(cell) = left.pop() {
        if all.insert(cell) {
            let input = plan.input_of(&plan.cells[cell]);
            left.extend(input.and_then(|key| plan.place_of(key)));
        }
    }
    all
}

/// As [`with_inputs`], in the order of the plan.
pub(super) fn with_inputs_in_order(plan: &Plan, cells: Vec<usize>) -> Vec<usize> {
    let mut all: Vec<usize> = with_inputs(plan, cells).into_iter().collect();
    all.sort_unstable();
    all
}

/// Those of some cells that are done, but whose input image has different pixels now.
pub(super) fn outdated<'r>(
    plan: &Plan,
    cells: &HashSet<usize>,
    folder: &Path,
    record_of: impl Fn(&CellKey) -> Option<&'r Record>,
) -> Vec<usize> {
    let done = |key: &CellKey| record_of(key).filter(|record| record.status == Status::Done);
    let worked: Vec<(usize, &CellKey, &Record)> = (plan.cells.iter().enumerate())
        .filter(|(place, _)| cells.contains(place))
        .filter_map(|(place, cell)| {
            let input = plan.input_of(cell)?;
            done(input)?;
            Some((place, input, done(&cell.key)?))
        })
        .collect();
    let inputs: HashSet<&CellKey> = worked.iter().map(|(_, input, _)| *input).collect();
    let digest = |key| {
        let image = read(&folder.join(CellKey::image_path(key))).ok();
        (key, image.map(|(image, _)| pixels_sha256(&image)))
    };
    let digests: HashMap<&CellKey, Option<String>> = inputs.into_par_iter().map(digest).collect();
    let changed = worked.into_iter().filter(|(_, input, record)| {
        // A missing input is computed again first, and compared then.
        let now = digests.get(input).and_then(Option::as_ref);
        now.is_some_and(|now| record.input_pixels_sha256.as_ref() != Some(now))
    });
    changed.map(|(cell, ..)| cell).collect()
}
