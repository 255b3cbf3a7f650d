//! One point of the grid.

use serde::{Deserialize, Serialize};

use crate::vocabulary::{CellKey, Parameters};

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
    /// Index into [`super::Plan::stages`].
    #[serde(default, skip_serializing_if = "is_first")]
    pub stage: usize,
    /// The earlier cell with the same pixels, which this one copies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<CellKey>,
}

/// Cells of a first stage are written as before there were stages.
fn is_first(stage: &usize) -> bool {
    *stage == 0
}
