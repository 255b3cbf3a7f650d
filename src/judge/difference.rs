//! How much two images of the same size differ to a viewer.
//!
//! The perceptual measure is butteraugli's: a value for each pixel, in units of the just noticeable difference, with
//! fine differences masked by what surrounds them. Structure is compared by SSIM, levels directly.

use butteraugli::{ButteraugliParams, Img, RGB8, butteraugli};
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use serde::{Deserialize, Serialize};

use super::judged::Judged;

/// The smallest side that butteraugli accepts, in pixels.
const SMALLEST_SIDE: u32 = 8;
/// Side of SSIM's windows, in pixels; neighbouring windows do not overlap.
const WINDOW: u32 = 7;
const STRIDE: usize = 4;
/// (0.01 x 255)^2 and (0.03 x 255)^2, as in Wang et al. 2004.
const C1: f64 = 6.5025;
const C2: f64 = 58.5225;

/// How much two images differ.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// Mean of the perceptual difference over all pixels; 1 is just noticeable.
    pub perceptual_mean: f64,
    /// The 99th percentile of the perceptual difference over all pixels.
    pub perceptual_p99: f64,
    /// Mean structural similarity of the luma: 1 for equal images, -1 at the least.
    pub ssim: f64,
    /// Mean absolute difference of all levels, out of 255.
    pub level_mean: f64,
    /// Largest absolute difference of any level, out of 255.
    pub level_max: u8,
}

impl Difference {
    /// The difference of equal images.
    pub const NONE: Self = Self {
        perceptual_mean: 0.0,
        perceptual_p99: 0.0,
        ssim: 1.0,
        level_mean: 0.0,
        level_max: 0,
    };

    /// Whether every level is the same.
    pub fn is_none(&self) -> bool {
        self.level_max == 0
    }
}

/// Why two images cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum DifferenceError {
    /// The images differ in size.
    #[error("the images differ in size: {}x{} and {}x{} pixels", expected.0, expected.1, actual.0, actual.1)]
    #[diagnostic(help("compare images that were made with the same [size]"))]
    Size {
        /// Width and height of the first.
        expected: (u32, u32),
        /// Width and height of the second.
        actual: (u32, u32),
    },
    /// Every pixel is ignored.
    #[error("nothing of the image is judged")]
    #[diagnostic(help("leave something out of check.ignore"))]
    NothingJudged,
    /// The images have no pixels, or too many.
    #[error("images of {}x{} pixels cannot be compared", size.0, size.1)]
    #[diagnostic(help("compare images of at least one pixel"))]
    Pixels {
        /// Width and height of both.
        size: (u32, u32),
    },
}

/// Compares two images.
///
/// # Errors
/// If they differ in size, or have no pixels.
pub fn difference(expected: &RgbImage, actual: &RgbImage) -> Result<Difference, DifferenceError> {
    difference_within(expected, actual, None)
}

/// As [`difference()`], for the judged pixels only. All other pixels are taken to be equal and left out of means and
/// percentiles, and so are windows without any judged pixel.
///
/// # Errors
/// As [`difference()`], and if no pixel is judged.
pub fn difference_within(
    expected: &RgbImage,
    actual: &RgbImage,
    judged: Option<&Judged>,
) -> Result<Difference, DifferenceError> {
    let size = expected.dimensions();
    if size != actual.dimensions() {
        return Err(DifferenceError::Size {
            expected: size,
            actual: actual.dimensions(),
        });
    }
    if size.0 == 0 || size.1 == 0 {
        return Err(DifferenceError::Pixels { size });
    }
    if judged.is_some_and(Judged::is_nothing) {
        return Err(DifferenceError::NothingJudged);
    }
    let alike = judged.map(|judged| judged.with_rest_of(actual, expected));
    let actual = alike.as_ref().unwrap_or(actual);
    if expected == actual {
        return Ok(Difference::NONE);
    }
    let has = |x: u32, y: u32| judged.is_none_or(|judged| judged.has(x, y));
    let values = perceptual(expected, actual).ok_or(DifferenceError::Pixels { size })?;
    let places = expected.enumerate_pixels().map(|(x, y, _)| has(x, y));
    let values = values
        .into_iter()
        .zip(places)
        .filter(|(_, is_judged)| *is_judged);
    let mut values: Vec<f32> = values.map(|(value, _)| value).collect();
    let sum_of_values = values.iter().copied().map(f64::from).sum::<f64>();
    values.sort_by(f32::total_cmp);
    let levels = || {
        let pairs = expected.as_raw().iter().zip(actual.as_raw());
        pairs.map(|(one, other)| one.abs_diff(*other))
    };
    let sum: u64 = levels().map(u64::from).sum();
    Ok(Difference {
        perceptual_mean: sum_of_values / values.len() as f64,
        perceptual_p99: f64::from(values[(values.len() * 99).div_ceil(100) - 1]),
        ssim: ssim_within(expected, actual, has),
        level_mean: sum as f64 / (values.len() * 3) as f64,
        level_max: levels().max().unwrap_or_default(),
    })
}

