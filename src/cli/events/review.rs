//! Events of `ip2p review`.

use schemars::JsonSchema;
use serde::Serialize;

/// A decision is expected.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Asked {
    /// The cell's key; for a missing cell, its image in the baseline.
    pub cell: String,
    /// The number of the cell, from 1.
    pub number: usize,
    /// Total number of cells that do not pass.
    pub cells: usize,
    /// The possible answers. Without an image, `accept` is not among them. After any other answer the question is
    /// repeated.
    pub answers: Vec<String>,
}

/// The decision on a cell.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Decided {
    /// The cell's key; for a missing cell, its image in the baseline.
    pub cell: String,
    /// `accept`, `reject`, `skip` or `quit`.
    pub decision: String,
}

/// All cells were shown, or the input has ended.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Reviewed {
    /// Number of cells that did not pass.
    pub cells: usize,
    /// Number of cells accepted.
    pub accepted: usize,
    /// Number of cells rejected.
    pub rejected: usize,
    /// Number of cells without a decision.
    pub left: usize,
    /// The program's exit code.
    pub exit_code: u8,
}
