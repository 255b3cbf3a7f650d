//! Sheets of pairs: the first run, the second, and where they differ, side by side.

use std::fs;
use std::path::{Path, PathBuf};

use image::RgbImage;
use rayon::prelude::*;

use super::{CompareError, Comparison, Pair};
use crate::sheet::draw::{DARK, MUTED, PAPER, RULE, fill, hatch, paste};
use crate::sheet::encode::encode;
use crate::sheet::font::{Face, Glyphs, OtherFont};
use crate::sheet::metrics::Rect;
use crate::sheet::picture::scaled;
use crate::sheet::text::{Shorten, Style};
use crate::sheet::{Format, SheetOptions};
use crate::store::{self, Run};

/// Columns of pairs on a sheet, and rows of them: about 60 megapixels with the largest cells.
const MOST_ACROSS: usize = 4;
const MOST_DOWN: usize = 16;
/// Bounds of the side of an image; the sweep file's size lies between them.
const SIDES: (u32, u32) = (128, 512);
/// Width to height.
const PROPORTIONS: f64 = 1.4;
/// Lines of a pair's label.
const LABEL_LINES: usize = 3;
const NAME: &str = "compare";

/// Writes `compare.png`, or `compare-01.png` and so on; those of an earlier comparison go.
pub(super) fn write(
    runs: [&Run; 2],
    comparison: &Comparison,
    out: &Path,
) -> Result<Vec<PathBuf>, CompareError> {
    // A run may have come from elsewhere without its font: then there are boxes.
    let other = SheetOptions::default().font(&runs[0].plan).ok().flatten();
    let layout = Layout::of(runs[0], comparison, other.as_ref());
    let pages: Vec<&[Pair]> = comparison.pairs.chunks(layout.across * MOST_DOWN).collect();
    let digits = pages.len().to_string().len().max(2);
    remove_earlier(out)?;
    let mut paths = Vec::new();
    for (index, page) in pages.iter().enumerate() {
        let number = index + 1;
        let name = match pages.len() {
            1 => format!("{NAME}.png"),
            _ => format!("{NAME}-{number:0digits$}.png"),
        };
        let title = match pages.len() {
            1 => String::new(),
            all => format!("page {number} of {all}"),
        };
        let sheet = layout.draw(runs, page, &title);
        let cells: Vec<_> = page.iter().map(|pair| &pair.keys).collect();
        let parameters =
            serde_json::json!({ "compare": comparison.names, "cells": cells }).to_string();
        let path = out.join(name);
        store::write_file(&path, &encode(&sheet, Format::Png, &parameters)?)?;
        paths.push(path);
    }
    Ok(paths)
}

fn remove_earlier(out: &Path) -> Result<(), CompareError> {
    for entry in fs::read_dir(out).map_err(CompareError::write(out))? {
        let path = entry.map_err(CompareError::write(out))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let middle = name
            .strip_prefix(NAME)
            .and_then(|rest| rest.strip_suffix(".png"));
        if middle.is_some_and(|middle| middle.chars().all(|c| c == '-' || c.is_ascii_digit())) {
            fs::remove_file(&path).map_err(CompareError::write(&path))?;
        }
    }
    Ok(())
}

/// Sizes in pixels and texts that all sheets of a comparison share.
struct Layout<'a> {
    comparison: &'a Comparison,
    glyphs: Glyphs<'a>,
    /// Of an image.
    width: u32,
    height: u32,
    gap: u32,
    margin: u32,
    label: Style<'a>,
    small: Style<'a>,
    title: Style<'a>,
    /// Lines that the longest label takes.
    lines: u32,
    /// Pairs side by side.
    across: usize,
}

