//! Events of a review.

use schemars::JsonSchema;
use serde::Serialize;

/// A decision is waited for.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Asked {
    /// The cell's key; of a missing cell, its image in the baseline.
    pub cell: String,
    /// Which of the cells it is, from 1.
    pub number: usize,
    /// Cells that do not pass.
    pub cells: usize,
    /// What may be answered. `accept` is not among it where there is no image; anything else is asked for again.
    pub answers: Vec<String>,
}

/// What was decided of a cell.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Decided {
    /// The cell's key; of a missing cell, its image in the baseline.
    pub cell: String,
    /// `accept`, `reject`, `skip` or `quit`.
    pub decision: String,
}

/// All cells were asked for, or the input has ended.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Reviewed {
    /// Cells that did not pass.
    pub cells: usize,
    /// Those that were accepted.
    pub accepted: usize,
    /// Those that were rejected.
    pub rejected: usize,
    /// Those without a decision.
    pub left: usize,
    /// What the program exits with.
    pub exit_code: u8,
}
