//! The head of a sheet: title, constant settings, and the legend of marks.

use std::collections::BTreeSet;

use super::draw::SheetItems;
use super::grid::Grid;
use crate::drawing::{Ink, Rect, Shorten};

/// The most lines of a setting, or of a value in a legend.
const VALUE_LINES: usize = 8;

/// Lays out the head for a given width.
pub struct Head<'a, 'f> {
    /// The grid of the sheet.
    pub grid: &'a Grid<'f>,
    /// Name of the sweep.
    pub title: &'a str,
    /// `page 1 of 3`; empty if there is only one.
    pub page: String,
    /// The labels on this page; see [`super::strip::Strip::labelled`].
    pub labelled: &'a BTreeSet<(bool, usize, usize)>,
    /// The meaning of outlines, if any cell may have one.
    pub outline: Option<&'a str>,
}

impl<'f> Head<'_, 'f> {
    /// The head's items, and its height with the space below it.
    pub fn place(&self, width: u32) -> (SheetItems<'f>, u32) {
        let mut items = SheetItems::default();
        let mut y = self.place_title(&mut items, width);
        let mut pairs = self.grid.settings.clone();
        if let Some(meaning) = self.outline {
            pairs.push(("outlined".into(), meaning.into()));
        }
        y = self.place_settings(&mut items, &pairs, y, width);
        y = self.place_legends(&mut items, y, width);
        let m = &self.grid.metrics;
        y += m.pad;
        items.rules.push(Rect::new(0, y, width, 1));
        (items, y + m.pad * 2 + 1)
    }

    fn place_title(&self, items: &mut SheetItems<'f>, width: u32) -> u32 {
        let m = &self.grid.metrics;
        let page_width = if self.page.is_empty() {
            0
        } else {
            m.small.width(&self.page) + m.margin
        };
        let lines = m
            .title
            .wrap(
                self.title,
                width.saturating_sub(page_width),
                2,
                Shorten::Middle,
            )
            .lines;
        let drop = m.title.line().saturating_sub(m.small.line()) * 2 / 3;
        let x = (width + m.margin).saturating_sub(page_width);
        items.text(x, drop, self.page.as_str(), m.small, Ink::Muted);
        for (line, text) in lines.iter().enumerate() {
            items.text(
                0,
                line as u32 * m.title.line(),
                text.as_str(),
                m.title,
                Ink::Dark,
            );
        }
        lines.len() as u32 * m.title.line() + m.pad / 2
    }

    /// Places names and values one after another, in as many lines as they need.
    fn place_settings(
        &self,
        items: &mut SheetItems<'f>,
        pairs: &[(String, String)],
        y: u32,
        width: u32,
    ) -> u32 {
        let m = &self.grid.metrics;
        let (space, between) = (m.small.width(" ").max(3), (m.small.em * 1.4) as u32);
        let (mut x, mut y) = (0, y);
        for (name, value) in pairs {
            let indent = m.small.width(name) + space;
            if x > 0 && x + indent + m.small.width(value) > width {
                (x, y) = (0, y + m.small.line());
            }
            items.text(x, y, name.as_str(), m.small, Ink::Muted);
            if x + indent + m.small.width(value) <= width {
                items.text(x + indent, y, value.as_str(), m.small, Ink::Dark);
                x += indent + m.small.width(value) + between;
            } else {
                y = self.place_long(items, value, (indent, y), width);
                x = 0;
            }
        }
        if x > 0 { y + m.small.line() } else { y }
    }

    /// Places a value in lines from x on, or from the left of the next line if x leaves little space.
    fn place_long(
        &self,
        items: &mut SheetItems<'f>,
        value: &str,
        (x, y): (u32, u32),
        width: u32,
    ) -> u32 {
        let m = &self.grid.metrics;
        let (x, mut y) = if x > width / 2 {
            (0, y + m.small.line())
        } else {
            (x, y)
        };
        for line in m
            .small
            .wrap(value, width.saturating_sub(x), VALUE_LINES, Shorten::End)
            .lines
        {
            items.text(x, y, line, m.small, Ink::Dark);
            y += m.small.line();
        }
        y
    }

    /// Places a legend for each level with marks: its name, then each mark with its value.
    fn place_legends(&self, items: &mut SheetItems<'f>, mut y: u32, width: u32) -> u32 {
        let m = &self.grid.metrics;
        for (is_column, levels) in [
            (false, &self.grid.row_labels),
            (true, &self.grid.column_labels),
        ] {
            for (depth, labels) in levels.iter().enumerate() {
                let Some(marks) = &labels.marks else { continue };
                y += m.pad;
                let name = m
                    .small
                    .wrap(&labels.name, width, 1, Shorten::End)
                    .lines
                    .concat();
                items.text(0, y, name, m.small, Ink::Muted);
                y += if labels.name.is_empty() {
                    0
                } else {
                    m.small.line()
                };
                let indent = labels.mark_width() + m.pad;
                for &(_, _, position) in self
                    .labelled
                    .iter()
                    .filter(|(column, level, _)| (*column, *level) == (is_column, depth))
                {
                    items.text(0, y, marks[position].as_str(), m.small, Ink::Muted);
                    y = self.place_long(items, &labels.explained[position], (indent, y), width);
                }
            }
        }
        y
    }
}
