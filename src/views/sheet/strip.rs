//! The layout of one grid of cells in pixels: inputs, names of axes, labels and boxes.

mod place;

use std::ops::Range;

use super::axes::ImagePlace;
use super::draw::SheetItems;
use super::grid::{Grid, Panel};
use super::labels::Labels;
use super::metrics::Metrics;
use crate::drawing::Rect;

/// A part of a panel, with its own labels.
#[derive(Debug, Clone)]
pub struct Strip<'a, 'f> {
    grid: &'a Grid<'f>,
    panel: &'a Panel,
    /// Metrics with the panel's box size.
    metrics: Metrics<'f>,
    rows: Range<usize>,
    columns: Range<usize>,
    /// Left edges of the columns, relative to the first.
    lefts: Vec<u32>,
    /// Upper edges of the rows, relative to the first.
    tops: Vec<u32>,
    /// Heights of the rows.
    heights: Vec<u32>,
    /// Upper left corner of the first cell.
    origin: (u32, u32),
}

impl<'a, 'f> Strip<'a, 'f> {
    /// Makes a strip of these rows and columns of a panel.
    pub fn new(
        grid: &'a Grid<'f>,
        panel: &'a Panel,
        rows: Range<usize>,
        columns: Range<usize>,
    ) -> Self {
        let metrics = grid.metrics.boxed(panel.size);
        let widths = vec![metrics.width; columns.len()];
        let heights = panel.heights[rows.clone()].to_vec();
        let lefts = edges(&panel.columns[columns.clone()], &widths, &metrics);
        let tops = edges(&panel.rows[rows.clone()], &heights, &metrics);
        let mut strip = Self {
            grid,
            panel,
            metrics,
            rows,
            columns,
            lefts,
            tops,
            heights,
            origin: (0, 0),
        };
        strip.origin = (strip.left(), strip.top());
        strip
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        (
            self.origin.0 + self.grid_width() + self.right(),
            self.origin.1 + self.grid_height() + self.below(),
        )
    }

    /// Width of the labels that are repeated at the right end of long rows.
    fn right(&self) -> u32 {
        match self.grid.row_labels.last() {
            Some(labels) if self.columns.len() > MOST_WITH_ONE_END => {
                labels.width() + self.metrics.pad
            }
            _ => 0,
        }
    }

    /// Height of the labels that are repeated at the lower end of long columns.
    fn below(&self) -> u32 {
        match self.grid.column_labels.last() {
            Some(labels) if self.rows.len() > MOST_WITH_ONE_END => {
                labels.height() * self.metrics.label.line() + self.metrics.pad
            }
            _ => 0,
        }
    }

    /// Upper edge of the first row.
    pub fn first_row(&self) -> u32 {
        self.origin.1
    }

