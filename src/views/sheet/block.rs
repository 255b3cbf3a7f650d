//! A panel, or the part of a panel that fits on a page: its title and its strips.

use std::collections::BTreeSet;
use std::ops::Range;

use super::draw::SheetItems;
use super::grid::{Grid, Panel};
use super::metrics::Metrics;
use super::strip::Strip;
use crate::drawing::{Ink, Shorten};

/// The most lines of a panel's title.
const TITLE_LINES: usize = 5;

/// A panel, or the part of a panel that fits on a page.
#[derive(Debug, Clone)]
pub struct Block<'a, 'f> {
    grid: &'a Grid<'f>,
    panel: &'a Panel,
    strips: Vec<Strip<'a, 'f>>,
    /// The panel's values, and the number of this part.
    title: Vec<(String, String)>,
    /// Width and height in pixels, without the title.
    body: (u32, u32),
}

impl<'a, 'f> Block<'a, 'f> {
    /// The blocks of a panel, each of which `fits` on a page.
    pub fn of_panel(
        grid: &'a Grid<'f>,
        panel: &'a Panel,
        fits: &dyn Fn(&Self) -> bool,
    ) -> Vec<Self> {
        let in_a_strip = grid.strip_columns(panel);
        let whole = Self::new(
            grid,
            panel,
            0..panel.rows.len(),
            chunks(panel.columns.len(), in_a_strip),
        );
        if fits(&whole) {
            return vec![whole];
        }
        if in_a_strip < panel.columns.len() {
            return Self::split_strips(grid, panel, in_a_strip, fits);
        }
        Self::split_grid(grid, panel, fits)
    }

    fn split_strips(
        grid: &'a Grid<'f>,
        panel: &'a Panel,
        in_a_strip: usize,
        fits: &dyn Fn(&Self) -> bool,
    ) -> Vec<Self> {
        let strips = chunks(panel.columns.len(), in_a_strip);
        for parts in 2..=strips.len() {
            // Stops at the first block that does not fit; with very many columns this is nearly always the first one.
            let blocks: Option<Vec<Self>> = strips
                .chunks(strips.len().div_ceil(parts))
                .map(|strips| Self::new(grid, panel, 0..panel.rows.len(), strips.to_vec()))
                .map(|block| fits(&block).then_some(block))
                .collect();
            if let Some(blocks) = blocks {
                return blocks;
            }
        }
        Self::split_grid(grid, panel, fits)
    }

    /// Splits the longer side into halves, thirds, … until every part fits.
    fn split_grid(grid: &'a Grid<'f>, panel: &'a Panel, fits: &dyn Fn(&Self) -> bool) -> Vec<Self> {
        let (rows, columns) = (panel.rows.len(), panel.columns.len());
        let (mut row_parts, mut column_parts) = (1, 1);
        loop {
            let row_chunks = chunks(rows, rows.div_ceil(row_parts));
            let column_chunks = chunks(columns, columns.div_ceil(column_parts));
            let first = Self::new(
                grid,
                panel,
                row_chunks[0].clone(),
                vec![column_chunks[0].clone()],
            );
            let (width, height) = first.size();
            let is_smallest = row_parts >= rows && column_parts >= columns;
            if fits(&first) || is_smallest {
                let parts = row_chunks.iter().flat_map(|rows| {
                    let column = |columns: &Range<usize>| {
                        Self::new(grid, panel, rows.clone(), vec![columns.clone()])
                    };
                    column_chunks.iter().map(column)
                });
                return parts.collect();
            }
            if (height >= width && row_parts < rows) || column_parts >= columns {
                row_parts += 1;
            } else {
                column_parts += 1;
            }
        }
    }

