//! The errors of sheets.

use std::path::PathBuf;

use crate::store::StoreError;

/// Why sheets cannot be made.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SheetError {
    /// There is nothing to show.
    #[error("none of the chosen cells is in {}", folder.display())]
    #[diagnostic(help("cells.csv lists the cells of a run in its first column"))]
    NoCells {
        /// The run folder.
        folder: PathBuf,
    },
    /// The user's font cannot be used.
    #[error("cannot use the font {}: {reason}", path.display())]
    #[diagnostic(help(
        "give a .ttf, .otf or .ttc file, e.g. one of Noto Sans CJK; where it is named: sheet.font or --font"
    ))]
    Font {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An image cannot be encoded.
    #[error("cannot code {}: {source}", path.display())]
    #[diagnostic(help("try another format"))]
    Code {
        /// The file.
        path: PathBuf,
        /// The encoder's error.
        source: image::ImageError,
    },
    /// A file cannot be written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoreError),
}
