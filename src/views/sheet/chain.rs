//! Sheets of chains: a column for each stage and a row for each path. An image shared by several paths appears once,
//! beside the first of them.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use super::SheetError;
use super::draw::{RunPictures, Shown};
use super::options::SheetOptions;
use super::write::folder_of;
use crate::drawing::{Drawer, Face, Glyphs, Ink, Items, OtherFont, Rect, Shorten, Style, encode};
use crate::plan::{Cell, Plan};
use crate::store::{Run, make_folder, write_file};
use crate::views::{File, View, ViewFiles};
use crate::vocabulary::{CellKey, Parameter};

/// The prefix of the file names.
const NAME: &str = "chain";
/// The most paths on a page: about 60 megapixels with large cells.
const MOST_DOWN: usize = 40;
/// The most lines below a picture.
const LABEL_LINES: usize = 3;

/// The sheets of a chain: for each path, the images of all its stages.
#[derive(Debug)]
pub struct ChainSheets<'a> {
    /// The run, with all stages.
    pub run: &'a Run,
    /// The appearance of the sheets. Axes have no meaning here.
    pub options: SheetOptions,
}

impl View for ChainSheets<'_> {
    type Error = SheetError;

    /// Always `None`: they are drawn where the user wants them.
    fn find(&self) -> Option<ViewFiles> {
        None
    }

    fn write(&self) -> Result<ViewFiles, SheetError> {
        let (run, options) = (self.run, &self.options);
        let rows = rows(&run.plan, options);
        if rows.is_empty() {
            let folder = run.folder.clone();
            return Err(SheetError::NoCells { folder });
        }
        let other = options.font(&run.plan)?;
        let folder = folder_of(run, options);
        make_folder(&folder)?;
        let pages: Vec<&[Row]> = rows.chunks(MOST_DOWN).collect();
        let digits = pages.len().to_string().len().max(2);
        let mut files = Vec::new();
        let mut notes = BTreeSet::new();
        for (index, page) in pages.iter().enumerate() {
            let name = match pages.len() {
                1 => self.stem(),
                _ => format!("{}-{:0digits$}", self.stem(), index + 1),
            };
            let path = folder.join(format!("{name}.{}", options.format.extension()));
            files.push(self.draw(page, (index, pages.len()), other.as_ref(), path, &mut notes)?);
        }
        let notes = notes.into_iter().collect();
        Ok(ViewFiles { files, notes })
    }
}

impl ChainSheets<'_> {
    fn stem(&self) -> String {
        match self.options.name {
            Some(_) => self.options.stem(),
            None => NAME.to_owned(),
        }
    }

    fn draw(
        &self,
        rows: &[Row],
        place: (usize, usize),
        other: Option<&OtherFont>,
        path: PathBuf,
        notes: &mut BTreeSet<String>,
    ) -> Result<File, SheetError> {
        let (run, options) = (self.run, &self.options);
        let plan = &run.plan;
        let mut layout = Layout::new(plan, options.look(plan).cell.get(), other);
        let items = layout.page(rows, place);
        let pictures = RunPictures::new(run, options);
        let drawer = Drawer {
            source: &pictures,
            small: layout.small,
            glyphs: Glyphs::new(other),
            outline: 0,
        };
        let sheet = drawer.draw((layout.width(), layout.bottom), &items, notes);
        let cells: Vec<&str> = rows.iter().map(|row| row.leaf(plan).key.as_str()).collect();
        let about = serde_json::json!({ "chain": plan.name, "cells": cells }).to_string();
        let coded = encode(&sheet, options.format, options.quality, &about);
        let coded = coded.map_err(|source| SheetError::Code {
            path: path.clone(),
            source,
        })?;
        write_file(&path, &coded)?;
        Ok(File {
            what: "sheet",
            path,
            size: Some(sheet.dimensions()),
        })
    }
}

/// A path: a cell of each stage, as indices into the plan, from the first stage on.
#[derive(Debug)]
struct Row(Vec<usize>);

