//! Writes sheets into the run folder, one page in memory at a time, each file atomically.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use image::RgbImage;

use super::SheetError;
use super::draw::{RunPictures, cells};
use super::layout::{Page, layout};
use super::options::SheetOptions;
use crate::drawing::{Drawer, Format, Glyphs, encode, is_png_of, scaled};
use crate::judge::advice::Advice;
use crate::plan::Plan;
use crate::store::{Run, StoreError, make_folder, write_file};
use crate::views::{File, View, ViewFiles};
use crate::vocabulary::shown_value;

/// The folder of sheets in a run folder.
const FOLDER: &str = "sheets";
/// The ending of previews' file names.
const PREVIEW: &str = "-preview.jpg";
/// The most bytes that mail servers usually accept; larger sheets get a preview.
const MOST_TO_SEND: usize = 4 << 20;

/// The contact sheets of a run, according to [`SheetOptions`].
#[derive(Debug)]
pub struct Sheets<'a> {
    /// The run.
    pub run: &'a Run,
    /// The appearance and files of the sheets.
    pub options: SheetOptions,
}

impl<'a> Sheets<'a> {
    /// The sheets that the sweep file asks for, with the advised cells outlined.
    pub fn of(run: &'a Run, advice: &Advice) -> Self {
        let options = SheetOptions::outlining(advice);
        Self { run, options }
    }
}

impl View for Sheets<'_> {
    type Error = SheetError;

    /// The sheets, if all of them exist as PNGs with these options and are newer than everything they show. There are
    /// no notes: these were given when the sheets were drawn.
    fn find(&self) -> Option<ViewFiles> {
        let (run, options) = (self.run, &self.options);
        let folder = folder_of(run, options);
        let found = |page: &Page| {
            let path = folder.join(file_name(page, options));
            // A sheet that lacks an image is drawn again, because the image may exist now.
            let all = parameters(run, options, page, &BTreeSet::new());
            let is_same = run.is_shown_by(&path) && is_png_of(&path, &all);
            is_same.then(|| file(path, page))
        };
        let other = options.font(&run.plan).ok()?;
        let pages = layout(&run.plan, options, other.as_ref()).pages;
        Some(ViewFiles {
            files: pages.iter().map(found).collect::<Option<_>>()?,
            notes: Vec::new(),
        })
    }

    /// Draws all sheets into the run's `sheets` folder, and removes those of earlier calls that have the same name and
    /// format but are no longer needed.
    fn write(&self) -> Result<ViewFiles, SheetError> {
        let (run, options) = (self.run, &self.options);
        if options.chosen(&run.plan).is_empty() {
            let folder = run.folder.clone();
            return Err(SheetError::NoCells { folder });
        }
        let other = options.font(&run.plan)?;
        let layout = layout(&run.plan, options, other.as_ref());
        let pictures = RunPictures::new(run, options);
        let drawer = Drawer {
            source: &pictures,
            small: layout.metrics.caption,
            glyphs: Glyphs::new(other.as_ref()),
            outline: layout.metrics.outline(),
        };
        let folder = folder_of(run, options);
        make_folder(&folder)?;
        let mut notes = BTreeSet::new();
        let mut all_not_shown = BTreeSet::new();
        let mut files = Vec::new();
        for page in &layout.pages {
            let path = folder.join(file_name(page, options));
            let sheet = drawer.draw((page.width, page.height), &page.items, &mut notes);
            let not_shown = pictures.take_not_shown();
            let shown = parameters(run, options, page, &not_shown);
            let coded = encode(&sheet, options.format, options.quality, &shown);
            let coded = coded.map_err(|source| SheetError::Code {
                path: path.clone(),
                source,
            })?;
            write_file(&path, &coded)?;
            let preview = match coded.len() > MOST_TO_SEND {
                true => Some(write_preview(sheet, &path)?),
                false => None,
            };
            files.push(file(path, page));
            files.extend(preview);
            all_not_shown.extend(not_shown);
        }
        notes.extend(note_of(&all_not_shown));
        if options.folder.is_none() {
            remove_stale(&folder, options, &files)?;
        }
        let notes = layout.notes.into_iter().chain(notes).collect();
        Ok(ViewFiles { files, notes })
    }
}

