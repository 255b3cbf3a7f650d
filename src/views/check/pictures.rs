//! The images of a checked cell.

use image::RgbImage;
use rayon::prelude::*;

use crate::image::read;
use crate::judge::CellCheck;
use crate::views::difference::{Scale, p99};

/// The expected and the actual image, as far as they exist.
pub(super) struct Pictures {
    pub(super) expected: Option<RgbImage>,
    pub(super) actual: Option<RgbImage>,
}

impl Pictures {
    /// Reads the images.
    pub(super) fn of(cell: &CellCheck) -> Self {
        let picture = |path: &Option<std::path::PathBuf>| Some(read(path.as_ref()?).ok()?.0);
        Self {
            expected: picture(&cell.expected),
            actual: picture(&cell.actual),
        }
    }
}

/// The scale for drawing the differences of these cells.
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
