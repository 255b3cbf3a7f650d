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

/// For each cell, the cell whose image it works on.
#[derive(Debug)]
pub(super) struct Chain<'a> {
    plan: &'a Plan,
    /// Cells by the names of their images, as used in later stages.
    inputs: HashMap<&'a str, &'a CellKey>,
    /// Indices of cells in the plan; empty unless some cells work on others' images.
    index_of: HashMap<&'a CellKey, usize>,
}

impl<'a> Chain<'a> {
    pub fn of(plan: &'a Plan) -> Self {
        let images = plan.images.iter();
        let inputs = images.filter_map(|entry| Some((entry.name.as_str(), entry.cell.as_ref()?)));
        let inputs: HashMap<_, _> = inputs.collect();
        let keys = plan.cells.iter().zip(0..).filter(|_| !inputs.is_empty());
        let index_of = keys.map(|(cell, index)| (&cell.key, index)).collect();
        Self {
            plan,
            inputs,
            index_of,
        }
    }

    /// The key of the cell whose image a cell works on, if there is one.
    pub fn input(&self, cell: usize) -> Option<&'a CellKey> {
        let image = self.plan.cells.get(cell)?.parameters.image.as_str();
        self.inputs.get(image).copied()
    }

    /// Some cells and all their direct and indirect inputs, because a part of a chain computes its own inputs.
    pub fn with_inputs(&self, cells: Vec<usize>) -> HashSet<usize> {
        if self.inputs.is_empty() {
            return cells.into_iter().collect();
        }
        let mut all = HashSet::new();
        let mut left = cells;
        while let Some(cell) = left.pop() {
            if all.insert(cell) {
                left.extend(self.input(cell).and_then(|key| self.index_of.get(key)));
            }
        }
        all
    }

    /// As [`Chain::with_inputs`], in the order of the plan.
    pub fn in_order(&self, cells: Vec<usize>) -> Vec<usize> {
        let mut all: Vec<usize> = self.with_inputs(cells).into_iter().collect();
        all.sort_unstable();
        all
    }

    /// Those of some cells that are done, but whose input image has different pixels now.
    pub fn outdated<'r>(
        &self,
        cells: &HashSet<usize>,
        folder: &Path,
        record_of: impl Fn(&CellKey) -> Option<&'r Record>,
    ) -> Vec<usize> {
        let done = |key: &CellKey| record_of(key).filter(|record| record.status == Status::Done);
        let worked: Vec<(usize, &CellKey, &Record)> = (0..self.plan.cells.len())
            .filter(|cell| cells.contains(cell))
            .filter_map(|cell| {
                let input = self.input(cell)?;
                done(input)?;
                Some((cell, input, done(&self.plan.cells[cell].key)?))
            })
            .collect();
        let inputs: HashSet<&CellKey> = worked.iter().map(|(_, input, _)| *input).collect();
        let digest = |key: &'a CellKey| {
            let image = read(&folder.join(key.image_path())).ok();
            (key, image.map(|(image, _)| pixels_sha256(&image)))
        };
        let digests: HashMap<&CellKey, Option<String>> =
            inputs.into_par_iter().map(digest).collect();
        let changed = worked.into_iter().filter(|(_, input, record)| {
            // A missing input is computed again first, and compared then.
            let now = digests.get(input).and_then(Option::as_ref);
            now.is_some_and(|now| record.input_pixels_sha256.as_ref() != Some(now))
        });
        changed.map(|(cell, ..)| cell).collect()
    }
}