    /// All items of the strip. The input of the whole panel is left out if a strip above shows it.
    pub fn items(&self, is_first: bool) -> SheetItems<'f> {
        let mut items = SheetItems::default();
        self.place_cells(&mut items);
        self.place_columns(&mut items);
        self.place_rows(&mut items);
        self.place_other_ends(&mut items);
        if is_first || self.grid.inputs != Some(ImagePlace::Panel) {
            self.place_inputs(&mut items);
        }
        items
    }

    /// For each label on this strip: whether it is a column's, its level, and its position on that level.
    pub fn labelled(&self) -> impl Iterator<Item = (bool, usize, usize)> {
        let of = |is_column: bool, places: &'a [Vec<usize>]| {
            let levels = move |place: &'a Vec<usize>| {
                place
                    .iter()
                    .enumerate()
                    .map(move |(depth, &position)| (is_column, depth, position))
            };
            places.iter().flat_map(levels)
        };
        of(false, &self.panel.rows[self.rows.clone()])
            .chain(of(true, &self.panel.columns[self.columns.clone()]))
    }

    fn grid_width(&self) -> u32 {
        self.lefts
            .last()
            .map_or(0, |left| left + self.metrics.width)
    }

    fn grid_height(&self) -> u32 {
        let last = self.tops.last().zip(self.heights.last());
        last.map_or(0, |(top, height)| top + height)
    }

    /// Width of everything left of the grid.
    fn left(&self) -> u32 {
        let m = &self.metrics;
        let beside = match self.grid.inputs {
            Some(ImagePlace::Panel | ImagePlace::Rows) => input_width(m) + m.group_gap,
            _ => 0,
        };
        let levels = self.grid.row_labels.len();
        let labels =
            (0..levels).map(|depth| self.row_name_width(depth) + self.row_label_width(depth));
        let input_word = match self.grid.inputs {
            Some(ImagePlace::Columns) if levels == 0 => m.name.width(INPUT) + m.pad,
            Some(ImagePlace::Columns) => self.input_word_shortage(),
            _ => 0,
        };
        beside + labels.sum::<u32>() + input_word
    }

    /// How much narrower the row labels are than the word "input" below them.
    fn input_word_shortage(&self) -> u32 {
        let m = &self.metrics;
        let depth = self.grid.row_labels.len() - 1;
        (m.name.width(INPUT) + m.pad).saturating_sub(self.row_label_width(depth))
    }

    /// Height of everything above the grid.
    fn top(&self) -> u32 {
        let m = &self.metrics;
        let levels = self.grid.column_labels.len();
        let labels = (0..levels)
            .map(|depth| self.column_name_height(depth) + self.column_label_height(depth));
        let labels = labels.sum::<u32>();
        match self.grid.inputs {
            Some(ImagePlace::Columns) => labels + m.height + m.group_gap,
            Some(ImagePlace::Page) => labels,
            Some(_) => labels.max(m.name.line() + m.pad),
            None => labels,
        }
    }

    fn column_name_height(&self, depth: usize) -> u32 {
        let lines = self.name_lines(&self.grid.column_labels[depth], self.grid_width());
        lines.len() as u32 * self.metrics.name.line()
    }

    fn column_label_height(&self, depth: usize) -> u32 {
        self.grid.column_labels[depth].height() * self.metrics.label.line() + self.metrics.pad
    }

    fn row_name_width(&self, depth: usize) -> u32 {
        let m = &self.metrics;
        let lines = self.name_lines(&self.grid.row_labels[depth], self.grid_height());
        lines.len() as u32 * m.name.line() + m.pad
    }

    fn row_label_width(&self, depth: usize) -> u32 {
        let m = &self.metrics;
        let labels = &self.grid.row_labels[depth];
        let is_turned = depth + 1 < self.grid.row_labels.len();
        let width = if is_turned {
            labels.height() * m.label.line()
        } else {
            labels.width()
        };
        width + m.pad
    }

    /// The name of an axis, wrapped to the length of the grid.
    fn name_lines(&self, labels: &Labels, room: u32) -> Vec<String> {
        if labels.name.is_empty() {
            return Vec::new();
        }
        self.metrics
            .name
            .wrap(&labels.name, room, 3, labels.shorten)
            .lines
    }

    fn cell_box(&self, row: usize, column: usize) -> Rect {
        let m = &self.metrics;
        Rect::new(
            self.origin.0 + self.lefts[column],
            self.origin.1 + self.tops[row],
            m.width,
            self.heights[row],
        )
    }
}

/// The most cells along a side for which labels at one end suffice.
const MOST_WITH_ONE_END: usize = 12;

pub(super) const INPUT: &str = "input";

/// Width of the column of inputs: that of the images, or of the word above them.
pub(super) fn input_width(metrics: &Metrics) -> u32 {
    metrics.width.max(metrics.name.width(INPUT))
}

/// The start of each row or column with these sizes: close together within groups, further apart between them.
fn edges(places: &[Vec<usize>], sides: &[u32], metrics: &Metrics) -> Vec<u32> {
    let mut edge = 0;
    let mut edges = Vec::with_capacity(places.len());
    for (index, place) in places.iter().enumerate() {
        if index > 0 {
            let is_new_group = place.len() > 1 && place[0] != places[index - 1][0];
            edge += sides[index - 1]
                + if is_new_group {
                    metrics.group_gap
                } else {
                    metrics.gap
                };
        }
        edges.push(edge);
    }
    edges
}
