//! Sheets into the run folder, one page in memory at a time, each put in place whole.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::draw::Brush;
use super::encode::encode;
use super::layout::{Page, layout};
use super::options::SheetOptions;
use crate::plan::CellKey;
use crate::store::Run;

/// The folder of sheets in a run folder.
const FOLDER: &str = "sheets";
/// What the outline of a cell means.
const ADVISED: &str = "advised cell";

/// A sheet that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetFile {
    /// Where.
    pub path: PathBuf,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// The sheets of a run, and what the user should know of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheets {
    /// In the order of the panels.
    pub files: Vec<SheetFile>,
    /// Inputs that are not shown, characters without glyphs.
    pub notes: Vec<String>,
}

/// Why there are no sheets.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SheetError {
    /// Nothing to show.
    #[error("none of the chosen cells is in {}", folder.display())]
    #[diagnostic(help("cells.csv lists the cells of a run in its first column"))]
    NoCells {
        /// The run folder.
        folder: PathBuf,
    },
    /// The folder leads elsewhere.
    #[error("{} is a symbolic link, which could lead out of the run folder", path.display())]
    #[diagnostic(help("remove the link"))]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot write {}: {source}", path.display())]
    #[diagnostic(help("check the free space and the permissions of the run folder"))]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
}

impl SheetError {
    fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Write { path, source }
    }
}

/// Draws all sheets of a run into its `sheets` folder, and removes those of earlier calls that have the
/// same name and format but are no longer among them. `advised` cells are outlined.
///
/// # Errors
/// If no cell is to be shown, or a file cannot be written.
pub fn write_sheets(
    run: &Run,
    options: &SheetOptions,
    advised: Option<&HashSet<CellKey>>,
) -> Result<Sheets, SheetError> {
    if options.chosen(&run.plan).is_empty() {
        return Err(SheetError::NoCells {
            folder: run.folder.clone(),
        });
    }
    let layout = layout(&run.plan, options, advised.map(|_| ADVISED));
    let none = HashSet::new();
    let brush = Brush {
        run,
        metrics: &layout.metrics,
        seconds: options.seconds,
        advised: advised.unwrap_or(&none),
    };
    let folder = folder_of(run)?;
    let mut notes = BTreeSet::new();
    let mut files = Vec::new();
    for page in &layout.pages {
        let path = folder.join(format!("{}.{}", page.stem, options.format.extension()));
        let sheet = brush.draw(page, &mut notes);
        let parameters = parameters(run, options, page);
        put(&path, |to| {
            encode(&sheet, options.format, &parameters, to).map_err(io::Error::other)
        })?;
        files.push(SheetFile {
            path,
            width: page.width,
            height: page.height,
        });
    }
    remove_stale(&folder, options, &files)?;
    let notes = layout.notes.iter().cloned().chain(notes).collect();
    Ok(Sheets { files, notes })
}

fn folder_of(run: &Run) -> Result<PathBuf, SheetError> {
    let folder = run.folder.join(FOLDER);
    if fs::symlink_metadata(&folder).is_ok_and(|metadata| metadata.is_symlink()) {
        return Err(SheetError::Link { path: folder });
    }
    fs::create_dir_all(&folder).map_err(SheetError::write(&folder))?;
    Ok(folder)
}

/// What a sheet shows, as JSON.
fn parameters(run: &Run, options: &SheetOptions, page: &Page) -> String {
    let cells: Vec<&str> = page
        .items
        .cells
        .iter()
        .map(|&(_, index)| run.plan.cells[index].key.as_str())
        .collect();
    let sheet = serde_json::json!({
        "sheet": page.stem,
        "run": run.plan.name,
        "options": options.to_json(),
        "axes": run.plan.axes,
        "cells": cells,
    });
    sheet.to_string()
}

/// Writes to a temporary name beside the target, then renames. The name is always the same, so that what
/// a killed process left is overwritten.
fn put(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<fs::File>) -> io::Result<()>,
) -> Result<(), SheetError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.tmp"));
    let put = || -> io::Result<()> {
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut writer = BufWriter::new(fs::File::create_new(&temporary)?);
        write(&mut writer)?;
        writer.flush()?;
        writer.get_ref().sync_all()?;
        fs::rename(&temporary, path)
    };
    put().map_err(|error| {
        // Best effort: the first error is the one to tell.
        let _ = fs::remove_file(&temporary);
        SheetError::write(path)(error)
    })
}

/// Files of this name and format that an earlier call wrote and this one did not.
fn remove_stale(
    folder: &Path,
    options: &SheetOptions,
    files: &[SheetFile],
) -> Result<(), SheetError> {
    let kept: HashSet<&Path> = files.iter().map(|file| file.path.as_path()).collect();
    for entry in fs::read_dir(folder).map_err(SheetError::write(folder))? {
        let path = entry.map_err(SheetError::write(folder))?.path();
        let is_stale = !kept.contains(path.as_path()) && is_ours(&path, options);
        if is_stale && path.is_file() {
            fs::remove_file(&path).map_err(SheetError::write(&path))?;
        }
    }
    Ok(())
}

/// `NAME.png`, `NAME-02.png` and `NAME-02-make-it-night.png`, where NAME is that of the options.
fn is_ours(path: &Path, options: &SheetOptions) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let temporary = name
        .strip_prefix('.')
        .and_then(|name| name.strip_suffix(".tmp"));
    let stem = temporary
        .unwrap_or(name)
        .strip_suffix(options.format.extension());
    let stem = stem.and_then(|stem| stem.strip_suffix('.'));
    let Some(rest) = stem.and_then(|stem| stem.strip_prefix(&options.stem())) else {
        return false;
    };
    let numbered = rest.strip_prefix('-').is_some_and(|rest| {
        let number = rest.split('-').next().unwrap_or_default();
        number.len() >= 2 && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    rest.is_empty() || numbered
}
