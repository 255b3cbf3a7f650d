//! Masks that grow.

use image::GrayImage;
use rayon::prelude::*;

/// Each level becomes the largest within a disk of this radius, as scipy's `grey_dilation` with such a footprint gives it;
/// beyond the image there is nothing.
pub(super) fn dilate(levels: &GrayImage, radius: u8) -> GrayImage {
    let width = levels.width() as usize;
    let mut grown = levels.clone();
    let rows: Vec<&[u8]> = levels.as_raw().chunks_exact(width.max(1)).collect();
    let radius = usize::from(radius);
    let targets = grown.par_chunks_exact_mut(width.max(1)).enumerate();
    targets.for_each(|(y, target)| {
        let reached = y.saturating_sub(radius)..rows.len().min(y + radius + 1);
        for (other, row) in reached.clone().zip(&rows[reached]) {
            let reach = (radius * radius - other.abs_diff(y).pow(2)).isqrt();
            widen(target, row, reach.min(width.saturating_sub(1)));
        }
    });
    grown
}

/// Raises each level of a row to the largest of another row that is no more than `reach` to either side.
fn widen(target: &mut [u8], row: &[u8], reach: usize) {
    let raise = |target: &mut [u8], row: &[u8]| {
        for (level, other) in target.iter_mut().zip(row) {
            *level = (*level).max(*other);
        }
    };
    for shift in 0..=reach {
        raise(target, &row[shift..]);
        raise(&mut target[shift..], row);
    }
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    #[test]
    fn a_point_becomes_a_disk_and_is_cut_at_the_edge() {
        let mut levels = GrayImage::new(9, 7);
        levels.put_pixel(4, 3, Luma([200]));
        levels.put_pixel(0, 0, Luma([90]));
        let grown = dilate(&levels, 2);
        for (x, y, Luma([level])) in grown.enumerate_pixels() {
            let within = |cx: u32, cy: u32| x.abs_diff(cx).pow(2) + y.abs_diff(cy).pow(2) <= 4;
            let expected = match (within(4, 3), within(0, 0)) {
                (true, _) => 200,
                (false, true) => 90,
                (false, false) => 0,
            };
            assert_eq!(*level, expected, "{x}, {y}");
        }
    }
}
