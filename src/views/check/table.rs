//! `check/cells.csv`: the measures of every cell, including those that pass.

use serde::Serialize;

use crate::judge::{CellCheck, Check};
use crate::store::{csv_text, to_csv};

/// A row; measures are empty if there was nothing to measure.
#[derive(Serialize)]
struct Row<'a> {
    cell: &'a str,
    label: String,
    verdict: &'static str,
    perceptual_mean: Option<f64>,
    perceptual_p99: Option<f64>,
    ssim: Option<f64>,
    level_mean: Option<f64>,
    level_max: Option<u8>,
    latent_change: Option<f64>,
    explanation: String,
}

/// The table as CSV.
pub(super) fn table(check: &Check) -> Vec<u8> {
    // Writing to memory does not fail, and every row has the same columns.
    to_csv(check.cells.iter().map(row)).unwrap_or_default()
}

fn row(cell: &CellCheck) -> Row<'_> {
    let difference = cell.difference.as_ref();
    Row {
        cell: &cell.name,
        label: csv_text(&cell.label),
        verdict: cell.verdict.name(),
        perceptual_mean: difference.map(|difference| difference.perceptual_mean),
        perceptual_p99: difference.map(|difference| difference.perceptual_p99),
        ssim: difference.map(|difference| difference.ssim),
        level_mean: difference.map(|difference| difference.level_mean),
        level_max: difference.map(|difference| difference.level_max),
        latent_change: cell.latent_change,
        explanation: csv_text(&cell.explanation()),
    }
}
