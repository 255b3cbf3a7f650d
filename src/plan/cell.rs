//! One point of the grid.

use serde::{Deserialize, Serialize};

use crate::vocabulary::{CellKey, Parameters};

/// One point of the grid: one output image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Its name in files, the journal and tables.
    pub key: CellKey,
    /// Its parameter values.
    pub parameters: Parameters,
    /// Width of the output in pixels.
    pub width: u32,
    /// Height of the output in pixels.
    pub height: u32,
    /// Index of its stage in [`super::Plan::stages`].
    #[serde(default, skip_serializing_if = "is_first")]
    pub stage: usize,
    /// An earlier cell with the same pixels, of which this one is a copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<CellKey>,
}

/// The first stage is not serialised, so that plans with a single stage look as they did before stages existed.
fn is_first(stage: &usize) -> bool {
    *stage == 0
}