/// Butteraugli's difference at every pixel, row by row; images too small for it are enlarged.
fn perceptual(expected: &RgbImage, actual: &RgbImage) -> Option<Vec<f32>> {
    let (width, height) = expected.dimensions();
    let (wide, high) = (width.max(SMALLEST_SIDE), height.max(SMALLEST_SIDE));
    let pixels = |image: &RgbImage| -> Vec<RGB8> {
        let image = imageops::resize(image, wide, high, FilterType::Nearest);
        image
            .pixels()
            .map(|&Rgb([r, g, b])| RGB8::new(r, g, b))
            .collect()
    };
    let (wide, high) = (wide as usize, high as usize);
    let [expected, actual] = [expected, actual].map(|image| Img::new(pixels(image), wide, high));
    let parameters = ButteraugliParams::new().with_compute_diffmap(true);
    let result = butteraugli(expected.as_ref(), actual.as_ref(), &parameters).ok()?;
    let map = result.diffmap?;
    let column = |x: u32| (x as usize * wide) / width as usize;
    let row = |y: u32| (y as usize * high) / height as usize;
    let value = |x: u32, y: u32| map[(column(x), row(y))];
    Some(
        (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .map(|(x, y)| value(x, y))
            .collect(),
    )
}

/// Mean SSIM of the luma over windows of 7 x 7 pixels, all with the same weight (Wang et al. 2004, "Image quality
/// assessment: from error visibility to structural similarity"). A window's value is that of scikit-image. The crate
/// `image-compare` does not divide the covariances by the number of pixels, which makes C2 practically zero.
pub(super) fn ssim(expected: &RgbImage, actual: &RgbImage) -> f64 {
    ssim_within(expected, actual, |_, _| true)
}

/// Mean SSIM over the windows that contain a judged pixel.
fn ssim_within(expected: &RgbImage, actual: &RgbImage, has: impl Fn(u32, u32) -> bool) -> f64 {
    let holds_one = |window: Window| window.places().any(|(x, y)| has(x, y));
    // Pixels at the right and bottom edges may be in no window.
    mean_similarity(expected, actual, holds_one).unwrap_or(1.0)
}

/// Mean SSIM over the windows whose centre is selected; `None` if there are none.
pub(super) fn ssim_where(
    expected: &RgbImage,
    actual: &RgbImage,
    is_asked: impl Fn(u32, u32) -> bool,
) -> Option<f64> {
    mean_similarity(expected, actual, |window| {
        is_asked(window.left + window.wide / 2, window.top + window.high / 2)
    })
}

/// A window of SSIM.
#[derive(Debug, Clone, Copy)]
struct Window {
    left: u32,
    top: u32,
    wide: u32,
    high: u32,
}

impl Window {
    fn places(self) -> impl Iterator<Item = (u32, u32)> {
        let Self {
            left,
            top,
            wide,
            high,
        } = self;
        (top..top + high).flat_map(move |y| (left..left + wide).map(move |x| (x, y)))
    }
}

/// The mean over the selected windows; `None` if there are none.
fn mean_similarity(
    expected: &RgbImage,
    actual: &RgbImage,
    is_taken: impl Fn(Window) -> bool,
) -> Option<f64> {
    let (width, height) = expected.dimensions();
    let (wide, high) = (width.min(WINDOW), height.min(WINDOW));
    let windows = (0..=height - high).step_by(STRIDE).flat_map(|top| {
        let lefts = (0..=width - wide).step_by(STRIDE);
        lefts.map(move |left| Window {
            left,
            top,
            wide,
            high,
        })
    });
    let mut sum = 0.0;
    let mut count = 0.0;
    for window in windows.filter(|window| is_taken(*window)) {
        let pairs = window.places();
        let pairs =
            pairs.map(|(x, y)| (luma(expected.get_pixel(x, y)), luma(actual.get_pixel(x, y))));
        sum += similarity(pairs, f64::from(wide * high));
        count += 1.0;
    }
    (count > 0.0).then(|| sum / count)
}

/// SSIM of one window, given `count` pairs of levels, with sample variances.
fn similarity(pairs: impl Iterator<Item = (f64, f64)>, count: f64) -> f64 {
    let [x, y, xx, yy, xy] = pairs.fold([0.0; 5], |[x, y, xx, yy, xy], (a, b)| {
        [x + a, y + b, xx + a * a, yy + b * b, xy + a * b]
    });
    let (mean_x, mean_y) = (x / count, y / count);
    let others = (count - 1.0).max(1.0);
    let variances = (xx + yy - count * (mean_x * mean_x + mean_y * mean_y)) / others;
    let covariance = (xy - count * (mean_x * mean_y)) / others;
    let means = mean_x * mean_x + mean_y * mean_y;
    (2.0 * mean_x * mean_y + C1) * (2.0 * covariance + C2) / ((means + C1) * (variances + C2))
}

/// The luma of Rec. 601.
fn luma(&Rgb([r, g, b]): &Rgb<u8>) -> f64 {
    0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            let wave = (f64::from(x) / 5.0).sin() + (f64::from(y) / 7.0).cos();
            Rgb([
                (128.0 + 60.0 * wave) as u8,
                (x * 3 % 256) as u8,
                (y * 5 % 256) as u8,
            ])
        })
    }

    #[test]
    fn equal_images_do_not_differ() {
        let image = picture(40, 24);
        let difference = difference(&image, &image).unwrap();
        assert_eq!(difference, Difference::NONE);
    }

    #[test]
    fn a_level_here_and_there_is_not_noticed_and_a_change_is() {
        let image = picture(64, 64);
        let mut rounded = image.clone();
        rounded
            .pixels_mut()
            .step_by(7)
            .for_each(|pixel| pixel[1] ^= 1);
        let small = difference(&image, &rounded).unwrap();
        assert_eq!(small.level_max, 1);
        assert!(small.perceptual_p99 < 0.3, "{small:?}");
        assert!(small.ssim > 0.999, "{small:?}");

        let swapped = RgbImage::from_fn(64, 64, |x, y| {
            let Rgb([r, g, b]) = *image.get_pixel(x, y);
            Rgb([b, g, r])
        });
        let large = difference(&image, &swapped).unwrap();
        assert!(large.perceptual_mean > 2.0, "{large:?}");
    }

    #[test]
    fn images_of_any_size_can_be_compared() {
        for (width, height) in [(1, 1), (3, 20), (8, 8), (9, 7), (17, 31)] {
            let image = picture(width, height);
            let black = RgbImage::new(width, height);
            let difference = difference(&image, &black).unwrap();
            assert!(
                difference.perceptual_p99 > 1.0,
                "{width}x{height}: {difference:?}"
            );
            assert!((-1.0..1.0).contains(&difference.ssim), "{difference:?}");
        }
    }

    #[test]
    fn sizes_that_differ_are_an_error() {
        let error = difference(&picture(8, 8), &picture(8, 9)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the images differ in size: 8x8 and 8x9 pixels"
        );
        let none = difference(&RgbImage::new(0, 4), &RgbImage::new(0, 4)).unwrap_err();
        assert_eq!(none, DifferenceError::Pixels { size: (0, 4) });
    }
}
