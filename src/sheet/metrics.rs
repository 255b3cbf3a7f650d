//! Sizes and positions that everything on a sheet is measured in, and the things that are placed.

use super::font::{Face, OtherFont};
use super::text::Style;
use crate::plan::{Cell, Plan};

/// Pixels of a sheet above which it is split into pages.
pub const MOST_PIXELS: u64 = 100_000_000;
/// Longest side of a sheet: what WebP can hold, and viewers show.
pub const LONGEST_SIDE: u32 = 16_383;
/// Bounds of `sheet.cell`; what lies beyond is taken as the bound.
const CELL_BOUNDS: (u32, u32) = (32, 4096);
/// No box is narrower or lower: a short label needs this much.
const LEAST_BOX: (u32, u32) = (32, 20);

/// A rectangle in pixels, from the upper left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rect {
    /// Left edge.
    pub x: u32,
    /// Upper edge.
    pub y: u32,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl Rect {
    /// The rectangle of this size at this place.
    pub fn new(x: u32, y: u32, width: u32, height: u32) -> Self {
        Self {
            x,
            y,
            width,
            height,
        }
    }

    /// Just right of it.
    pub fn right(self) -> u32 {
        self.x + self.width
    }

    /// Just below it.
    pub fn bottom(self) -> u32 {
        self.y + self.height
    }

    /// The same without so many pixels on each side.
    pub fn inset(self, pixels: u32) -> Self {
        Self::new(
            self.x + pixels,
            self.y + pixels,
            self.width.saturating_sub(2 * pixels),
            self.height.saturating_sub(2 * pixels),
        )
    }

    /// The largest rectangle of an image's proportions, in the middle of this one.
    pub fn fitted(self, width: u32, height: u32) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        let scale = f64::min(
            f64::from(self.width) / f64::from(width),
            f64::from(self.height) / f64::from(height),
        );
        let side = |pixels: u32, most: u32| {
            ((f64::from(pixels) * scale).round() as u32).clamp(1, most.max(1))
        };
        let (w, h) = (side(width, self.width), side(height, self.height));
        Self::new(
            self.x + self.width.saturating_sub(w) / 2,
            self.y + self.height.saturating_sub(h) / 2,
            w,
            h,
        )
    }

    /// Splits it into `count` boxes in reading order, as square as can be.
    pub fn split(self, count: usize, gap: u32) -> Vec<Self> {
        let columns = (count as f64).sqrt().ceil().max(1.0) as u32;
        let rows = (count as u32).div_ceil(columns).max(1);
        let width = (self.width.saturating_sub(gap * (columns - 1)) / columns).max(1);
        let height = (self.height.saturating_sub(gap * (rows - 1)) / rows).max(1);
        (0..count as u32)
            .map(|i| {
                let (column, row) = (i % columns, i / columns);
                Self::new(
                    self.x + column * (width + gap),
                    self.y + row * (height + gap),
                    width,
                    height,
                )
            })
            .collect()
    }
}

/// How dark text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Values and titles.
    Dark,
    /// Names.
    Muted,
}

/// One line of text.
#[derive(Debug, Clone, PartialEq)]
pub struct Text<'f> {
    /// What it covers.
    pub rect: Rect,
    /// Without line breaks, and with glyphs for every character.
    pub text: String,
    /// Font and size.
    pub style: Style<'f>,
    /// Colour.
    pub ink: Ink,
    /// Reads from bottom to top.
    pub turned: bool,
}

/// Everything on one sheet, or on a part of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Items<'f> {
    /// Cells, as indices into the plan; an image is centred in its box.
    pub cells: Vec<(Rect, usize)>,
    /// Input images, each as a cell (an index into the plan) that was made from it.
    pub inputs: Vec<(Rect, usize)>,
    /// Places of the grid that the sweep leaves out.
    pub absent: Vec<Rect>,
    /// Thin lines.
    pub rules: Vec<Rect>,
    /// Texts.
    pub texts: Vec<Text<'f>>,
}

impl<'f> Items<'f> {
    /// Adds others, moved by this much.
    pub fn append(&mut self, other: Self, dx: u32, dy: u32) {
        let moved = |rect: Rect| Rect {
            x: rect.x + dx,
            y: rect.y + dy,
            ..rect
        };
        self.cells.extend(
            other
                .cells
                .into_iter()
                .map(|(rect, cell)| (moved(rect), cell)),
        );
        self.inputs.extend(
            other
                .inputs
                .into_iter()
                .map(|(rect, cell)| (moved(rect), cell)),
        );
        self.absent.extend(other.absent.into_iter().map(moved));
        self.rules.extend(other.rules.into_iter().map(moved));
        let texts = other.texts.into_iter();
        self.texts.extend(texts.map(|text| Text {
            rect: moved(text.rect),
            ..text
        }));
    }

    /// Adds one line of text at a place.
    pub fn text(&mut self, x: u32, y: u32, text: impl Into<String>, style: Style<'f>, ink: Ink) {
        let text = text.into();
        if !text.is_empty() {
            let rect = Rect::new(x, y, style.width(&text), style.line());
            self.texts.push(Text {
                rect,
                text,
                style,
                ink,
                turned: false,
            });
        }
    }

    /// Adds one line of text that reads upwards, its first letter at the lower end.
    pub fn turned_text(
        &mut self,
        x: u32,
        y: u32,
        text: impl Into<String>,
        style: Style<'f>,
        ink: Ink,
    ) {
        let text = text.into();
        if !text.is_empty() {
            let rect = Rect::new(x, y, style.line(), style.width(&text));
            self.texts.push(Text {
                rect,
                text,
                style,
                ink,
                turned: true,
            });
        }
    }
}

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
    /// Names of axes, panel titles.
    pub name: Style<'f>,
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

    /// The box that has room for each of these cells, scaled so that the longer side is that of a cell.
    pub fn box_of(&self, plan: &Plan, cells: &[usize]) -> (u32, u32) {
        let square = Rect::new(0, 0, self.width, self.height);
        let boxes = cells.iter().map(|&index| {
            let Cell { width, height, .. } = plan.cells[index];
            square.fitted(width, height)
        });
        boxes.fold(LEAST_BOX, |(w, h), b| (b.width.max(w), b.height.max(h)))
    }

    /// For cells of this side, with a font to fall back on. Cells that hold several images stand further apart than
    /// those images.
    pub fn new(cell: u32, is_merged: bool, other: Option<&'f OtherFont>) -> Self {
        let cell = cell.clamp(CELL_BOUNDS.0, CELL_BOUNDS.1);
        let em = (cell as f32 / 16.0).clamp(12.0, 40.0);
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
            title: style(Face::BOLD, em * 1.5),
            small: style(Face::REGULAR, (em * 0.9).max(12.0)),
        }
    }
}
