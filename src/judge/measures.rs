//! Numbers for how far an edit went from its input.
//!
//! They compare pixels and know nothing of the instruction: a large change may be a good edit or a broken image, a
//! small one a subtle edit or none.

use image::{Rgb, RgbImage};

use super::difference::{ssim, ssim_where};
use crate::image::Mask;
use crate::vocabulary::{MaskedMeasures, Measures};

/// Measures an output against its fitted input; `None` if the sizes differ or there are no pixels.
pub fn measure(input: &RgbImage, output: &RgbImage) -> Option<Measures> {
    let (width, height) = input.dimensions();
    if input.dimensions() != output.dimensions() || width == 0 || height == 0 {
        return None;
    }
    let (before, after) = (Tone::of(input), Tone::of(output));
    Some(Measures {
        ssim: ssim(input, output),
        saturation_change: after.saturation - before.saturation,
        contrast_change: after.contrast - before.contrast,
    })
}

/// Measures an output inside and outside a mask; `None` if the sizes differ or there are no pixels.
pub fn measure_masked(input: &RgbImage, output: &RgbImage, mask: &Mask) -> Option<MaskedMeasures> {
    let size = input.dimensions();
    if size != output.dimensions()
        || size != mask.levels().dimensions()
        || size.0 == 0
        || size.1 == 0
    {
        return None;
    }
    let change = |inside: bool| {
        let mut sum = 0_u64;
        let mut count = 0_u64;
        for ((x, y, Rgb(before)), Rgb(after)) in input.enumerate_pixels().zip(output.pixels()) {
            if mask.is_repainted(x, y) == inside {
                let levels = before.iter().zip(after);
                sum += levels
                    .map(|(one, other)| u64::from(one.abs_diff(*other)))
                    .sum::<u64>();
                count += 3;
            }
        }
        (count > 0).then(|| sum as f64 / (count as f64 * 255.0))
    };
    let similarity =
        |inside: bool| ssim_where(input, output, |x, y| mask.is_repainted(x, y) == inside);
    Some(MaskedMeasures {
        change_inside: change(true),
        ssim_inside: similarity(true),
        change_outside: change(false),
        ssim_outside: similarity(false),
    })
}

/// The overall colour and contrast of an image.
#[derive(Debug, Clone, Copy)]
struct Tone {
    /// Mean over all pixels of the largest level minus the smallest, 0 (grey) to 1. Unlike HSV saturation it is small
    /// for dark pixels, as perceived colour is.
    saturation: f64,
    /// Standard deviation of the luma (Rec. 601), 0 to 0.5: RMS contrast (Peli 1990).
    contrast: f64,
}

impl Tone {
    /// Computed in integers, so that the order of summation does not matter. The image must have pixels.
    fn of(image: &RgbImage) -> Self {
        let (mut chroma, mut sum, mut squares) = (0_u64, 0_u64, 0_u64);
        for &Rgb([r, g, b]) in image.pixels() {
            chroma += u64::from(r.max(g).max(b) - r.min(g).min(b));
            let luma = 299 * u64::from(r) + 587 * u64::from(g) + 114 * u64::from(b);
            sum += luma;
            squares += luma * luma;
        }
        let count = f64::from(image.width()) * f64::from(image.height());
        let mean = sum as f64 / count;
        let variance = (squares as f64 / count - mean * mean).max(0.0);
        Self {
            saturation: chroma as f64 / (count * 255.0),
            contrast: variance.sqrt() / 255_000.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coloured(pixel: impl Fn(u32, u32) -> [u8; 3]) -> RgbImage {
        RgbImage::from_fn(32, 16, |x, y| Rgb(pixel(x, y)))
    }

    fn near(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-6
    }

    #[test]
    fn an_output_like_its_input_has_changed_in_nothing() {
        let image = coloured(|x, y| [(x * 8) as u8, (y * 16) as u8, 77]);
        let unchanged = Measures {
            ssim: 1.0,
            saturation_change: 0.0,
            contrast_change: 0.0,
        };
        assert_eq!(measure(&image, &image), Some(unchanged));
    }

    #[test]
    fn saturation_and_contrast_change_by_what_the_definitions_say() {
        let grey = coloured(|_, _| [51, 51, 51]);
        let red = coloured(|_, _| [255, 0, 0]);
        let halves = coloured(|x, _| if x < 16 { [0; 3] } else { [255; 3] });

        let reddened = measure(&grey, &red).unwrap();
        assert!(near(reddened.saturation_change, 1.0), "{reddened:?}");
        assert!(near(reddened.contrast_change, 0.0), "{reddened:?}");

        let parted = measure(&grey, &halves).unwrap();
        assert!(near(parted.saturation_change, 0.0), "{parted:?}");
        assert!(near(parted.contrast_change, 0.5), "{parted:?}");

        let back = measure(&halves, &grey).unwrap();
        assert!(near(back.contrast_change, -0.5), "{back:?}");
    }

    #[test]
    fn noise_in_the_place_of_structure_has_no_similarity() {
        let wave = coloured(|x, _| [if x / 4 % 2 == 0 { 40 } else { 200 }; 3]);
        let other = coloured(|x, y| {
            [((x * 7919 + y * 104_729).wrapping_mul(2_654_435_761) >> 24) as u8; 3]
        });
        let measures = measure(&wave, &other).unwrap();
        assert!(measures.ssim < 0.3, "{measures:?}");
    }

    #[test]
    fn images_that_cannot_be_compared_have_no_measures() {
        assert_eq!(measure(&RgbImage::new(8, 8), &RgbImage::new(8, 9)), None);
        assert_eq!(measure(&RgbImage::new(0, 8), &RgbImage::new(0, 8)), None);
    }
}
