//! What can go wrong with a report.

use std::io;
use std::path::{Path, PathBuf};

/// Why a report cannot be made.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ReportError {
    /// A file of the report cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    #[diagnostic(help(
        "check that there is space and that you may write to the run folder; the cells are not touched"
    ))]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// A picture of the report cannot be coded.
    #[error("cannot make {}: {source}", path.display())]
    #[diagnostic(help("this is a fault of ip2p; please report it"))]
    Picture {
        /// The file.
        path: PathBuf,
        /// The coder's words.
        source: image::ImageError,
    },
    /// The page cannot be rendered.
    #[error("cannot render the report: {0}")]
    #[diagnostic(help("this is a fault of ip2p; please report it"))]
    Template(#[from] minijinja::Error),
    /// The page's data cannot be written as JSON.
    #[error("cannot write the report's data: {0}")]
    #[diagnostic(help("this is a fault of ip2p; please report it"))]
    Data(#[from] serde_json::Error),
}

impl ReportError {
    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Write { path, source }
    }
}
