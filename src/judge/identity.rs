//! What a cell is known by in a baseline: its parameters and, of a chain, those of all cells that it is made of.

use super::manifest::BaselineCell;
use crate::plan::{Cell, Plan};
use crate::vocabulary::{Parameter, Parameters};

/// The parameters of the whole path to a cell. What the images of later stages are called depends on what varies, and is
/// no part of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    /// Of the cells that it is made of, from the first stage on.
    pub path: Vec<Parameters>,
    /// Its own.
    pub parameters: Parameters,
}

impl Identity {
    /// That of a cell of a run.
    pub fn of(plan: &Plan, cell: &Cell) -> Self {
        let path = plan.ancestors(cell).into_iter().map(own);
        Self {
            path: path.collect(),
            parameters: own(cell),
        }
    }

    /// That of a cell of a baseline.
    pub fn accepted(cell: &BaselineCell) -> Self {
        Self {
            path: cell.path.clone(),
            parameters: cell.parameters.clone(),
        }
    }

    /// The parameter that differs, and its value in the other, if exactly one does on the whole path. A preset's name
    /// changes nothing by itself.
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

/// A cell's own parameters.
fn own(cell: &Cell) -> Parameters {
    let mut parameters = cell.parameters.clone();
    if cell.stage > 0 {
        parameters.image.clear();
    }
    parameters
}
