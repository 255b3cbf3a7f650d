//! Two runs side by side: what differs in the images, in time and in memory.
//!
//! Cells are matched by their parameters (`matching`), also where the runs differ in model, device,
//! precision or scheduler; [`compare`] measures each pair, [`Compared`] leaves a table, sheets and
//! a page in a folder of their own. Only run folders are read; neither is written to.

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

/// Two runs, compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What the two runs are called: their folders' names.
    pub names: [String; 2],
    /// What the matched cells of each run have in common where those of the other have something else:
    /// parameters, device, precision.
    pub settings: Vec<Setting>,
    /// The parameters that vary in either run, in the order of nesting.
    pub axes: Vec<Parameter>,
    /// In the order of the first run.
    pub pairs: Vec<Pair>,
    /// Cells that only one run has, named by their parameters: of the first run, of the second.
    pub alone: [Vec<String>; 2],
    /// How differences are drawn.
    pub scale: Scale,
    /// Cells of either run that cannot be told apart by their parameters, and were left out.
    pub ambiguous: Vec<String>,
}

/// Matches the cells of two runs and measures every pair.
///
/// # Errors
/// If no cell of one is in the other.
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

/// A comparison in a folder of its own: `compare.csv`, `compare.png` (or several) and `index.html` with its images.
#[derive(Debug)]
pub struct Compared<'a> {
    /// The runs.
    pub runs: [&'a Run; 2],
    /// What was found.
    pub comparison: &'a Comparison,
    /// The folder, which is made if need be.
    pub out: PathBuf,
}

impl View for Compared<'_> {
    type Error = CompareError;

    /// Never: what two runs hold is not known from the folder.
    fn find(&self) -> Option<ViewFiles> {
        None
    }

    /// # Errors
    /// If the folder is a run's own or holds other things, or a file cannot be written.
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

/// A folder with things in it that is not a comparison is the user's, and stays as it is.
fn refuse_foreign(out: &Path) -> Result<(), CompareError> {
    let is_ours = out.join("compare.csv").is_file();
    let holds_something = || {
        let entries = std::fs::read_dir(out).into_iter().flatten().flatten();
        // What a comparison that was killed left is none of the user's.
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

/// The folders' names, with the folders above where those are equal.
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