impl<'a> Layout<'a> {
    fn of(run: &Run, comparison: &'a Comparison, other: Option<&'a OtherFont>) -> Self {
        let side = run.plan.sheet.cell.get().clamp(SIDES.0, SIDES.1);
        let boxes = comparison.pairs.iter().map(|pair| {
            let cell = &run.plan.cells[pair.cells[0]];
            Rect::new(0, 0, side, side).fitted(cell.width, cell.height)
        });
        let (width, height) = boxes.fold((1, 1), |(w, h), b| (b.width.max(w), b.height.max(h)));
        let em = (side as f32 / 16.0).clamp(12.0, 24.0);
        let style = |face: Face<'static>, em| Style {
            face: face.or(other),
            em,
        };
        let mut layout = Self {
            comparison,
            glyphs: Glyphs::new(other),
            width,
            height,
            gap: (side / 48).max(2),
            margin: (em * 1.6) as u32,
            label: style(Face::BOLD, em),
            small: style(Face::REGULAR, (em * 0.9).max(12.0)),
            title: style(Face::BOLD, em * 1.5),
            lines: 1,
            across: 1,
        };
        let lines = comparison
            .pairs
            .iter()
            .map(|pair| layout.label_of(pair).len() as u32);
        layout.lines = lines.max().unwrap_or(1);
        layout.across = layout.best_across(comparison.pairs.len());
        layout
    }

    /// As many pairs side by side as give the sheet good proportions.
    fn best_across(&self, pairs: usize) -> usize {
        let block = f64::from(self.block_height()) / f64::from(self.block_width());
        ((pairs as f64 * block * PROPORTIONS).sqrt().round() as usize).clamp(1, MOST_ACROSS)
    }

    fn block_width(&self) -> u32 {
        3 * self.width + 2 * self.gap
    }

    /// Label, numbers, images, and the space below.
    fn block_height(&self) -> u32 {
        self.lines * self.label.line() + self.small.line() + self.gap + self.height + self.margin
    }

    fn shown(&self, text: &str) -> String {
        self.glyphs.clone().showable(text)
    }

    fn label_of(&self, pair: &Pair) -> Vec<String> {
        let shown = self.shown(&pair.label);
        self.label
            .wrap(&shown, self.block_width(), LABEL_LINES, Shorten::End)
            .lines
    }

    fn draw(&self, runs: [&Run; 2], pairs: &[Pair], page: &str) -> RgbImage {
        let across = self.across.min(pairs.len()) as u32;
        let down = (pairs.len() as u32).div_ceil(across);
        let body = across * (self.block_width() + self.margin) - self.margin;
        let head = self.head(body, page);
        let captions = self.small.line() + self.gap;
        let top =
            self.margin + head.len() as u32 * self.small.line() + self.title.line() + self.margin;
        let (width, height) = (
            body + 2 * self.margin,
            top + captions + down * self.block_height(),
        );
        let mut canvas = RgbImage::from_pixel(width, height, PAPER);
        let title = format!(
            "{} and {}",
            self.comparison.names[0], self.comparison.names[1]
        );
        self.line(
            &mut canvas,
            self.title,
            (self.margin, self.margin / 2),
            &title,
            body,
        );
        for (index, line) in head.iter().enumerate() {
            let y = self.margin / 2 + self.title.line() + index as u32 * self.small.line();
            self.small
                .face
                .draw(&mut canvas, (self.margin, y), line, self.small.em, MUTED);
        }
        fill(
            &mut canvas,
            Rect::new(self.margin, top - self.margin / 2, body, 1),
            RULE,
        );
        let left = |column: u32| self.margin + column * (self.block_width() + self.margin);
        for column in 0..across {
            self.captions(&mut canvas, left(column), top);
        }
        let images: Vec<_> = pairs
            .par_iter()
            .map(|pair| self.images(runs, pair))
            .collect();
        for (index, (pair, images)) in pairs.iter().zip(images).enumerate() {
            let (column, row) = (index as u32 % across, index as u32 / across);
            let at = (left(column), top + captions + row * self.block_height());
            self.block(&mut canvas, at, pair, images);
        }
        canvas
    }

    /// What the runs differ in, and how to read the third image.
    fn head(&self, width: u32, page: &str) -> Vec<String> {
        let comparison = self.comparison;
        let [a, b] = &comparison.names;
        let mut texts = vec![format!("A is {a}, B is {b}.")];
        texts.extend(comparison.settings.iter().map(|setting| {
            format!(
                "{}: {} in A, {} in B",
                setting.name, setting.values[0], setting.values[1]
            )
        }));
        texts.push(format!(
            "difference: of levels, × {}; perceptual: as the eye sees it, 1 is just noticeable; \
             time and memory: how many times that of A",
            comparison.gain
        ));
        texts.push(page.to_owned());
        let shown = texts
            .iter()
            .map(|text| self.shown(text))
            .filter(|text| !text.is_empty());
        shown
            .flat_map(|text| {
                self.small
                    .wrap(&text, width, LABEL_LINES, Shorten::End)
                    .lines
            })
            .collect()
    }

    fn captions(&self, canvas: &mut RgbImage, left: u32, y: u32) {
        for (index, caption) in ["A", "B", "difference"].into_iter().enumerate() {
            let x = left + index as u32 * (self.width + self.gap);
            let x = x + self.width.saturating_sub(self.small.width(caption)) / 2;
            self.small
                .face
                .draw(canvas, (x, y), caption, self.small.em, MUTED);
        }
    }

    /// One line, cut to a width.
    fn line(&self, canvas: &mut RgbImage, style: Style, at: (u32, u32), text: &str, width: u32) {
        let shown = self.shown(text);
        for line in style.wrap(&shown, width, 1, Shorten::Middle).lines {
            style.face.draw(canvas, at, &line, style.em, DARK);
        }
    }

    /// The three images at the size of the sheet, as far as there are any.
    fn images(&self, runs: [&Run; 2], pair: &Pair) -> [Option<RgbImage>; 3] {
        let scale = |image: RgbImage| {
            let place = self.place(0, 0).fitted(image.width(), image.height());
            scaled(image, place.width, place.height)
        };
        let pictures = pair.pictures(runs, self.comparison.gain);
        pictures.map(|picture| picture.map(scale))
    }

    fn place(&self, x: u32, y: u32) -> Rect {
        Rect::new(x, y, self.width, self.height)
    }

    fn block(
        &self,
        canvas: &mut RgbImage,
        (x, y): (u32, u32),
        pair: &Pair,
        images: [Option<RgbImage>; 3],
    ) {
        let lines = self.label_of(pair);
        // Short labels stand just above their images.
        let mut y = y + (self.lines - lines.len() as u32) * self.label.line();
        for line in lines {
            self.label
                .face
                .draw(canvas, (x, y), &line, self.label.em, DARK);
            y += self.label.line();
        }
        let numbers = self
            .small
            .wrap(
                &self.shown(&numbers(pair)),
                self.block_width(),
                1,
                Shorten::End,
            )
            .lines;
        self.small
            .face
            .draw(canvas, (x, y), &numbers[0], self.small.em, MUTED);
        y += self.small.line() + self.gap;
        let places = [0, 1, 2].map(|index| self.place(x + index * (self.width + self.gap), y));
        for (place, image) in places.into_iter().zip(images) {
            match image {
                Some(image) => paste(canvas, &image, place.fitted(image.width(), image.height())),
                None => hatch(canvas, place),
            }
        }
    }
}

/// What was measured, in one line.
fn numbers(pair: &Pair) -> String {
    let difference = match &pair.difference {
        Ok(difference) if difference.is_none() => "equal".to_owned(),
        Ok(difference) => format!(
            "perceptual {:.2}, SSIM {:.3}",
            difference.perceptual_mean, difference.ssim
        ),
        Err(reason) => reason.clone(),
    };
    let times =
        |name: &str, ratio: Option<f64>| ratio.map(|ratio| format!(", {name} × {ratio:.2}"));
    let time = times("time", pair.time_ratio()).unwrap_or_default();
    let memory = times("memory", pair.memory_ratio()).unwrap_or_default();
    format!("{difference}{time}{memory}")
}
