//! What a cell is called.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A readable prefix of the varying values and a short hash of all that can change the pixels;
/// safe as a file name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CellKey(String);

impl CellKey {
    /// Joins a prefix (`[a-z0-9._-]`) and a hexadecimal hash.
    pub(crate) fn new(prefix: &str, hash: &str) -> Self {
        let separator = if prefix.is_empty() { "" } else { "-" };
        Self(format!("{prefix}{separator}{hash}"))
    }

    /// Another key for a cell whose prefix and hash are those of this one's.
    pub(crate) fn next(&self) -> Self {
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
