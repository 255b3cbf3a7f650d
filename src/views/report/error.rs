//! What can go wrong with a report.

use std::path::PathBuf;

use crate::store::StoreError;

/// Why there is no report.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ReportError {
    /// The file system refused.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoreError),
    /// The image coder refused.
    #[error("cannot code {}: {source}", path.display())]
    #[diagnostic(help("this is a fault of ip2p; please report it"))]
    Code {
        /// The file.
        path: PathBuf,
        /// The coder's words.
        source: image::ImageError,
    },
    /// The template refused.
    #[error("cannot fill the page of the report: {0}")]
    #[diagnostic(help("this is a fault of ip2p; please report it"))]
    Template(#[from] minijinja::Error),
    /// The data cannot be JSON.
    #[error("cannot write the data of the report: {0}")]
    #[diagnostic(help("this is a fault of ip2p; please report it"))]
    Data(#[from] serde_json::Error),
}
