//! What can go wrong with a comparison.

use std::io;
use std::path::{Path, PathBuf};

use crate::store::StoreError;

/// Why two runs cannot be compared.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum CompareError {
    /// No cell of one run matches a cell of the other.
    #[error("no cell of {} is in {}: {why}", folders.0.display(), folders.1.display())]
    #[diagnostic(help(
        "cells are matched by their parameters and the bytes of their images; a parameter may differ where \
         each run has one value of it"
    ))]
    NothingInCommon {
        /// The run folders.
        folders: (PathBuf, PathBuf),
        /// The parameter whose values differ.
        why: String,
    },
    /// The output folder contains something else.
    #[error("{} contains something other than a comparison", folder.display())]
    #[diagnostic(help("name an empty or new folder with --out"))]
    Foreign {
        /// The folder.
        folder: PathBuf,
    },
    /// A folder cannot be made, or an image cannot be copied.
    #[error("cannot write {}: {source}", path.display())]
    #[diagnostic(help(
        "check that there is space and that you may write there; the runs are not touched"
    ))]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoreError),
    /// A sheet cannot be coded.
    #[error("cannot encode a sheet of the comparison: {0}")]
    #[diagnostic(help("this is a bug in ip2p; please report it"))]
    Sheet(#[from] image::ImageError),
    /// A picture of the page cannot be coded.
    #[error("cannot encode an image of the comparison: {0}")]
    #[diagnostic(help("this is a bug in ip2p; please report it"))]
    Picture(#[from] png::EncodingError),
    /// The table cannot be coded.
    #[error("cannot write the table of the comparison: {0}")]
    #[diagnostic(help("this is a bug in ip2p; please report it"))]
    Table(#[from] csv::Error),
    /// The page cannot be rendered.
    #[error("cannot render the page of the comparison: {0}")]
    #[diagnostic(help("this is a bug in ip2p; please report it"))]
    Template(#[from] minijinja::Error),
}

impl CompareError {
    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Write { path, source }
    }
}