    fn new(
        grid: &'a Grid<'f>,
        panel: &'a Panel,
        rows: Range<usize>,
        columns: Vec<Range<usize>>,
    ) -> Self {
        let mut title: Vec<(String, String)> = grid
            .panel_labels
            .iter()
            .zip(&panel.place)
            .map(|(labels, &position)| (labels.name.clone(), labels.full[position].clone()))
            .collect();
        let mut part = |name: &str, shown: Range<usize>, of: usize| {
            if shown.len() < of {
                title.push((
                    name.to_owned(),
                    format!("{}–{} of {of}", shown.start + 1, shown.end),
                ));
            }
        };
        part("rows", rows.clone(), panel.rows.len());
        let shown = columns.first().map_or(0, |first| first.start)
            ..columns.last().map_or(0, |last| last.end);
        part("columns", shown, panel.columns.len());
        let strips: Vec<Strip<'a, 'f>> = columns
            .into_iter()
            .map(|columns| Strip::new(grid, panel, rows.clone(), columns))
            .collect();
        let width = strips
            .iter()
            .map(|strip| strip.size().0)
            .max()
            .unwrap_or_default();
        let heights = strips.iter().map(|strip| strip.size().1).sum::<u32>();
        let gaps = grid.metrics.group_gap * (strips.len() as u32).saturating_sub(1);
        let width = width.max((grid.metrics.label.em * 12.0) as u32);
        Self {
            grid,
            panel,
            strips,
            title,
            body: (width, heights + gaps),
        }
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.body.0, self.body.1 + self.title_height())
    }

    /// Width and height in pixels, without the title.
    pub fn body(&self) -> (u32, u32) {
        self.body
    }

    /// Height of the title with the space below it.
    pub fn title_height(&self) -> u32 {
        self.place_title(&mut SheetItems::default())
    }

    /// All items of the block, with the strips below a title of this height, so that neighbouring blocks are level.
    pub fn items(&self, title_height: u32) -> SheetItems<'f> {
        let mut items = SheetItems::default();
        self.place_title(&mut items);
        let mut y = title_height;
        for (index, strip) in self.strips.iter().enumerate() {
            items.append(strip.items(index == 0), 0, y);
            y += strip.size().1 + self.grid.metrics.group_gap;
        }
        items
    }

    /// Upper edge of the first row of cells, below a title of this height.
    pub fn first_row(&self, title_height: u32) -> u32 {
        title_height + self.strips.first().map_or(0, Strip::first_row)
    }

    /// Any cell of the panel, and the metrics of its boxes.
    pub fn example(&self) -> Option<(usize, Metrics<'f>)> {
        let (rows, columns) = (self.panel.rows.len(), self.panel.columns.len());
        let cell = self.panel.any_cell(0..rows, 0..columns)?;
        Some((cell, self.grid.metrics.boxed(self.panel.size)))
    }

    /// The panel's values.
    pub fn title(&self) -> &[(String, String)] {
        &self.title
    }

    /// Position of the panel on the outermost panel level; pages preferably end where it changes.
    pub fn outer(&self) -> Option<usize> {
        (self.panel.place.len() > 1).then(|| self.panel.place[0])
    }

    /// See [`Strip::labelled`].
    pub fn labelled(&self) -> BTreeSet<(bool, usize, usize)> {
        self.strips.iter().flat_map(Strip::labelled).collect()
    }

    /// Places the title and returns its height.
    fn place_title(&self, items: &mut SheetItems<'f>) -> u32 {
        let m = &self.grid.metrics;
        let mut y = 0;
        for (name, value) in &self.title {
            let indent = match name.is_empty() {
                true => 0,
                false => m.panel_label.width(name) + m.pad,
            };
            let room = self.body.0.saturating_sub(indent);
            // A value that would get less than half the width starts below its name.
            let starts_below = room < self.body.0 / 2;
            let (x, room) = match starts_below {
                true => (0, self.body.0),
                false => (indent, room),
            };
            let name = m
                .panel_label
                .wrap(name, self.body.0, 1, Shorten::Middle)
                .lines
                .concat();
            items.text(0, y, name, m.panel_label, Ink::Muted);
            if starts_below {
                y += m.panel_label.line();
            }
            for line in m.panel.wrap(value, room, TITLE_LINES, Shorten::End).lines {
                items.text(x, y, line, m.panel, Ink::Dark);
                y += m.panel.line();
            }
        }
        if y > 0 { y + m.pad * 2 } else { 0 }
    }
}

/// The range 0..count in chunks of `size`; the last one may be shorter.
fn chunks(count: usize, size: usize) -> Vec<Range<usize>> {
    let size = size.max(1);
    (0..count.div_ceil(size))
        .map(|index| index * size..(index * size + size).min(count))
        .collect()
}
