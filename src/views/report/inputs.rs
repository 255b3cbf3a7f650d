//! The inputs and masks that the page shows: files of the run folder.

use std::collections::HashMap;

use crate::plan::{Cell, Fitted, FittedMask, Plan};
use crate::store::{MissingInput, Run};

/// The inputs of a run; an image used at two sizes counts as two inputs.
#[derive(Debug)]
pub(super) struct Inputs<'a> {
    /// Their files, relative to the run folder, in the order in which cells first need them.
    pub(super) files: Vec<Result<String, MissingInput>>,
    of: HashMap<Fitted<'a>, usize>,
}

impl<'a> Inputs<'a> {
    /// Looks for the inputs of all cells.
    pub(super) fn find(run: &'a Run) -> Self {
        let inputs = run.plan.inputs_of(0..run.plan.cells.len());
        let files = inputs.iter().map(|&fitted| run.inputs().find(fitted));
        Self {
            files: files.collect(),
            of: inputs.iter().copied().zip(0..).collect(),
        }
    }

    /// The index in [`Inputs::files`] of a cell's input.
    pub(super) fn index(&self, cell: &Cell) -> Option<usize> {
        self.of.get(&cell.fitted()?).copied()
    }
}

/// The masks of a run, as far as its folder has them.
#[derive(Debug)]
pub(super) struct Masks<'a> {
    /// Their files, relative to the run folder.
    pub(super) files: Vec<String>,
    of: HashMap<FittedMask<'a>, usize>,
}

impl<'a> Masks<'a> {
    /// Looks for the masks of all cells.
    pub(super) fn find(run: &'a Run) -> Self {
        let mut masks = Self {
            files: Vec::new(),
            of: HashMap::new(),
        };
        for fitted in (run.plan.cells.iter()).filter_map(|cell| run.plan.mask_of(cell)) {
            if masks.of.contains_key(&fitted) {
                continue;
            }
            if let Some(file) = run.inputs().find_mask(fitted) {
                masks.of.insert(fitted, masks.files.len());
                masks.files.push(file);
            }
        }
        masks
    }

    /// The index in [`Masks::files`] of a cell's mask.
    pub(super) fn index(&self, plan: &Plan, cell: &Cell) -> Option<usize> {
        self.of.get(&plan.mask_of(cell)?).copied()
    }
}
