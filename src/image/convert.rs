//! Converts between 8-bit RGB images and the VAE's float tensors, with the arithmetic of diffusers'
//! `VaeImageProcessor`.

use image::RgbImage;
use ndarray::{Array4, ArrayView4, Axis};
use rayon::prelude::*;

/// Pixels as a tensor (1, 3, height, width) in -1 to 1: `2 * (level / 255) - 1` in float32.
pub fn to_tensor(image: &RgbImage) -> Array4<f32> {
    let shape = (1, 3, image.height() as usize, image.width() as usize);
    let levels = image.as_raw();
    let width = shape.3;
    Array4::from_shape_fn(shape, |(_, channel, y, x)| {
        2.0 * (f32::from(levels[(y * width + x) * 3 + channel]) / 255.0) - 1.0
    })
}

/// The first image of a tensor (n, 3, height, width), nominally in -1 to 1: `clamp(x / 2 + 0.5, 0, 1) * 255`,
/// rounded half to even. NaN becomes 0.
pub fn to_image(tensor: ArrayView4<f32>) -> RgbImage {
    let (_, _, height, width) = tensor.dim();
    let planes = tensor.index_axis(Axis(0), 0);
    let mut image = RgbImage::new(width as u32, height as u32);
    let rows = image.par_chunks_exact_mut(3 * width.max(1)).enumerate();
    rows.for_each(|(y, row)| {
        for (channel, values) in planes.index_axis(Axis(1), y).outer_iter().enumerate() {
            let levels = row.iter_mut().skip(channel).step_by(3);
            for (level, &value) in levels.zip(&values) {
                *level = rounded(from_0_to_1(value * 0.5 + 0.5) * 255.0);
            }
        }
    });
    image
}

/// Clamps a value; NaN becomes 0.
#[expect(clippy::manual_clamp, reason = "`clamp` keeps NaN")]
fn from_0_to_1(value: f32) -> f32 {
    value.max(0.0).min(1.0)
}

/// A number from 0 to 255, rounded half to even. `f32::round_ties_even` is a call of the C library on processors without
/// SSE 4.1, for which programs are built. Floats of this size have no digits after the point: the number is their last
/// eight bits.
fn rounded(value: f32) -> u8 {
    const WHOLE: f32 = 12_582_912.0;
    (value + WHOLE).to_bits() as u8
}

/// Mean absolute difference between two images of the same size over all pixels and channels, from 0 (equal) to 1
/// (black against white). If the sizes differ, only the levels that both have are compared.
pub fn mean_absolute_change(one: &RgbImage, other: &RgbImage) -> f64 {
    let levels = one.as_raw().iter().zip(other.as_raw());
    let count = levels.len().max(1);
    let sum: u64 = levels
        .map(|(&one, &other)| u64::from(one.abs_diff(other)))
        .sum();
    sum as f64 / (count as f64 * 255.0)
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn every_level_survives_the_way_to_a_tensor_and_back() {
        let image = RgbImage::from_fn(256, 2, |x, y| Rgb([x as u8, 255 - x as u8, (x * y) as u8]));
        let tensor = to_tensor(&image);
        assert_eq!(tensor.dim(), (1, 3, 2, 256));
        assert_eq!(tensor[[0, 0, 0, 0]], -1.0);
        assert_eq!(tensor[[0, 0, 1, 255]], 1.0);
        assert_eq!(tensor[[0, 1, 0, 255]], -1.0);
        assert_eq!(to_image(tensor.view()), image);
    }

    #[test]
    fn values_are_clamped_and_rounded_half_to_even() {
        // In float32 (1/255 * 2 - 1) / 2 + 0.5 is not exact, so halves are made from powers of two:
        // x / 2 + 0.5 = 0.5 gives 127.5, which rounds to the even 128.
        let values = [-7.0, 0.0, f32::INFINITY, f32::NAN];
        let tensor = Array4::from_shape_fn((1, 3, 1, 4), |(_, _, _, x)| values[x]);
        let levels: Vec<u8> = to_image(tensor.view())
            .pixels()
            .map(|pixel| pixel[0])
            .collect();
        assert_eq!(levels, [0, 128, 255, 0]);
    }

    #[test]
    fn rounding_is_that_of_the_standard_library() {
        for eighths in 0..=255 * 8 {
            let value = eighths as f32 / 8.0;
            for near in [value.next_down().max(0.0), value, value.next_up()] {
                assert_eq!(f32::from(rounded(near)), near.round_ties_even(), "{near}");
            }
        }
    }

    #[test]
    fn change_is_the_mean_over_all_levels() {
        let black = RgbImage::new(2, 1);
        let mut other = black.clone();
        assert_eq!(mean_absolute_change(&black, &other), 0.0);
        other.put_pixel(1, 0, Rgb([255, 255, 255]));
        assert_eq!(mean_absolute_change(&black, &other), 0.5);
    }
}
