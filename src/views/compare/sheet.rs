//! Sheets of pairs: the first run's image, the second's and their difference, side by side.

use std::fs;
use std::path::Path;

use image::RgbImage;

use super::{CompareError, Comparison, Pair};
use crate::drawing::{Format, encode};
use crate::store::{self, Run};
use crate::views::File;
use crate::views::pairs::{Described, Head, PairSheets, Pairs, Side};
use crate::views::sheet::SheetOptions;

const NAME: &str = "compare";

/// Writes `compare.png`, or `compare-01.png` and so on; removes those of an earlier comparison.
pub(super) fn write(
    runs: [&Run; 2],
    comparison: &Comparison,
    out: &Path,
) -> Result<Vec<File>, CompareError> {
    let plan = &runs[0].plan;
    // A run may come from another machine without its font: missing characters are then drawn as boxes.
    let other = SheetOptions::default().font(plan).ok().flatten();
    let head = head(comparison);
    let described: Vec<Described> = comparison
        .pairs
        .iter()
        .map(|pair| describe(pair, runs[0]))
        .collect();
    let sheets = PairSheets::new(&head, &described, plan.sheet.cell.get(), other.as_ref());
    let source = OfRuns { runs, comparison };
    let digits = sheets.pages().to_string().len().max(2);
    remove_earlier(out)?;
    let mut files = Vec::new();
    for page in 0..sheets.pages() {
        let name = match sheets.pages() {
            1 => format!("{NAME}.png"),
            _ => format!("{NAME}-{:0digits$}.png", page + 1),
        };
        let sheet = sheets.draw(page, &source);
        let pairs = &comparison.pairs[sheets.shown_on(page)];
        let cells: Vec<_> = pairs.iter().map(|pair| &pair.keys).collect();
        let parameters =
            serde_json::json!({ "compare": comparison.names, "cells": cells }).to_string();
        let path = out.join(name);
        store::write_file(&path, &encode(&sheet, Format::Png, None, &parameters)?)?;
        files.push(File {
            what: "sheet",
            path,
            size: Some(sheet.dimensions()),
        });
    }
    Ok(files)
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

/// What the runs differ in, and how to read the difference.
fn head(comparison: &Comparison) -> Head {
    let [a, b] = &comparison.names;
    let mut texts = vec![format!("A is {a}, B is {b}.")];
    texts.extend(comparison.settings.iter().map(|setting| {
        let [a, b] = &setting.values;
        format!("{}: {a} in A, {b} in B", setting.name)
    }));
    texts.push(format!(
        "difference: {}; perceptual: as the eye sees it, 1 is just noticeable; time and memory: how many times that of A",
        comparison.scale.legend()
    ));
    Head {
        title: format!("{a} and {b}"),
        texts,
        captions: ["A", "B", "difference"],
    }
}

fn describe(pair: &Pair, run: &Run) -> Described {
    let cell = &run.plan.cells[pair.cells[0]];
    Described {
        label: pair.label.clone(),
        detail: numbers(pair),
        size: (cell.width, cell.height),
    }
}

/// The measures of a pair, in one line.
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

/// The pictures of two runs.
struct OfRuns<'a> {
    runs: [&'a Run; 2],
    comparison: &'a Comparison,
}

impl Pairs for OfRuns<'_> {
    fn picture(&self, pair: usize, side: Side) -> Option<RgbImage> {
        let pair = &self.comparison.pairs[pair];
        pair.picture(self.runs, side, self.comparison.scale)
    }
}
