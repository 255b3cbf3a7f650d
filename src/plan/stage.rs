//! The stages of a plan: most have one, a chain has several, each of which works on the images of the one before it.

use serde::{Deserialize, Serialize};

use super::{Axis, Cell, Plan};
use crate::pipeline::{Kind, Masking};
use crate::vocabulary::CellKey;

/// One pipeline of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// As the sweep file, tables and messages call it.
    pub name: String,
    /// What it does.
    pub kind: Kind,
    /// How it treats its masks.
    #[serde(default, skip_serializing_if = "Masking::is_default")]
    pub masking: Masking,
    /// Parameters with more than one value among its cells, as [`Plan::axes`]; empty where it is the only stage.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub axes: Vec<Axis>,
}

impl Stage {
    /// The only stage of a sweep.
    pub fn only(kind: Kind) -> Self {
        Self {
            name: kind.to_string(),
            kind,
            masking: Masking::default(),
            axes: Vec::new(),
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
    /// The plan of one stage alone: its cells and its axes, with the images of the stage before as its images. What shows
    /// or judges a run looks at one stage at a time.
    #[must_use]
    pub fn of_stage(&self, stage: usize) -> Self {
        let Some(only) = self.stages.get(stage).filter(|_| self.stages.len() > 1) else {
            return self.clone();
        };
        let cells = self.cells.iter().filter(|cell| cell.stage == stage);
        Self {
            axes: only.axes.clone(),
            cells: cells.cloned().collect(),
            name: self.name.clone(),
            stages: self.stages.clone(),
            models: self.models.clone(),
            images: self.images.clone(),
            masks: self.masks.clone(),
            numerics: self.numerics,
            fit: self.fit,
            resolution: self.resolution,
            checked_stages: self.checked_stages.clone(),
            sheet: self.sheet.clone(),
        }
    }

    /// The key of the cell whose image a cell works on, if it works on one's.
    pub fn input_of(&self, cell: &Cell) -> Option<&CellKey> {
        // The first stage works on the images of the sweep file.
        let image = self
            .image(&cell.parameters.image)
            .filter(|_| cell.stage > 0);
        image?.cell.as_ref()
    }

    /// The cells whose images a cell was made of, from the first stage on.
    pub fn ancestors(&self, cell: &Cell) -> Vec<&Cell> {
        let find = |key: &CellKey| self.cells.iter().find(|cell| cell.key == *key);
        let mut ancestors = Vec::new();
        let mut next = self.input_of(cell).and_then(find);
        while let Some(ancestor) = next {
            ancestors.insert(0, ancestor);
            // A plan that was tampered with could go round in circles.
            let earlier = self.input_of(ancestor).and_then(find);
            next = earlier.filter(|earlier| earlier.stage < ancestor.stage);
        }
        ancestors
    }

    /// Whether a cell is held against a baseline.
    pub fn is_checked(&self, cell: &Cell) -> bool {
        let name = self.stages.get(cell.stage).map(|stage| &stage.name);
        self.checked_stages.is_empty()
            || name.is_some_and(|name| self.checked_stages.contains(name))
    }

    /// The last stage, as an index into [`Plan::stages`].
    pub fn last_stage(&self) -> usize {
        self.stages.len().saturating_sub(1)
    }

    /// What the stage of a cell does.
    pub fn kind_of(&self, cell: &Cell) -> Kind {
        // Only a plan that was tampered with has cells without a stage.
        self.stages
            .get(cell.stage)
            .map_or(Kind::Edit, |stage| stage.kind)
    }
}