/// Writes a smaller copy beside a sheet that is too large for mail: `sheet-preview.jpg`.
fn write_preview(mut sheet: RgbImage, path: &Path) -> Result<File, SheetError> {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(PREVIEW);
    let path = path.with_file_name(name);
    loop {
        let coded = encode(&sheet, Format::Jpeg, None, "").map_err(|source| SheetError::Code {
            path: path.clone(),
            source,
        })?;
        if coded.len() <= MOST_TO_SEND {
            write_file(&path, &coded)?;
            return Ok(File {
                what: "preview",
                path,
                size: Some(sheet.dimensions()),
            });
        }
        // A little less than the area that would just fit, so that few attempts are needed.
        let share = (0.9 * MOST_TO_SEND as f64 / coded.len() as f64).sqrt();
        let side = |side: u32| ((f64::from(side) * share) as u32).max(1);
        let (width, height) = (side(sheet.width()), side(sheet.height()));
        sheet = scaled(sheet, width, height);
    }
}

fn file(path: PathBuf, page: &Page) -> File {
    File {
        what: "sheet",
        path,
        size: Some((page.width, page.height)),
    }
}

/// Checks that the font named in the sweep file, if any, can be used.
///
/// # Errors
/// If it cannot.
pub fn check_font(plan: &Plan) -> Result<(), SheetError> {
    SheetOptions::default().font(plan).map(drop)
}

fn file_name(page: &Page, options: &SheetOptions) -> String {
    format!("{}.{}", page.stem, options.format.extension())
}

/// The folder of the sheets.
pub(super) fn folder_of(run: &Run, options: &SheetOptions) -> PathBuf {
    let own = || run.folder.join(FOLDER);
    options.folder.clone().unwrap_or_else(own)
}

fn refused(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    |source| StoreError::Write { path, source }
}

/// The note on images that could not be read.
fn note_of(not_shown: &BTreeSet<String>) -> Option<String> {
    let images = not_shown.iter().filter(|file| file.starts_with("cells/"));
    let first = images.clone().next()?;
    let others = match images.count() - 1 {
        0 => String::new(),
        1 => " and 1 more".to_owned(),
        more => format!(" and {more} more"),
    };
    Some(format!(
        "not shown, since missing or damaged: {first}{others}; run the sweep again to have the image computed"
    ))
}

/// The parameters of a sheet, as JSON.
fn parameters(
    run: &Run,
    options: &SheetOptions,
    page: &Page,
    not_shown: &BTreeSet<String>,
) -> String {
    let cells: Vec<&str> = cells(&page.items)
        .map(|(_, index)| run.plan.cells[index].key.as_str())
        .collect();
    let mut axes = run.plan.axes.clone();
    for axis in &mut axes {
        let shown = |name: &String| shown_value(axis.parameter, name).into_owned();
        axis.values = axis.values.iter().map(shown).collect();
    }
    let mut sheet = serde_json::json!({
        "sheet": page.stem,
        "run": run.plan.name,
        "options": options.to_json(&run.plan),
        "axes": axes,
        "cells": cells,
    });
    if !not_shown.is_empty() {
        sheet["not_shown"] = not_shown.iter().cloned().collect();
    }
    sheet.to_string()
}

/// Removes files with this name and format that an earlier call wrote and this one did not.
fn remove_stale(folder: &Path, options: &SheetOptions, files: &[File]) -> Result<(), StoreError> {
    let kept: HashSet<&Path> = files.iter().map(|file| file.path.as_path()).collect();
    for entry in fs::read_dir(folder).map_err(refused(folder))? {
        let path = entry.map_err(refused(folder))?.path();
        let is_stale = !kept.contains(path.as_path()) && is_ours(&path, options);
        if is_stale && path.is_file() {
            fs::remove_file(&path).map_err(refused(&path))?;
        }
    }
    Ok(())
}

/// Whether a file is named `NAME.png`, `NAME-02.png` or `NAME-02-make-it-night.png`, with the options' name and format.
fn is_ours(path: &Path, options: &SheetOptions) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let sheet = name.strip_suffix(options.format.extension());
    let sheet = sheet.and_then(|stem| stem.strip_suffix('.'));
    let stem = name.strip_suffix(PREVIEW).or(sheet);
    let Some(rest) = stem.and_then(|stem| stem.strip_prefix(&options.stem())) else {
        return false;
    };
    let numbered = rest.strip_prefix('-').is_some_and(|rest| {
        let number = rest.split('-').next().unwrap_or_default();
        number.len() >= 2 && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    rest.is_empty() || numbered
}
