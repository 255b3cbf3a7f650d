//! The images of a cell that was checked.

use image::RgbImage;
use rayon::prelude::*;

use crate::image::read;
use crate::judge::CellCheck;
use crate::views::difference::{Scale, p99};

/// What was expected and what came, as far as there is either.
pub(super) struct Pictures {
    pub(super) expected: Option<RgbImage>,
    pub(super) actual: Option<RgbImage>,
}

impl Pictures {
    /// Reads them.
    pub(super) fn of(cell: &CellCheck) -> Self {
        let picture = |path: &Option<std::path::PathBuf>| Some(read(path.as_ref()?).ok()?.0);
        Self {
            expected: picture(&cell.expected),
            actual: picture(&cell.actual),
        }
    }
}

/// How differences of these cells are drawn.
pub(super) fn scale(cells: &[&CellCheck]) -> Scale {
    let p99s: Vec<u8> = cells
        .par_iter()
        .map(|cell| match Pictures::of(cell) {
            Pictures {
                expected: Some(expected),
                actual: Some(actual),
            } => p99(&expected, &actual),
            _ => 0,
        })
        .collect();
    Scale::of(p99s.into_iter())
}
