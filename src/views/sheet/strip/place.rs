//! Places all items of a strip.

use std::ops::Range;

use super::{INPUT, Strip, input_width};
use crate::drawing::{Ink, Rect};
use crate::views::sheet::axes::ImagePlace;
use crate::views::sheet::draw::{SheetItems, Shown};
use crate::views::sheet::labels::Labels;
use crate::views::sheet::metrics::Metrics;

const OUTPUT: &str = "output";

impl<'f> Strip<'_, 'f> {
    pub(super) fn place_cells(&self, items: &mut SheetItems<'f>) {
        for (row, at_row) in self.rows.clone().enumerate() {
            for (column, at_column) in self.columns.clone().enumerate() {
                let place = self.cell_box(row, column);
                match self
                    .panel
                    .cells
                    .get(&(at_row, at_column))
                    .map(Vec::as_slice)
                {
                    None | Some([]) => items.absent.push(place),
                    Some([single]) => items.pictures.push((place, Shown::Cell(*single))),
                    Some(several) => {
                        let gap = (self.metrics.gap / 4).max(1);
                        let cells = several.iter().map(|&cell| Shown::Cell(cell));
                        let places = place.split(several.len(), gap);
                        items.pictures.extend(places.into_iter().zip(cells));
                    }
                }
            }
        }
    }

    pub(super) fn place_columns(&self, items: &mut SheetItems<'f>) {
        let m = &self.metrics;
        let mut y = 0;
        let bottom = match self.grid.inputs {
            Some(ImagePlace::Columns) => self.origin.1 - m.height - m.group_gap,
            _ => self.origin.1,
        };
        let ends: Vec<u32> = self.lefts.iter().map(|left| left + m.width).collect();
        for (depth, labels) in self.grid.column_labels.iter().enumerate() {
            for line in self.name_lines(labels, self.grid_width()) {
                let width = m.name.width(&line);
                let places = &self.panel.columns[self.columns.clone()];
                for (start, end) in name_spans(places, &self.lefts, &ends, depth, width) {
                    let x = self.origin.0 + (start + end).saturating_sub(width) / 2;
                    items.text(x, y, line.as_str(), m.name, Ink::Muted);
                }
                y += m.name.line();
            }
            let height = self.column_label_height(depth);
            let is_innermost = depth + 1 == self.grid.column_labels.len();
            let floor = if is_innermost { bottom } else { y + height } - m.pad;
            for group in groups(&self.panel.columns[self.columns.clone()], depth) {
                let span = (self.lefts[group.start], self.lefts[group.end - 1] + m.width);
                let lines = self.label_lines(
                    labels,
                    self.place_on(true, group.start, depth),
                    span.1 - span.0,
                );
                let top = floor - lines.len() as u32 * m.label.line();
                for (line, text) in lines.into_iter().enumerate() {
                    let x =
                        self.origin.0 + (span.0 + span.1).saturating_sub(m.label.width(&text)) / 2;
                    items.text(
                        x,
                        top + line as u32 * m.label.line(),
                        text,
                        m.label,
                        Ink::Dark,
                    );
                }
                if !is_innermost {
                    let rule = Rect::new(
                        self.origin.0 + span.0,
                        floor + m.pad / 3,
                        span.1 - span.0,
                        1,
                    );
                    items.rules.push(rule);
                }
            }
            y += height;
        }
    }

    pub(super) fn place_rows(&self, items: &mut SheetItems<'f>) {
        let m = &self.metrics;
        let levels = self.grid.row_labels.len();
        let mut x = match self.grid.inputs {
            Some(ImagePlace::Panel) => input_width(m) + m.group_gap,
            _ => 0,
        };
        let bottoms = self.bottoms();
        for (depth, labels) in self.grid.row_labels.iter().enumerate() {
            let lines = self.name_lines(labels, self.grid_height());
            for (line, text) in lines.iter().enumerate() {
                let width = m.name.width(text);
                let places = &self.panel.rows[self.rows.clone()];
                for (start, end) in name_spans(places, &self.tops, &bottoms, depth, width) {
                    let y = self.origin.1 + (start + end).saturating_sub(width) / 2;
                    let x = x + line as u32 * m.name.line();
                    items.turned_text(x, y, text.as_str(), m.name, Ink::Muted);
                }
            }
            x += self.row_name_width(depth);
            if depth + 1 == levels && self.grid.inputs == Some(ImagePlace::Columns) {
                x += self.input_word_shortage();
            }
            let right = x + self.row_label_width(depth) - m.pad;
            for group in groups(&self.panel.rows[self.rows.clone()], depth) {
                let span = (self.tops[group.start], bottoms[group.end - 1]);
                let place = self.place_on(false, group.start, depth);
                if depth + 1 < levels {
                    self.place_super_row(items, labels, place, x, span);
                } else {
                    let lines = &labels.lines[place];
                    let height = lines.len() as u32 * m.label.line();
                    let top = self.origin.1 + (span.0 + span.1).saturating_sub(height) / 2;
                    for (line, text) in lines.iter().enumerate() {
                        let y = top + line as u32 * m.label.line();
                        items.text(
                            right - m.label.width(text),
                            y,
                            text.as_str(),
                            m.label,
                            Ink::Dark,
                        );
                    }
                }
            }
            x = right + m.pad;
        }
    }

    /// Lower edges of the rows, relative to the upper edge of the first.
    fn bottoms(&self) -> Vec<u32> {
        let rows = self.tops.iter().zip(&self.heights);
        rows.map(|(top, height)| top + height).collect()
    }

    /// Repeats the innermost labels to the right of long rows and below long columns.
    pub(super) fn place_other_ends(&self, items: &mut SheetItems<'f>) {
        let m = &self.metrics;
        if let Some(labels) = self.grid.row_labels.last().filter(|_| self.right() > 0) {
            let x = self.origin.0 + self.grid_width() + m.pad;
            for (row, (top, height)) in self.tops.iter().zip(&self.heights).enumerate() {
                let lines =
                    &labels.lines[self.place_on(false, row, self.grid.row_labels.len() - 1)];
                let y = self.origin.1
                    + (2 * top + height).saturating_sub(lines.len() as u32 * m.label.line()) / 2;
                for (line, text) in lines.iter().enumerate() {
                    items.text(
                        x,
                        y + line as u32 * m.label.line(),
                        text.as_str(),
                        m.label,
                        Ink::Dark,
                    );
                }
            }
        }
        if let Some(labels) = self.grid.column_labels.last().filter(|_| self.below() > 0) {
            let y = self.origin.1 + self.grid_height() + m.pad;
            for (column, left) in self.lefts.iter().enumerate() {
                let place = self.place_on(true, column, self.grid.column_labels.len() - 1);
                for (line, text) in self
                    .label_lines(labels, place, m.width)
                    .into_iter()
                    .enumerate()
                {
                    let x = self.origin.0
                        + (2 * left + m.width).saturating_sub(m.label.width(&text)) / 2;
                    items.text(
                        x,
                        y + line as u32 * m.label.line(),
                        text,
                        m.label,
                        Ink::Dark,
                    );
                }
            }
        }
    }

    fn place_super_row(
        &self,
        items: &mut SheetItems<'f>,
        labels: &Labels,
        place: usize,
        x: u32,
        span: (u32, u32),
    ) {
        let m = &self.metrics;
        let lines = self.label_lines(labels, place, span.1 - span.0);
        let x = x + (labels.height() - lines.len() as u32) * m.label.line();
        for (line, text) in lines.iter().enumerate() {
            let y = self.origin.1 + (span.0 + span.1).saturating_sub(m.label.width(text)) / 2;
            items.turned_text(
                x + line as u32 * m.label.line(),
                y,
                text.as_str(),
                m.label,
                Ink::Dark,
            );
        }
        let right = x + lines.len() as u32 * m.label.line() + m.pad / 3;
        items
            .rules
            .push(Rect::new(right, self.origin.1 + span.0, 1, span.1 - span.0));
    }

    /// The lines of a group's label, wrapped again if the group is shorter than elsewhere.
    fn label_lines(&self, labels: &Labels, place: usize, room: u32) -> Vec<String> {
        let m = &self.metrics;
        let lines = &labels.lines[place];
        if lines.iter().all(|line| m.label.width(line) <= room) {
            return lines.clone();
        }
        m.label
            .wrap(
                &lines.join(" "),
                room,
                labels.height() as usize,
                labels.shorten,
            )
            .lines
    }

    /// The position on a level of a row or column of this strip.
    fn place_on(&self, is_column: bool, index: usize, depth: usize) -> usize {
        match is_column {
            true => self.panel.columns[self.columns.start + index][depth],
            false => self.panel.rows[self.rows.start + index][depth],
        }
    }

    pub(super) fn place_inputs(&self, items: &mut SheetItems<'f>) {
        match self.grid.inputs {
            None | Some(ImagePlace::Page) => {}
            Some(ImagePlace::Rows) => self.inputs_of_rows(items),
            Some(ImagePlace::Columns) => self.inputs_of_columns(items),
            Some(ImagePlace::Panel | ImagePlace::Merged) => self.input_of_panel(items),
        }
    }

    /// One input beside each group of rows that share it.
    fn inputs_of_rows(&self, items: &mut SheetItems<'f>) {
        let m = &self.metrics;
        let x = self.origin.0.saturating_sub(input_width(m) + m.group_gap);
        items.text(centred(x, m), self.above(), INPUT, m.name, Ink::Muted);
        for group in groups(&self.panel.rows[self.rows.clone()], self.grid.input_depth) {
            let at = Rect {
                x,
                ..self.cell_box(group.start, 0)
            };
            let row = self.rows.start + group.start;
            let rows = row..row + group.len();
            self.place_input(items, at, (rows, self.all_columns()));
        }
    }

    /// One input above each group of columns that share it.
    fn inputs_of_columns(&self, items: &mut SheetItems<'f>) {
        let m = &self.metrics;
        let y = self.origin.1 - m.height - m.group_gap;
        let x = self.origin.0 - m.name.width(INPUT) - m.pad;
        let middle = y + m.height.saturating_sub(m.name.line()) / 2;
        items.text(x, middle, INPUT, m.name, Ink::Muted);
        let columns = &self.panel.columns[self.columns.clone()];
        for group in groups(columns, self.grid.input_depth) {
            let at = Rect {
                y,
                height: m.height,
                ..self.cell_box(0, group.start)
            };
            let column = self.columns.start + group.start;
            let columns = column..column + group.len();
            self.place_input(items, at, (self.all_rows(), columns));
        }
    }

    /// The input that the whole panel shares, beside its first row.
    fn input_of_panel(&self, items: &mut SheetItems<'f>) {
        let m = &self.metrics;
        items.text(centred(0, m), self.above(), INPUT, m.name, Ink::Muted);
        if self.grid.column_labels.is_empty() {
            let x = self.origin.0 + m.width.saturating_sub(m.name.width(OUTPUT)) / 2;
            items.text(x, self.above(), OUTPUT, m.name, Ink::Muted);
        }
        let at = Rect {
            x: 0,
            ..self.cell_box(0, 0)
        };
        self.place_input(items, at, (self.all_rows(), self.all_columns()));
    }

    /// The input of these rows and columns, if they have a cell.
    fn place_input(
        &self,
        items: &mut SheetItems<'f>,
        at: Rect,
        (rows, columns): (Range<usize>, Range<usize>),
    ) {
        let cell = self.panel.any_cell(rows, columns);
        let input = cell.map(|cell| (at, Shown::Input(cell)));
        items.pictures.extend(input);
    }

    /// The top of what stands above the first row. An input shown once a page leaves no space there, and the strip may
    /// begin at the top.
    fn above(&self) -> u32 {
        let m = &self.metrics;
        self.origin.1.saturating_sub(m.name.line() + m.pad)
    }

    fn all_rows(&self) -> Range<usize> {
        0..self.panel.rows.len()
    }

    fn all_columns(&self) -> Range<usize> {
        0..self.panel.columns.len()
    }
}

fn centred(x: u32, m: &Metrics) -> u32 {
    x + (input_width(m) - m.name.width(INPUT)) / 2
}

/// The spans over which the name of an axis is centred: each group of the level around it, if all are long enough for a
/// name of this width; otherwise the whole side.
fn name_spans(
    places: &[Vec<usize>],
    starts: &[u32],
    ends: &[u32],
    depth: usize,
    width: u32,
) -> Vec<(u32, u32)> {
    let span = |group: Range<usize>| (starts[group.start], ends[group.end - 1]);
    let whole = vec![span(0..places.len())];
    let Some(around) = depth.checked_sub(1) else {
        return whole;
    };
    let spans: Vec<(u32, u32)> = groups(places, around).into_iter().map(span).collect();
    match spans.iter().all(|(start, end)| end - start >= width) {
        true => spans,
        false => whole,
    }
}

/// Runs of places that are equal down to this level.
fn groups(places: &[Vec<usize>], depth: usize) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (index, place) in places.iter().enumerate() {
        match groups.last_mut() {
            Some(group) if places[group.start][..=depth] == place[..=depth] => {
                group.end = index + 1
            }
            _ => groups.push(index..index + 1),
        }
    }
    groups
}
