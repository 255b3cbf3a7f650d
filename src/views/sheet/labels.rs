//! The labels of values beside the grid: the value itself, or a mark that is explained in a legend.

use std::collections::{BTreeSet, HashMap};

use super::axes::Level;
use super::metrics::Metrics;
use crate::drawing::{Glyphs, Shorten};
use crate::vocabulary::Parameter;

/// The most characters of a value on a sheet; the image's metadata have all of it.
const LONGEST: usize = 1200;
/// Ems of a cell's width up to which a column's label may take all of it.
const NARROW_EMS: f32 = 8.0;
/// The most lines of a label above a column.
const COLUMN_LINES: usize = 4;
/// The most lines of a label that spans a group.
const GROUP_LINES: usize = 3;

/// The side of the grid that a level labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Left of each row.
    Rows,
    /// Left of groups of rows, rotated.
    SuperRows,
    /// Above each column.
    Columns,
    /// Above groups of columns.
    SuperColumns,
}

/// The labels of one level.
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    /// The parameter's key.
    pub name: String,
    /// Each value, as shown if there is space for it.
    pub full: Vec<String>,
    /// Each value, as the legend shows it beside its mark.
    pub explained: Vec<String>,
    /// The lines of each value, or of its mark.
    pub lines: Vec<Vec<String>>,
    /// The marks, if there is no space for the values.
    pub marks: Option<Vec<String>>,
    /// Which end of a value is cut if it is too long.
    pub shorten: Shorten,
    /// Width of the widest line once they are placed. Cached, because pages ask for it again and again, and there may
    /// be as many labels as values.
    width: u32,
    /// Width of the widest mark in a legend. Cached for the same reason.
    mark_width: u32,
    /// Number of lines of the tallest label.
    height: u32,
}

impl Labels {
    /// The labels of a level, for titles.
    pub fn of(level: &Level, glyphs: &mut Glyphs) -> Self {
        let names: Vec<&str> = level
            .parameters
            .iter()
            .map(|parameter| parameter.key())
            .collect();
        let is_path = matches!(level.parameters[..], [parameter] if parameter.is_path());
        let full: Vec<String> = match level.parameters.as_slice() {
            [_] => {
                let values: Vec<&str> =
                    level.values.iter().map(|value| value[0].as_str()).collect();
                let values = if is_path {
                    without_folders(&values)
                } else {
                    values
                };
                values.iter().map(|value| shown(value, glyphs)).collect()
            }
            several => level
                .values
                .iter()
                .map(|values| joined(several, values, glyphs))
                .collect(),
        };
        let (full, explained) = (distinguish(full.clone()), full);
        Self {
            name: if names.len() == 1 {
                names[0].to_owned()
            } else {
                String::new()
            },
            lines: full.iter().map(|value| vec![value.clone()]).collect(),
            full,
            explained,
            marks: None,
            shorten: if is_path {
                Shorten::Middle
            } else {
                Shorten::End
            },
            width: 0,
            mark_width: 0,
            height: 1,
        }
    }

    /// Wraps the labels for their side; `inner` is the number of cells that a group spans.
    pub fn placed(mut self, side: Side, inner: usize, metrics: &Metrics) -> Self {
        let spanned = |side: u32| {
            let inner = u32::try_from(inner.clamp(1, 64)).unwrap_or(64);
            inner * (side + metrics.gap) - metrics.gap
        };
        let row_lines = (metrics.height / metrics.label.line()).max(1) as usize;
        let several = if self.name.is_empty() { 2 } else { 1 };
        let (width, most) = match side {
            Side::Rows => (
                ((metrics.width * 4 / 5) as f32).max(metrics.label.em * 14.0) as u32,
                row_lines,
            ),
            Side::SuperRows => (spanned(metrics.height), GROUP_LINES),
            Side::Columns => (apart(metrics), COLUMN_LINES * several),
            Side::SuperColumns => (spanned(metrics.width), GROUP_LINES),
        };
        let wrapped: Vec<_> = self
            .full
            .iter()
            .map(|value| metrics.label.wrap_evenly(value, width, most, self.shorten))
            .collect();
        if wrapped.iter().all(|value| value.whole) {
            self.lines = wrapped.into_iter().map(|value| value.lines).collect();
        } else {
            let marks: Vec<String> = (0..self.full.len())
                .map(|position| mark(side, position))
                .collect();
            self.lines = marks.iter().map(|mark| vec![mark.clone()]).collect();
            let widths = marks.iter().map(|mark| metrics.small.width(mark));
            self.mark_width = widths.max().unwrap_or_default();
            self.marks = Some(marks);
        }
        let widths = self.lines.iter().flatten();
        let widths = widths.map(|line| metrics.label.width(line));
        self.width = widths.max().unwrap_or_default();
        let heights = self.lines.iter().map(|lines| lines.len() as u32);
        self.height = heights.max().unwrap_or_default();
        self
    }

