//! Sizes that everything on a sheet is measured in.

use crate::drawing::{Face, OtherFont, Rect, Style};
use crate::plan::{Cell, Plan};

/// Pixels of a sheet above which it is split into pages.
pub const MOST_PIXELS: u64 = 100_000_000;
/// Longest side of a sheet: what WebP can hold, and viewers show.
pub const LONGEST_SIDE: u32 = 16_383;
/// Bounds of `sheet.cell`; what lies beyond is taken as the bound.
const CELL_BOUNDS: (u32, u32) = (32, 4096);
/// Text is no smaller than this share of a sheet's longer side: where that fills a screen, it can be read.
const EMS_ALONG: f32 = 160.0;
/// Pixels of an em beyond which it would only take room.
const LARGEST_EM: f32 = 72.0;
/// No box is narrower or lower: a short label needs this much.
const LEAST_BOX: (u32, u32) = (32, 20);

/// Sizes in pixels, all derived from the side of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metrics<'f> {
    /// Width of a cell's box.
    pub width: u32,
    /// Height of a cell's box.
    pub height: u32,
    /// Between cells.
    pub gap: u32,
    /// Between groups of cells, and between inputs and cells.
    pub group_gap: u32,
    /// Between labels and what they label.
    pub pad: u32,
    /// Between panels.
    pub panel_gap: u32,
    /// Around the sheet.
    pub margin: u32,
    /// Values.
    pub label: Style<'f>,
    /// Names of axes.
    pub name: Style<'f>,
    /// Names in panel titles.
    pub panel_label: Style<'f>,
    /// Values in panel titles.
    pub panel: Style<'f>,
    /// What stands on cells.
    pub caption: Style<'f>,
    /// The title.
    pub title: Style<'f>,
    /// Constant settings and legends.
    pub small: Style<'f>,
}

impl<'f> Metrics<'f> {
    /// The same for cells whose boxes have this size.
    pub fn boxed(self, (width, height): (u32, u32)) -> Self {
        Self {
            width,
            height,
            ..self
        }
    }

    /// The box that has room for each of these cells, so many side by side and one above another, scaled so that the longer
    /// side is that of a cell.
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

    /// For cells of this side on a sheet of about this extent, with a font to fall back on. Cells that hold several images
    /// stand further apart than those images.
    pub fn new(cell: u32, extent: u32, is_merged: bool, other: Option<&'f OtherFont>) -> Self {
        let cell = cell.clamp(CELL_BOUNDS.0, CELL_BOUNDS.1);
        let of_sheet = (extent as f32 / EMS_ALONG).min(LARGEST_EM);
        let of_cell = (cell as f32 / 16.0).clamp(12.0, 40.0);
        // Labels have no more room than their cells; what stands above these has.
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
