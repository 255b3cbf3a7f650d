//! The identity of a cell in a baseline: its parameters and, in a chain, those of all cells it is made from.

use super::manifest::BaselineCell;
use crate::plan::{Cell, Plan};
use crate::vocabulary::{Parameter, Parameters, Word};

/// The parameters of the whole path to a cell, without the names of later stages' images, which depend on what varies
/// in the sweep.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    /// Parameters of the cells that it is made from, from the first stage on.
    pub path: Vec<Parameters>,
    /// The cell's own parameters.
    pub parameters: Parameters,
}

impl Identity {
    /// The identity of a cell of a run.
    pub fn of(plan: &Plan, cell: &Cell) -> Self {
        let path = plan.ancestors(cell).into_iter().map(own);
        Self {
            path: path.collect(),
            parameters: own(cell),
        }
    }

    /// The identity of a cell of a baseline.
    pub fn accepted(cell: &BaselineCell) -> Self {
        Self {
            path: cell.path.clone(),
            parameters: cell.parameters.clone(),
        }
    }

    /// If exactly one parameter on the whole path differs: that parameter, and its value in the other. Names of presets
    /// do not count.
    pub fn only_difference(&self, other: &Self) -> Option<(Parameter, String)> {
        if self.path.len() != other.path.len() {
            return None;
        }
        let mine = self.path.iter().chain([&self.parameters]);
        let others = other.path.iter().chain([&other.parameters]);
        let mut differing = mine.zip(others).flat_map(|(mine, other)| {
            let differs = |parameter: &Parameter| mine.text(*parameter) != other.text(*parameter);
            let parameters = Parameter::ALL.into_iter().filter(differs);
            parameters.map(|parameter| (parameter, other.text(parameter)))
        });
        let first = differing.next()?;
        differing.next().is_none().then_some(first)
    }
}

/// A cell's parameters, without the image if that is another cell's.
fn own(cell: &Cell) -> Parameters {
    let mut parameters = cell.parameters.clone();
    if cell.stage > 0 {
        parameters.image = Word::default();
    }
    parameters
}
