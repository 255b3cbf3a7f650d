//! Resampling, bit-identical to Pillow's: separable filters that widen when scaling down, integer coefficients of 22
//! bits, and 8 bits between the passes. (A mask is thresholded at a level, so a difference of one level moves its edge;
//! resampling crates round differently.)

use std::f64::consts::PI;

use image::{ImageBuffer, Pixel};
use rayon::prelude::*;

/// An image with 8 bits a sample.
pub(super) type Levels<P> = ImageBuffer<P, Vec<u8>>;

/// A resampling filter as in Pillow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// `LANCZOS`, of three lobes.
    Lanczos,
    /// `BILINEAR`.
    Bilinear,
    /// `BICUBIC`, with a = -0.5 (Catmull-Rom).
    Bicubic,
}

impl Filter {
    /// How far the filter extends on either side, in pixels.
    fn support(self) -> f64 {
        match self {
            Self::Lanczos => 3.0,
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    fn at(self, x: f64) -> f64 {
        let sinc = |x: f64| match x {
            0.0 => 1.0,
            x => (PI * x).sin() / (PI * x),
        };
        let distance = x.abs();
        match self {
            Self::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
            Self::Bilinear if distance < 1.0 => 1.0 - distance,
            Self::Bicubic if distance < 1.0 => (1.5 * distance - 2.5) * distance * distance + 1.0,
            Self::Bicubic if distance < 2.0 => {
                -0.5 * (((distance - 5.0) * distance + 8.0) * distance - 4.0)
            }
            Self::Lanczos | Self::Bilinear | Self::Bicubic => 0.0,
        }
    }
}

/// A part of an image in pixels, with fractional bounds in Pillow's precision. A side may be 0; the pixel there is then
/// stretched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
}

impl Area {
    /// All of an image.
    pub fn whole((width, height): (u32, u32)) -> Self {
        Self {
            left: 0.0,
            top: 0.0,
            right: width as f32,
            bottom: height as f32,
        }
    }
}

/// The image scaled to `width` x `height` pixels, as by Pillow's `Image.resize`. Neither the image nor the target may
/// be empty.
pub fn resize<P: Pixel<Subpixel = u8>>(
    image: &ImageBuffer<P, Vec<u8>>,
    width: u32,
    height: u32,
    filter: Filter,
) -> ImageBuffer<P, Vec<u8>> {
    resize_area(
        image,
        Area::whole(image.dimensions()),
        width,
        height,
        filter,
    )
}

/// A part of the image scaled to `width` x `height` pixels (Pillow's `Image.resize` with a `box`).
pub(super) fn resize_area<P: Pixel<Subpixel = u8>>(
    image: &Levels<P>,
    area: Area,
    width: u32,
    height: u32,
    filter: Filter,
) -> Levels<P> {
    let columns = Weights::new(image.width(), (area.left, area.right), width, filter);
    let rows = Weights::new(image.height(), (area.top, area.bottom), height, filter);
    // Both passes round to 8 bits, so beside hard edges their order makes a difference of up to 30 levels.
    if columns_first(image.dimensions(), width, height) {
        scale_rows(&scale_columns(image, &rows), &columns)
    } else {
        scale_columns(&scale_rows(image, &columns), &rows)
    }
}

/// Whether Pillow scales vertically first: since version 13 (pull request 9549) it does if the height shrinks by more
/// than twice the pixels of the width; earlier versions never do.
fn columns_first((has_width, has_height): (u32, u32), width: u32, height: u32) -> bool {
    let fewer_rows = i64::from(has_height) - i64::from(height);
    let fewer_columns = i64::from(has_width) - i64::from(width);
    fewer_rows > 0 && fewer_rows > 2 * fewer_columns
}

/// Number of fractional bits of a coefficient.
const PRECISION: u32 = 22;

/// For each output sample, the first input sample it depends on, and the coefficients from there on.
struct Weights(Vec<(usize, Vec<i32>)>);

impl Weights {
    /// The weights for `count` samples from the range `(from, to)` of `length` samples.
    fn new(length: u32, (from, to): (f32, f32), count: u32, filter: Filter) -> Self {
        let scale = f64::from(to - from) / f64::from(count);
        let widened = scale.max(1.0);
        let support = filter.support() * widened;
        let of = |sample: u32| {
            let center = f64::from(from) + (f64::from(sample) + 0.5) * scale;
            let start = ((center - support + 0.5) as i64).max(0);
            let end = ((center + support + 0.5) as i64).min(i64::from(length));
            let weights: Vec<f64> = (start..end)
                .map(|x| filter.at((x as f64 - center + 0.5) * (1.0 / widened)))
                .collect();
            let sum: f64 = weights.iter().sum();
            let whole = |weight: f64| {
                let weight = if sum == 0.0 { weight } else { weight / sum };
                let scaled = weight * f64::from(1 << PRECISION);
                (scaled + if weight < 0.0 { -0.5 } else { 0.5 }) as i32
            };
            (start as usize, weights.into_iter().map(whole).collect())
        };
        Self((0..count).map(of).collect())
    }
}

/// A sum of levels times coefficients, converted to a level.
fn level(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

const HALF: i32 = 1 << (PRECISION - 1);

/// Scales every row to another width.
fn scale_rows<P: Pixel<Subpixel = u8>>(image: &Levels<P>, weights: &Weights) -> Levels<P> {
    let channels = usize::from(P::CHANNEL_COUNT);
    let (width, height) = (weights.0.len(), image.height());
    let mut scaled = vec![0; width * height as usize * channels];
    let sources = image
        .as_raw()
        .par_chunks_exact((image.width() as usize * channels).max(1));
    let targets = scaled.par_chunks_exact_mut((width * channels).max(1));
    targets.zip(sources).for_each(|(target, source)| {
        for (pixel, (start, weights)) in target.chunks_exact_mut(channels).zip(&weights.0) {
            let mut sums = [HALF; 4];
            let seen = source[start * channels..].chunks_exact(channels);
            for (from, weight) in seen.zip(weights) {
                for (sum, &sample) in sums.iter_mut().zip(from) {
                    *sum += i32::from(sample) * weight;
                }
            }
            for (sample, sum) in pixel.iter_mut().zip(sums) {
                *sample = level(sum);
            }
        }
    });
    from_levels(width as u32, height, scaled)
}

/// Scales every column to another height.
fn scale_columns<P: Pixel<Subpixel = u8>>(image: &Levels<P>, weights: &Weights) -> Levels<P> {
    let row = (image.width() as usize * usize::from(P::CHANNEL_COUNT)).max(1);
    let samples = image.as_raw().as_slice();
    let mut scaled = vec![0; row * weights.0.len()];
    let targets = scaled.par_chunks_exact_mut(row);
    targets
        .zip(&weights.0)
        .for_each(|(target, (start, weights))| {
            let mut sums = vec![HALF; row];
            for (source, weight) in samples[start * row..].chunks_exact(row).zip(weights) {
                for (sum, &sample) in sums.iter_mut().zip(source) {
                    *sum += i32::from(sample) * weight;
                }
            }
            for (sample, sum) in target.iter_mut().zip(sums) {
                *sample = level(sum);
            }
        });
    from_levels(image.width(), weights.0.len() as u32, scaled)
}

fn from_levels<P: Pixel<Subpixel = u8>>(width: u32, height: u32, levels: Vec<u8>) -> Levels<P> {
    ImageBuffer::from_raw(width, height, levels).unwrap_or_else(|| ImageBuffer::new(width, height))
}

/// A part of the image at `width` x `height` pixels, without interpolation (Pillow's `NEAREST`). Pixels beyond the
/// image are `outside`.
pub(super) fn nearest<P: Pixel<Subpixel = u8>>(
    image: &Levels<P>,
    area: Area,
    width: u32,
    height: u32,
    outside: P,
) -> Levels<P> {
    let columns = nearest_samples((area.left, area.right), width);
    let rows = nearest_samples((area.top, area.bottom), height);
    ImageBuffer::from_fn(width, height, |x, y| {
        let found = image.get_pixel_checked(columns[x as usize], rows[y as usize]);
        found.copied().unwrap_or(outside)
    })
}

/// The input sample for each output sample, by cumulative sums in double precision, as in Pillow.
fn nearest_samples((from, to): (f32, f32), count: u32) -> Vec<u32> {
    let step = f64::from(to - from) / f64::from(count);
    let first = f64::from(from) + step * 0.5;
    std::iter::successors(Some(first), |at| Some(at + step))
        .map(|at| at as u32)
        .take(count as usize)
        .collect()
}
