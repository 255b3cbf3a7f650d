//! What can go wrong with baselines and checks.

use std::io;
use std::path::{Path, PathBuf};

use super::difference::DifferenceError;
use crate::store::StoreError;

/// Why a run cannot be checked or accepted. An error never changes the baseline.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum JudgeError {
    /// The manifest is not valid JSON of the right form, or contradicts itself.
    #[error("{} cannot be understood: {reason}", path.display())]
    #[diagnostic(help(
        "it was damaged or edited by hand; restore it from version control, or delete the folder and accept a run again"
    ))]
    Malformed {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A later version of the program wrote the manifest.
    #[error("{} has format {found}, this program reads up to {known}", path.display())]
    #[diagnostic(help("update ip2p: a newer version has written this baseline"))]
    NewerFormat {
        /// The manifest.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The latest format known here.
        known: u32,
    },
    /// A baseline image is not what was accepted.
    #[error("baseline image {} is not the one that was accepted: {reason}", path.display())]
    #[diagnostic(help(
        "it was damaged or edited by hand; restore it from version control, or accept a run again"
    ))]
    Image {
        /// The image.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of the baseline cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    #[diagnostic(help("check that the file is there and that you may read it"))]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// A run folder was given as the baseline.
    #[error("{} is a run folder, and cannot be a baseline", folder.display())]
    #[diagnostic(help("name a folder for accepted images alone with --baseline, or leave it out"))]
    IsRun {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder contains something other than a baseline.
    #[error("{} is not a baseline and is not empty: it holds {name}", folder.display())]
    #[diagnostic(help("name another folder with --baseline"))]
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// Name of one entry in the folder.
        name: String,
    },
    /// The baseline cannot be written.
    #[error("cannot write the baseline: {source}")]
    #[diagnostic(help(
        "the baseline is as it was before; check the permissions and the free space, or name another folder with --baseline"
    ))]
    Write {
        /// The underlying error.
        source: StoreError,
    },
    /// The page of a check cannot be rendered.
    #[error("cannot render the page of the check: {0}")]
    #[diagnostic(help("this is a bug in ip2p; please report it"))]
    Page(minijinja::Error),
    /// The run has no such cell or stage.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Run(StoreError),
    /// A cell to be accepted has no image.
    #[error("cell {cell} of {} has no image to accept: {reason}", run.display())]
    #[diagnostic(help(
        "run the sweep again: finished cells are kept, and this one is computed again"
    ))]
    NoImage {
        /// The run folder.
        run: PathBuf,
        /// The cell.
        cell: String,
        /// Why.
        reason: String,
    },
    /// None of the cells has an image.
    #[error("{} has no finished cells to accept", run.display())]
    #[diagnostic(help("run the sweep again; cells.csv says why cells failed"))]
    NothingDone {
        /// The run folder.
        run: PathBuf,
    },
    /// `accept` was called in continuous integration.
    #[error("baselines are not accepted where CI is set")]
    #[diagnostic(help(
        "accept on your own machine and commit the baseline; a check must not be able to approve itself"
    ))]
    InCi,
    /// There is no terminal on which to ask for confirmation.
    #[error("stdin is not a terminal, so nobody can confirm")]
    #[diagnostic(help("look at the changes above, then accept them with --yes"))]
    NobodyToAsk,
    /// The images of a cell and its baseline cannot be compared.
    #[error("cell {cell}: {source}")]
    Difference {
        /// The cell.
        cell: String,
        /// Why.
        source: DifferenceError,
    },
    /// A report cannot be written.
    #[error("cannot write the report of the check: {source}")]
    #[diagnostic(help("check the permissions and the free space of the run folder"))]
    Report {
        /// The underlying error.
        source: StoreError,
    },
    /// The summary's file cannot be written.
    #[error("cannot append the summary to {}: {source}", path.display())]
    #[diagnostic(help("GITHUB_STEP_SUMMARY names this file; unset it, or make it writable"))]
    Summary {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
}

impl JudgeError {
    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Read { path, source }
    }
}
