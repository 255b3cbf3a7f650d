//! One point of the grid.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::spec::Parameters;

/// One point of the grid: one output image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Its name in files, journal and CSVs.
    pub key: CellKey,
    /// Its values.
    pub parameters: Parameters,
    /// Pixels of the output.
    pub width: u32,
    /// Pixels of the output.
    pub height: u32,
    /// The earlier cell with the same pixels, which this one copies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<CellKey>,
}

/// A readable prefix of the varying values and a short hash of all that can change the pixels;
/// safe as a file name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CellKey(String);

impl CellKey {
    /// Joins a prefix (`[a-z0-9._-]`) and a hexadecimal hash.
    pub(super) fn new(prefix: &str, hash: &str) -> Self {
        let separator = if prefix.is_empty() { "" } else { "-" };
        Self(format!("{prefix}{separator}{hash}"))
    }

    /// Another key for a cell whose prefix and hash are those of this one's.
    pub(super) fn next(&self) -> Self {
        Self(format!("{}x", self.0))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its image, relative to the run folder.
    pub fn image_path(&self) -> String {
        format!("cells/{}.png", self.0)
    }
}

impl fmt::Display for CellKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
