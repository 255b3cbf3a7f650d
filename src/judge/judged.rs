//! The part of an image that is judged: everything that `[[check.ignore]]` does not exclude.

use image::{GrayImage, Luma, RgbImage};

use crate::image::{Fit, MaskImage};
use crate::spec::{CheckSpec, Ignored};

/// Which pixels of an image are judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// White at judged pixels.
    pixels: GrayImage,
}

impl Judged {
    /// The judged part of images with this instruction and size; `None` if that is all of the image.
    ///
    /// # Errors
    /// If a mask cannot be read.
    pub fn of(
        spec: &CheckSpec,
        instruction: &str,
        (width, height): (u32, u32),
        fit: Fit,
    ) -> Result<Option<Self>, String> {
        let ignored = spec.ignored(instruction);
        if ignored.is_empty() {
            return Ok(None);
        }
        let mut pixels = GrayImage::from_pixel(width, height, Luma([u8::MAX]));
        for part in ignored {
            match part {
                Ignored::Box {
                    left,
                    top,
                    width,
                    height,
                } => {
                    let (right, bottom) =
                        (left.saturating_add(*width), top.saturating_add(*height));
                    for (x, y, pixel) in pixels.enumerate_pixels_mut() {
                        if (*left..right).contains(&x) && (*top..bottom).contains(&y) {
                            *pixel = Luma([0]);
                        }
                    }
                }
                Ignored::Mask(named) => {
                    let (mask, _) =
                        MaskImage::read(&named.path).map_err(|error| error.to_string())?;
                    let mask = mask.fit(width, height, fit).to_mask();
                    for (pixel, level) in pixels.pixels_mut().zip(mask.levels().pixels()) {
                        if level[0] >= 128 {
                            *pixel = Luma([0]);
                        }
                    }
                }
            }
        }
        Ok(Some(Self { pixels }))
    }

    /// Whether no pixel is judged.
    pub fn is_nothing(&self) -> bool {
        self.pixels.pixels().all(|pixel| pixel[0] == 0)
    }

    /// Whether a pixel is judged.
    pub(super) fn has(&self, x: u32, y: u32) -> bool {
        self.pixels.get_pixel(x, y)[0] > 0
    }

    /// The first image with the other's pixels where it is not judged.
    pub(super) fn with_rest_of(&self, image: &RgbImage, other: &RgbImage) -> RgbImage {
        RgbImage::from_fn(image.width(), image.height(), |x, y| {
            let source = if self.has(x, y) { image } else { other };
            *source.get_pixel(x, y)
        })
    }
}
