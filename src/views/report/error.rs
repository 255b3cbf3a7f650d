//! What can go wrong with a report.

use std::path::PathBuf;

use crate::store::StoreError;

/// Why a report cannot be made.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ReportError {
    /// A file cannot be written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoreError),
    /// An image cannot be encoded.
    #[error("cannot code {}: {source}", path.display())]
    #[diagnostic(help("this is a bug in ip2p; please report it"))]
    Code {
        /// The file.
        path: PathBuf,
        /// The encoder's error.
        source: image::ImageError,
    },
    /// The page cannot be rendered.
    #[error("cannot fill the page of the report: {0}")]
    #[diagnostic(help("this is a bug in ip2p; please report it"))]
    Template(#[from] minijinja::Error),
    /// The data cannot be written as JSON.
    #[error("cannot write the data of the report: {0}")]
    #[diagnostic(help("this is a bug in ip2p; please report it"))]
    Data(#[from] serde_json::Error),
}