    /// Width of the widest mark in a legend, once they are placed.
    pub fn mark_width(&self) -> u32 {
        self.mark_width
    }

    /// Width of the widest line, once they are placed.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Number of lines of the tallest label.
    pub fn height(&self) -> u32 {
        self.height
    }
}

/// How wide the label of a column is, so that neighbours do not read as one; narrow cells have no room to spare.
fn apart(metrics: &Metrics) -> u32 {
    let em = metrics.label.em;
    match metrics.width as f32 > NARROW_EMS * em {
        true => metrics.width - (em / 4.0) as u32,
        false => metrics.width,
    }
}

/// A value as shown on sheets: an empty one is named, and characters without a glyph become boxes.
pub fn shown(value: &str, glyphs: &mut Glyphs) -> String {
    let cut: String = value.chars().take(LONGEST).collect();
    let ellipsis = if cut.len() < value.len() { "…" } else { "" };
    let shown = glyphs.showable(&format!("{cut}{ellipsis}"));
    if shown.is_empty() {
        "(none)".to_owned()
    } else {
        shown
    }
}

/// Names with their values; they stay on one line if it is long enough.
fn joined(parameters: &[Parameter], values: &[String], glyphs: &mut Glyphs) -> String {
    let pairs = parameters.iter().zip(values);
    let pairs: Vec<String> = pairs
        .map(|(p, value)| format!("{}\u{a0}{}", p.key(), shown(value, glyphs)))
        .collect();
    pairs.join(", ")
}

/// Only the file names, if these suffice to tell the paths apart.
fn without_folders<'a>(paths: &[&'a str]) -> Vec<&'a str> {
    let names: Vec<&str> = paths
        .iter()
        .map(|path| {
            path.trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap_or(path)
        })
        .collect();
    let distinct: BTreeSet<&&str> = names.iter().collect();
    if distinct.len() == names.len() {
        names
    } else {
        paths.to_vec()
    }
}

/// Numbers values that look the same because characters without a glyph became boxes.
fn distinguish(values: Vec<String>) -> Vec<String> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for value in &values {
        *counts.entry(value).or_default() += 1;
    }
    let is_shared: Vec<bool> = values
        .iter()
        .map(|value| counts[value.as_str()] > 1)
        .collect();
    let numbered = values.into_iter().zip(is_shared).enumerate();
    numbered
        .map(|(index, (value, shared))| {
            if shared {
                format!("{}: {value}", index + 1)
            } else {
                value
            }
        })
        .collect()
}

/// A, B, … AA for columns, 1, 2, … for rows; groups have their own kinds of marks.
fn mark(side: Side, position: usize) -> String {
    match side {
        Side::Rows => (position + 1).to_string(),
        Side::SuperRows => format!("({})", position + 1),
        Side::Columns => letters(position),
        Side::SuperColumns => format!("({})", letters(position).to_lowercase()),
    }
}

fn letters(position: usize) -> String {
    let last = char::from(b'A' + (position % 26) as u8);
    match position / 26 {
        0 => last.to_string(),
        more => letters(more - 1) + &last.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_count_as_spreadsheets_do() {
        let marks: Vec<String> = [0, 25, 26, 27, 701, 702].map(letters).into();
        assert_eq!(marks, ["A", "Z", "AA", "AB", "ZZ", "AAA"]);
    }

    #[test]
    fn values_that_the_font_cannot_tell_apart_are_numbered() {
        let values = distinguish(["□□", "night", "□□"].map(str::to_owned).into());
        assert_eq!(values, ["1: □□", "night", "3: □□"]);
    }

    #[test]
    fn folders_are_shown_only_where_names_repeat() {
        assert_eq!(without_folders(&["a/x.png", "b/y.png"]), ["x.png", "y.png"]);
        assert_eq!(
            without_folders(&["a/x.png", "b/x.png"]),
            ["a/x.png", "b/x.png"]
        );
        assert_eq!(without_folders(&["models/demo/"]), ["demo"]);
    }

    #[test]
    fn an_empty_value_is_named_and_an_enormous_one_is_cut() {
        let mut glyphs = Glyphs::default();
        assert_eq!(shown(" ", &mut glyphs), "(none)");
        let cut = shown(&"a".repeat(1_000_000), &mut glyphs);
        assert_eq!(cut.chars().count(), LONGEST + 1);
    }
}
