//! Two runs side by side: how they differ in images, time and memory.
//!
//! Cells are matched by their parameters (`matching`), even if the runs differ in model, device, precision or
//! scheduler. [`compare`] measures each pair; [`Compared`] writes a table, sheets and a page into a folder of their
//! own. The run folders are only read.

mod error;
mod matching;
mod page;
mod pair;
mod pictures;
mod sheet;
mod table;

use std::path::{Path, PathBuf};

use rayon::prelude::*;

pub use error::CompareError;
pub use matching::{Matching, Setting, match_cells};
pub use pair::Pair;

use crate::store::{self, Run};
use crate::views::difference::Scale;
use crate::views::{File, View, ViewFiles};
use crate::vocabulary::Parameter;

/// A comparison of two runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The names of the two run folders.
    pub names: [String; 2],
    /// What all matched cells of each run have in common and the two runs differ in: parameters, device, precision.
    pub settings: Vec<Setting>,
    /// The parameters that vary in either run, in nesting order.
    pub axes: Vec<Parameter>,
    /// The matched cells, in the order of the first run.
    pub pairs: Vec<Pair>,
    /// Cells that only one run has, named by their parameters: those of the first run, those of the second.
    pub alone: [Vec<String>; 2],
    /// The scale for drawing differences.
    pub scale: Scale,
    /// Cells of either run that were left out because their parameters do not tell them apart.
    pub ambiguous: Vec<String>,
}

/// Matches the cells of two runs and measures every pair.
///
/// # Errors
/// If no cells match.
pub fn compare(runs: [&Run; 2]) -> Result<Comparison, CompareError> {
    let Matching {
        settings,
        axes,
        pairs,
        alone,
        ambiguous,
    } = match_cells(runs);
    if pairs.is_empty() {
        return Err(CompareError::NothingInCommon {
            folders: runs.map(|run| run.folder.clone()).into(),
            why: matching::why_nothing_matches(runs),
        });
    }
    let distinguishing =
        matching::distinguishing(&runs[0].plan, &axes, pairs.iter().map(|[a, _]| *a));
    let pairs: Vec<Pair> = pairs
        .into_par_iter()
        .map(|cells| Pair::measure(runs, cells, &axes, &distinguishing))
        .collect();
    let named = |which: usize, cells: &[usize]| -> Vec<String> {
        let cells = cells.iter().map(|&cell| &runs[which].plan.cells[cell]);
        cells
            .map(|cell| matching::label(&cell.parameters, &axes, cell.key.as_str()))
            .collect()
    };
    Ok(Comparison {
        names: names(runs),
        alone: [named(0, &alone[0]), named(1, &alone[1])],
        ambiguous: [named(0, &ambiguous[0]), named(1, &ambiguous[1])].concat(),
        scale: Scale::of(pairs.iter().map(|pair| pair.level_p99)),
        settings,
        axes,
        pairs,
    })
}

/// A comparison, written to a folder of its own: `compare.csv`, `compare.png` (or several) and `index.html` with its
/// images.
#[derive(Debug)]
pub struct Compared<'a> {
    /// The runs.
    pub runs: [&'a Run; 2],
    /// The comparison.
    pub comparison: &'a Comparison,
    /// The folder, which is created if needed.
    pub out: PathBuf,
}

impl View for Compared<'_> {
    type Error = CompareError;

    /// Always `None`: the folder does not show what the two runs contain.
    fn find(&self) -> Option<ViewFiles> {
        None
    }

    /// # Errors
    /// If the folder is a run folder or contains other things, or a file cannot be written.
    fn write(&self) -> Result<ViewFiles, CompareError> {
        let (runs, comparison, out) = (self.runs, self.comparison, self.out.as_path());
        refuse_foreign(out)?;
        store::make_folder(out)?;
        let table = out.join("compare.csv");
        store::write_file(&table, &table::csv(comparison)?)?;
        let sheets = sheet::write(runs, comparison, out)?;
        pictures::write(runs, comparison, out)?;
        let page = page::write(comparison, out)?;
        let mut files = vec![File::of("table", table), File::of("page", page)];
        files.extend(sheets);
        Ok(ViewFiles {
            files,
            notes: Vec::new(),
        })
    }
}

/// Refuses a folder with other content: it belongs to the user and stays as it is.
fn refuse_foreign(out: &Path) -> Result<(), CompareError> {
    let is_ours = out.join("compare.csv").is_file();
    let holds_something = || {
        let entries = std::fs::read_dir(out).into_iter().flatten().flatten();
        // Leftovers of a comparison that was killed do not belong to the user.
        let mut names = entries.map(|entry| entry.file_name());
        names.any(|name| !store::is_unfinished(&name))
    };
    if !is_ours && holds_something() {
        return Err(CompareError::Foreign {
            folder: out.to_owned(),
        });
    }
    Ok(())
}

/// The names of the folders, preceded by those of their parents if they are equal.
fn names(runs: [&Run; 2]) -> [String; 2] {
    let name = |run: &Run| {
        let folder = run
            .folder
            .canonicalize()
            .unwrap_or_else(|_| run.folder.clone());
        folder
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    let names = runs.map(name);
    if names[0] == names[1] {
        runs.map(|run| run.folder.display().to_string())
    } else {
        names
    }
}

#[cfg(test)]
mod tests;
