//! The inputs of a run, for the page: the files that the run folder holds.

use std::collections::HashMap;

use crate::plan::{Cell, Fitted};
use crate::store::{MissingInput, Run};

/// The inputs of a run; an image that cells use at two sizes is two inputs.
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

    /// Which of [`Inputs::files`] a cell was made of.
    pub(super) fn index(&self, cell: &Cell) -> Option<usize> {
        self.of.get(&cell.fitted()?).copied()
    }
}
