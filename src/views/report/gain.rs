//! How strongly the large view amplifies differences until the reader changes it: as elsewhere, it depends on their
//! 99th percentiles.

use image::RgbImage;
use rayon::prelude::*;

use crate::plan::Cell;
use crate::store::Run;
use crate::views::difference::{Scale, p99};

/// The most cells to sample, evenly spread over the run.
const SAMPLES: usize = 12;

/// The gain if nothing can be compared yet.
const UNKNOWN: u32 = 4;

/// The gain that suits the differences between a run's cells and their inputs.
pub(super) fn suitable(run: &Run) -> u32 {
    let cells = &run.plan.cells;
    let stride = cells.len().div_ceil(SAMPLES).max(1);
    let p99s = cells.par_iter().step_by(stride).map(|cell| {
        let pair = pair(run, cell);
        pair.map_or(0, |(input, output)| p99(&input, &output))
    });
    let p99s: Vec<u8> = p99s.filter(|level| *level > 0).collect();
    match p99s.is_empty() {
        true => UNKNOWN,
        false => Scale::of(p99s.into_iter()).gain(),
    }
}

fn pair(run: &Run, cell: &Cell) -> Option<(RgbImage, RgbImage)> {
    let input = run.inputs().read(cell.fitted()?).ok()?;
    Some((input, run.image(&cell.key).ok()?))
}