impl Row {
    fn leaf<'p>(&self, plan: &'p Plan) -> &'p Cell {
        &plan.cells[self.0[self.0.len() - 1]]
    }
}

/// The paths to the chosen cells of the last stage, sorted so that those with a common beginning are neighbours.
fn rows(plan: &Plan, options: &SheetOptions) -> Vec<Row> {
    let keys = plan.cells.iter().zip(0..);
    let index_of: HashMap<&CellKey, usize> = keys.map(|(cell, index)| (&cell.key, index)).collect();
    let chosen = options.chosen(plan).into_iter();
    let last = chosen.filter(|&index| plan.cells[index].stage == plan.last_stage());
    let mut rows: Vec<Row> = last
        .map(|leaf| {
            let mut path = vec![leaf];
            let mut at = leaf;
            // Each step leads to an earlier stage, so that a plan that was tampered with cannot lead in circles.
            while let Some(&earlier) = (plan.input_of(&plan.cells[at]))
                .and_then(|key| index_of.get(key))
                .filter(|earlier| plan.cells[**earlier].stage < plan.cells[at].stage)
            {
                path.insert(0, earlier);
                at = earlier;
            }
            Row(path)
        })
        .collect();
    rows.sort_by(|one, other| one.0.cmp(&other.0));
    rows
}

/// The layout of a sheet.
struct Layout<'a, 'f> {
    plan: &'a Plan,
    glyphs: Glyphs<'f>,
    title: Style<'f>,
    label: Style<'f>,
    small: Style<'f>,
    /// Width and height of a picture.
    picture: (u32, u32),
    gap: u32,
    margin: u32,
    /// Whether there is a column for the input image.
    has_input: bool,
    /// Lower edge of the last item placed.
    bottom: u32,
}

