//! Gaussian blur, bit-identical to Pillow's `ImageFilter.GaussianBlur`: three passes of a box blur whose outermost
//! pixels have a fractional weight (Gwosdek et al., 2011, "Theoretical foundations of Gaussian convolution by extended
//! box filtering").

use image::{GrayImage, imageops};

const PASSES: u8 = 3;

/// The image blurred with a standard deviation of `radius` pixels; unchanged at 0.
pub(super) fn gaussian_blur(image: &GrayImage, radius: f32) -> GrayImage {
    if radius <= 0.0 || image.is_empty() {
        return image.clone();
    }
    let length = Length::new(box_radius(radius));
    let along = length.blur_rows(image.clone());
    let turned = imageops::rotate90(&along);
    imageops::rotate270(&length.blur_rows(turned))
}

/// Equations 7, 11 and 14 of the paper, in Pillow's single precision.
fn box_radius(radius: f32) -> f32 {
    let variance = radius * radius / f32::from(PASSES);
    let length = (12.0 * f64::from(variance) + 1.0).sqrt() as f32;
    let whole = ((f64::from(length) - 1.0) / 2.0).floor() as f32;
    let mut part = (2.0 * whole + 1.0) * (whole * (whole + 1.0) - 3.0 * variance);
    part /= 6.0 * (variance - (whole + 1.0) * (whole + 1.0));
    whole + part
}

/// A box: the number of pixels on either side with full weight, and the 24-bit weights of these and of the outermost
/// two.
struct Length {
    radius: usize,
    full: u32,
    far: u32,
}

impl Length {
    fn new(radius: f32) -> Self {
        const ONE: u32 = 1 << 24;
        let whole = radius as u32;
        let full = (ONE as f32 / (radius * 2.0 + 1.0)) as u32;
        Self {
            radius: whole as usize,
            full,
            far: ONE.saturating_sub((2 * whole + 1) * full) / 2,
        }
    }

    fn blur_rows(&self, mut image: GrayImage) -> GrayImage {
        let width = image.width() as usize;
        let mut blurred = vec![0; width];
        for row in image.chunks_exact_mut(width) {
            for _ in 0..PASSES {
                self.blur(row, &mut blurred);
                row.copy_from_slice(&blurred);
            }
        }
        image
    }

    /// One pass over a row; pixels beyond its ends equal the last one.
    fn blur(&self, row: &[u8], blurred: &mut [u8]) {
        let last = row.len() as i64 - 1;
        let radius = self.radius as i64;
        let at = |x: i64| u32::from(row[x.clamp(0, last) as usize]);
        let mut sum: u32 = (-radius - 1..radius).map(at).sum();
        for (x, blurred) in (0..).zip(blurred) {
            sum = sum + at(x + radius) - at(x - radius - 1);
            let ends = at(x - radius - 1) + at(x + radius + 1);
            let weighted = sum * self.full + ends * self.far;
            *blurred = ((weighted + (1 << 23)) >> 24) as u8;
        }
    }
}
