//! The sizes from which everything on a sheet is laid out.

use crate::drawing::{Face, OtherFont, Rect, Style};
use crate::plan::{Cell, Plan};

/// A sheet with more pixels than this is split into pages.
pub const MOST_PIXELS: u64 = 100_000_000;
/// The longest side of a sheet, limited by WebP and by image viewers.
pub const LONGEST_SIDE: u32 = 16_383;
/// Bounds to which `sheet.cell` is clamped.
const CELL_BOUNDS: (u32, u32) = (32, 4096);
/// Text is at least this fraction (1/n) of a sheet's longer side, so that it can be read when the sheet fills a screen.
const EMS_ALONG: f32 = 160.0;
/// The largest em in pixels; more would only take space.
const LARGEST_EM: f32 = 72.0;
/// The smallest width and height of a box, for a short label.
const LEAST_BOX: (u32, u32) = (32, 20);

/// Sizes in pixels, all derived from the side of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metrics<'f> {
    /// Width of a cell's box.
    pub width: u32,
    /// Height of a cell's box.
    pub height: u32,
    /// Space between cells.
    pub gap: u32,
    /// Space between groups of cells, and between inputs and cells.
    pub group_gap: u32,
    /// Space between labels and what they label.
    pub pad: u32,
    /// Space between panels.
    pub panel_gap: u32,
    /// Margin around the sheet.
    pub margin: u32,
    /// Style of values.
    pub label: Style<'f>,
    /// Style of axis names.
    pub name: Style<'f>,
    /// Style of names in panel titles.
    pub panel_label: Style<'f>,
    /// Style of values in panel titles.
    pub panel: Style<'f>,
    /// Style of text on cells.
    pub caption: Style<'f>,
    /// Style of the title.
    pub title: Style<'f>,
    /// Style of constant settings and legends.
    pub small: Style<'f>,
}

impl<'f> Metrics<'f> {
    /// The same metrics with this size of boxes.
    pub fn boxed(self, (width, height): (u32, u32)) -> Self {
        Self {
            width,
            height,
            ..self
        }
    }

    /// The box for these cells (`columns` side by side and `rows` one above another in it), scaled so that its longer
    /// side is the side of a cell.
    pub fn box_of(&self, plan: &Plan, cells: &[usize], (columns, rows): (u32, u32)) -> (u32, u32) {
        let square = Rect::new(0, 0, self.width, self.height);
        let boxes = cells.iter().map(|&index| {
            let Cell { width, height, .. } = plan.cells[index];
            square.fitted(width * columns, height * rows)
        });
        boxes.fold(LEAST_BOX, |(w, h), b| (b.width.max(w), b.height.max(h)))
    }

    /// Thickness of an outline.
    pub fn outline(&self) -> u32 {
        (self.width.max(self.height) / 56).clamp(2, 12)
    }

    /// Metrics for cells with this side on a sheet of about this extent, with a fallback font. Cells that hold several
    /// images are further apart than these images.
    pub fn new(cell: u32, extent: u32, is_merged: bool, other: Option<&'f OtherFont>) -> Self {
        let cell = cell.clamp(CELL_BOUNDS.0, CELL_BOUNDS.1);
        let of_sheet = (extent as f32 / EMS_ALONG).min(LARGEST_EM);
        let of_cell = (cell as f32 / 16.0).clamp(12.0, 40.0);
        // Labels have no more space than their cells, but what stands above them has.
        let em = of_cell.max(of_sheet.min(cell as f32 / 7.0));
        let above = of_cell.max(of_sheet);
        let style = |face: Face<'static>, em| Style {
            face: face.or(other),
            em,
        };
        Self {
            width: cell,
            height: cell,
            gap: (cell / 48).clamp(2, 16) * if is_merged { 2 } else { 1 },
            group_gap: (cell / 12).clamp(10, 48),
            pad: (em * 0.45) as u32,
            panel_gap: (em * 3.0) as u32,
            margin: (em * 1.6) as u32,
            label: style(Face::REGULAR, em),
            name: style(Face::BOLD, em),
            panel_label: style(Face::REGULAR, above),
            panel: style(Face::BOLD, above),
            caption: style(Face::REGULAR, (of_cell * 0.9).max(12.0)),
            title: style(Face::BOLD, above * 1.5),
            small: style(Face::REGULAR, (above * 0.9).max(12.0)),
        }
    }
}