impl<'a, 'f> Layout<'a, 'f> {
    fn new(plan: &'a Plan, side: u32, other: Option<&'f OtherFont>) -> Self {
        let boxes = plan.cells.iter().map(|cell| {
            let fitted = Rect::new(0, 0, side, side).fitted(cell.width, cell.height);
            (fitted.width, fitted.height)
        });
        let picture = boxes.fold((1, 1), |(w, h), (width, height)| {
            (width.max(w), height.max(h))
        });
        let em = (side as f32 / 18.0).clamp(11.0, 22.0);
        let style = |face: Face<'static>, em| Style {
            face: face.or(other),
            em,
        };
        Self {
            plan,
            glyphs: Glyphs::new(other),
            title: style(Face::BOLD, em * 1.5),
            label: style(Face::BOLD, em),
            small: style(Face::REGULAR, em),
            picture,
            gap: (side / 16).max(6),
            margin: (em * 1.6) as u32,
            has_input: plan
                .cells
                .iter()
                .any(|cell| cell.stage == 0 && !cell.parameters.image.is_empty()),
            bottom: 0,
        }
    }

    fn columns(&self) -> u32 {
        self.plan.stages.len() as u32 + u32::from(self.has_input)
    }

    fn width(&self) -> u32 {
        self.columns() * (self.picture.0 + self.gap) - self.gap + 2 * self.margin
    }

    fn left(&self, column: usize) -> u32 {
        self.margin + column as u32 * (self.picture.0 + self.gap)
    }

    fn page(&mut self, rows: &[Row], place: (usize, usize)) -> Items<'f, Shown> {
        let mut items = Items::default();
        self.place_head(&mut items, place);
        let mut before: Option<&Row> = None;
        for row in rows {
            let shared = before.map_or(0, |before| {
                row.0
                    .iter()
                    .zip(&before.0)
                    .take_while(|(one, other)| one == other)
                    .count()
            });
            let is_other = before.is_none_or(|before| self.image_of(before) != self.image_of(row));
            self.place_row(&mut items, row, shared, is_other);
            before = Some(row);
        }
        self.bottom += self.margin / 2;
        items
    }

    /// Places the title, and the names of the stages above their columns.
    fn place_head(&mut self, items: &mut Items<'f, Shown>, (page, pages): (usize, usize)) {
        let mut title = self.plan.name.clone();
        if pages > 1 {
            title = format!("{title}, page {} of {pages}", page + 1);
        }
        let width = self.width() - 2 * self.margin;
        let shown = self.glyphs.showable(&title);
        let mut y = self.margin / 2;
        for line in self.title.wrap(&shown, width, 2, Shorten::Middle).lines {
            items.text(self.margin, y, line, self.title, Ink::Dark);
            y += self.title.line();
        }
        y += self.gap;
        let input = self.has_input.then(|| "input".to_owned());
        let stages = self.plan.stages.iter().map(|stage| stage.name.clone());
        for (column, name) in input.into_iter().chain(stages).enumerate() {
            items.text(self.left(column), y, name, self.label, Ink::Muted);
        }
        y += self.label.line();
        items.rules.push(Rect::new(self.margin, y, width, 1));
        self.bottom = y + self.gap;
    }

    /// The input image with which a path begins.
    fn image_of(&self, row: &Row) -> Option<&str> {
        let first = row.0.first()?;
        Some(self.plan.cells[*first].parameters.image.as_str())
    }

    /// Places the images that the path does not share with the one above; `is_other` says whether it begins with
    /// another image.
    fn place_row(
        &mut self,
        items: &mut Items<'f, Shown>,
        row: &Row,
        shared: usize,
        is_other: bool,
    ) {
        let top = self.bottom;
        let mut lines = 0;
        if let (true, true, Some(&first)) = (self.has_input, is_other, row.0.first()) {
            items
                .pictures
                .push((self.picture_at(0, top), Shown::Input(first)));
            let name = self.plan.cells[first].parameters.image.to_string();
            lines = lines.max(self.place_label(items, 0, top, &name, Shorten::Middle));
        }
        for (stage, &cell) in row.0.iter().enumerate().skip(shared) {
            let column = stage + usize::from(self.has_input);
            items
                .pictures
                .push((self.picture_at(column, top), Shown::Cell(cell)));
            let label = self.label_of(cell);
            lines = lines.max(self.place_label(items, column, top, &label, Shorten::End));
        }
        self.bottom = top + self.picture.1 + self.small.line() * lines + self.gap;
    }

    fn picture_at(&self, column: usize, top: u32) -> Rect {
        Rect::new(self.left(column), top, self.picture.0, self.picture.1)
    }

    /// Places the label of a cell and returns its number of lines.
    fn place_label(
        &mut self,
        items: &mut Items<'f, Shown>,
        column: usize,
        top: u32,
        label: &str,
        shorten: Shorten,
    ) -> u32 {
        if label.is_empty() {
            return 0;
        }
        let shown = self.glyphs.showable(label);
        let lines = self
            .small
            .wrap(&shown, self.picture.0, LABEL_LINES, shorten)
            .lines;
        let count = lines.len() as u32;
        for (number, line) in (0..).zip(lines) {
            let y = top + self.picture.1 + number * self.small.line();
            items.text(self.left(column), y, line, self.small, Ink::Dark);
        }
        count
    }

    /// The prompt of a cell, and what else varies in its stage.
    fn label_of(&self, cell: usize) -> String {
        let cell = &self.plan.cells[cell];
        let axes = self
            .plan
            .stages
            .get(cell.stage)
            .map(|stage| stage.axes.as_slice());
        let axes = axes.unwrap_or_default().iter().map(|axis| axis.parameter);
        let others = axes.filter(|axis| !matches!(axis, Parameter::Image | Parameter::Instruction));
        let named = others.map(|axis| format!("{axis} {}", cell.parameters.text(axis)));
        let words = std::iter::once(cell.parameters.instruction.to_string()).chain(named);
        words
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(", ")
    }
}
