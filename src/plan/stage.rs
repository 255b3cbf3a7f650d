//! The stages of a plan: most plans have one; a chain has several, each working on the images of the one before it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Axis, ByName, Cell, Plan};
use crate::pipeline::{Kind, Masking};
use crate::vocabulary::CellKey;

/// One stage of a plan: a pipeline with its models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Its name in the sweep file, tables and messages.
    pub name: String,
    /// Its kind of pipeline.
    pub kind: Kind,
    /// How it treats its masks.
    #[serde(default, skip_serializing_if = "Masking::is_default")]
    pub masking: Masking,
    /// Parameters with more than one value among its cells, like [`Plan::axes`]; empty if it is the only stage.
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

    /// The stages of plans written before there were several kinds.
    pub fn one_edit() -> Vec<Self> {
        vec![Self::only(Kind::Edit)]
    }

    pub(super) fn are_one_edit(stages: &[Self]) -> bool {
        stages == Self::one_edit()
    }
}

impl Plan {
    /// The plan of one stage alone: its cells and axes, with the images of the previous stage as its images. Views and
    /// checks look at one stage at a time.
    #[must_use]
    pub fn of_stage(&self, stage: usize) -> Cow<'_, Self> {
        let Some(only) = self.stages.get(stage).filter(|_| self.stages.len() > 1) else {
            return Cow::Borrowed(self);
        };
        let cells = self.cells.iter().filter(|cell| cell.stage == stage);
        Cow::Owned(Self {
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
            by_name: ByName::default(),
        })
    }

    /// The key of the cell whose image a cell works on, if there is one.
    pub fn input_of(&self, cell: &Cell) -> Option<&CellKey> {
        // The first stage works on the images of the sweep file.
        let image = Some(&cell.parameters.image).filter(|_| cell.stage > 0)?;
        self.image(image)?.cell.as_ref()
    }

    /// The cells from which a cell's image was made, from the first stage on.
    pub fn ancestors(&self, cell: &Cell) -> Vec<&Cell> {
        let find = |key: &CellKey| self.cell(key);
        let mut ancestors = Vec::new();
        let mut next = self.input_of(cell).and_then(find);
        while let Some(ancestor) = next {
            ancestors.insert(0, ancestor);
            // A plan that was tampered with could contain a circle.
            let earlier = self.input_of(ancestor).and_then(find);
            next = earlier.filter(|earlier| earlier.stage < ancestor.stage);
        }
        ancestors
    }

    /// Whether a cell is checked against a baseline.
    pub fn is_checked(&self, cell: &Cell) -> bool {
        let name = self.stages.get(cell.stage).map(|stage| &stage.name);
        self.checked_stages.is_empty()
            || name.is_some_and(|name| self.checked_stages.contains(name))
    }

    /// The last stage, as an index into [`Plan::stages`].
    pub fn last_stage(&self) -> usize {
        self.stages.len().saturating_sub(1)
    }

    /// The kind of a cell's stage.
    pub fn kind_of(&self, cell: &Cell) -> Kind {
        // Only a plan that was tampered with has cells without a stage.
        self.stages
            .get(cell.stage)
            .map_or(Kind::Edit, |stage| stage.kind)
    }
}
