//! Input images as models see them: an image of the plan at the size of the cells made from it.

use std::collections::HashSet;

use super::name::{slug, stem};
use super::pixels::input_hash;
use super::{Cell, ImageEntry, ModelEntry, Plan, Start};
use crate::vocabulary::CellKey;

/// An input image at a size: cells with equal ones start from the same pixels. How images are fitted is the same in the
/// whole plan ([`Plan::fit`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fitted<'a> {
    /// Name of the image.
    pub image: &'a str,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl Cell {
    /// The input the cell is made from, if there is one.
    pub fn fitted(&self) -> Option<Fitted<'_>> {
        let image = self.parameters.image.as_str();
        (!image.is_empty()).then_some(Fitted {
            image,
            width: self.width,
            height: self.height,
        })
    }
}

impl Start {
    /// The input that cells with this start are made from, if there is one.
    pub fn fitted<'a>(&self, plan: &'a Plan) -> Option<Fitted<'a>> {
        Some(Fitted {
            image: &plan.images[self.image?].name,
            width: self.sampling.width,
            height: self.sampling.height,
        })
    }
}

impl Plan {
    /// A model by name. There is one for each cell: other plans are refused when they are read.
    pub fn model(&self, name: &str) -> Option<&ModelEntry> {
        self.models.iter().find(|model| model.name == name)
    }

    /// An image by name. There is one for each cell that is made from an image.
    pub fn image(&self, name: &str) -> Option<&ImageEntry> {
        self.images.get(self.place_of_image(name)?)
    }

    /// The index of an image in [`Plan::images`], by its name; `None` for the empty name of cells that are
    /// made from none.
    pub(super) fn place_of_image(&self, name: &str) -> Option<usize> {
        let name = Some(name).filter(|name| !name.is_empty())?;
        let lookup = &self.by_name.images;
        lookup.place(&self.images, name, |image| &image.name)
    }

    /// The index of a cell in [`Plan::cells`], by its key.
    pub fn place_of(&self, key: &CellKey) -> Option<usize> {
        let lookup = &self.by_name.cells;
        lookup.place(&self.cells, key.as_str(), |cell| cell.key.as_str())
    }

    /// A cell by its key.
    pub fn cell(&self, key: &CellKey) -> Option<&Cell> {
        self.cells.get(self.place_of(key)?)
    }

    /// The inputs of cells, given as indices into [`Plan::cells`]: each once, in the order in which the cells need
    /// them.
    pub fn inputs_of(&self, cells: impl IntoIterator<Item = usize>) -> Vec<Fitted<'_>> {
        let mut seen = HashSet::new();
        let inputs = cells
            .into_iter()
            .filter_map(|cell| self.cells[cell].fitted());
        inputs.filter(|fitted| seen.insert(*fitted)).collect()
    }

    /// The file of an input, relative to its run folder: a readable name and a short hash of everything that can change
    /// its pixels.
    pub fn input_path(&self, fitted: Fitted) -> String {
        let Fitted {
            image,
            width,
            height,
        } = fitted;
        let entry = self.image(image);
        if let Some(cell) = entry.and_then(|entry| entry.cell.as_ref()) {
            return cell.image_path();
        }
        let sha256 = entry.map(|entry| entry.sha256.as_str());
        let hash = input_hash(sha256.unwrap_or_default(), self.fit, width, height);
        let name = slug(stem(image));
        let dash = if name.is_empty() { "" } else { "-" };
        format!("inputs/{name}{dash}{width}x{height}-{hash}.png")
    }
}
