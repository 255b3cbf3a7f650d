//! The stages of a plan: most have one, a chain has several, each of which works on the images of the one before it.

use serde::{Deserialize, Serialize};

use super::{Cell, Plan};
use crate::pipeline::Kind;

/// One pipeline of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// As the sweep file, tables and messages call it.
    pub name: String,
    /// What it does.
    pub kind: Kind,
}

impl Stage {
    /// The only stage of a sweep.
    pub fn only(kind: Kind) -> Self {
        Self {
            name: kind.to_string(),
            kind,
        }
    }

    /// The stages of plans that were written before there were several kinds.
    pub fn one_edit() -> Vec<Self> {
        vec![Self::only(Kind::Edit)]
    }

    pub(super) fn are_one_edit(stages: &[Self]) -> bool {
        stages == Self::one_edit()
    }
}

impl Plan {
    /// What the stage of a cell does.
    pub fn kind_of(&self, cell: &Cell) -> Kind {
        // Only a plan that was tampered with has cells without a stage.
        self.stages
            .get(cell.stage)
            .map_or(Kind::Edit, |stage| stage.kind)
    }
}
