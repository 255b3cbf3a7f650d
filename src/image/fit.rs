//! Fits an image to a size that the model takes: computes the size and resamples.

use image::RgbImage;

use super::resample::{Area, Filter, resize_area};
use super::{Fit, Size};

/// The longest side of an image that is read or made, in pixels.
pub const MAX_SIDE: u32 = 16_384;

/// Why no output size follows that the model takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum FitError {
    /// A side is not a multiple of what the UNet needs.
    #[error("{width}x{height} pixels: both sides must be multiples of {multiple} for this model")]
    #[diagnostic(help(
        "under [size], use fit = \"crop\", which always gives such sizes, or fit = \"exact\" with width = {} and height = {}",
        nearest_multiple(*width, *multiple), nearest_multiple(*height, *multiple)
    ))]
    NotAMultiple {
        /// Width of the output in pixels.
        width: u32,
        /// Height of the output in pixels.
        height: u32,
        /// The number that both must be multiples of.
        multiple: u32,
    },
    /// A side would have no pixels.
    #[error("{width}x{height} pixels are fewer than one multiple of {multiple} a side")]
    #[diagnostic(help("use a larger image, or size.fit = \"crop\", which scales small images up"))]
    TooSmall {
        /// Width of the input in pixels, scaled to the resolution.
        width: u32,
        /// Height of the input in pixels, scaled to the resolution.
        height: u32,
        /// The smallest possible side.
        multiple: u32,
    },
    /// A side would be longer than [`MAX_SIDE`].
    #[error("the output would be {width}x{height} pixels; {MAX_SIDE} a side is the limit")]
    #[diagnostic(help(
        "lower size.resolution, or cut the image to a shape that is closer to a square"
    ))]
    TooLarge {
        /// Width of the output in pixels.
        width: u64,
        /// Height of the output in pixels.
        height: u64,
    },
}

/// The multiple nearest to a side, but at least one multiple.
pub(crate) fn nearest_multiple(side: u32, multiple: u32) -> u32 {
    let multiple = multiple.max(1);
    (side.saturating_add(multiple / 2) / multiple * multiple).max(multiple)
}

/// Width and height of the output for an input of `width` x `height` pixels.
///
/// `native_resolution` is the model's own longest side, `vae_factor` the number of image pixels per latent pixel, and
/// `size_multiple` what both sides must be multiples of. `crop` is the rule of the original repository's `edit_cli.py`;
/// `floor` is that of diffusers, which keeps the image's longest side unless `size` gives one.
///
/// # Errors
/// If no output size follows, or the model does not take it.
pub fn fit_size(
    width: u32,
    height: u32,
    size: &Size,
    native_resolution: u32,
    vae_factor: u32,
    size_multiple: u32,
) -> Result<(u32, u32), FitError> {
    let (vae_factor, multiple) = (vae_factor.max(1), size_multiple.max(1));
    let (width, height) = match size.fit {
        Fit::Crop => crop_size(
            width,
            height,
            size.resolution.unwrap_or(native_resolution),
            multiple,
        ),
        Fit::Floor => floor_size(width, height, size.resolution, vae_factor)?,
        Fit::Exact { width, height } => (u64::from(width), u64::from(height)),
    };
    let (width, height) = match (u32::try_from(width), u32::try_from(height)) {
        (Ok(narrow), Ok(low)) if narrow.max(low) <= MAX_SIDE => (narrow, low),
        _ => return Err(FitError::TooLarge { width, height }),
    };
    if width == 0 || height == 0 {
        return Err(FitError::TooSmall {
            width,
            height,
            multiple,
        });
    }
    if !width.is_multiple_of(multiple) || !height.is_multiple_of(multiple) {
        return Err(FitError::NotAMultiple {
            width,
            height,
            multiple,
        });
    }
    Ok((width, height))
}

/// The rule of `edit_cli.py`, in the same double precision. If a product just below one multiple would give a side
/// without pixels, the side is one multiple.
fn crop_size(width: u32, height: u32, resolution: u32, multiple: u32) -> (u64, u64) {
    let (width, height, multiple) = (f64::from(width), f64::from(height), f64::from(multiple));
    let factor = f64::from(resolution) / width.max(height);
    let factor = (width.min(height) * factor / multiple).ceil() * multiple / width.min(height);
    let side = |side: f64| ((side * factor / multiple).floor() * multiple).max(multiple) as u64;
    (side(width), side(height))
}

fn floor_size(
    width: u32,
    height: u32,
    resolution: Option<u32>,
    vae_factor: u32,
) -> Result<(u64, u64), FitError> {
    let (width, height) = match resolution {
        Some(resolution) => {
            let factor = f64::from(resolution) / f64::from(width.max(height));
            let side = |side: u32| (f64::from(side) * factor).round() as u32;
            (side(width), side(height))
        }
        None => (width, height),
    };
    if width.min(height) < vae_factor {
        return Err(FitError::TooSmall {
            width,
            height,
            multiple: vae_factor,
        });
    }
    let side = |side: u32| u64::from(side - side % vae_factor);
    Ok((side(width), side(height)))
}

/// The image at `width` x `height` pixels, as resampled by Pillow: `ImageOps.fit` with LANCZOS for [`Fit::Crop`] and
/// [`Fit::Exact`] (scaled to cover, cropped at the centre), `resize` with LANCZOS for [`Fit::Floor`]. An image of that
/// size is returned unchanged. The image must have pixels, as every image that was read has.
pub fn fit(image: &RgbImage, width: u32, height: u32, fit: Fit) -> RgbImage {
    if image.dimensions() == (width, height) {
        return image.clone();
    }
    let area = fitted_area(image.dimensions(), width, height, fit);
    resize_area(image, area, width, height, Filter::Lanczos)
}

/// The part of an image that the rule scales to `width` x `height` pixels.
pub(super) fn fitted_area(has: (u32, u32), width: u32, height: u32, fit: Fit) -> Area {
    match fit {
        Fit::Floor => Area::whole(has),
        Fit::Crop | Fit::Exact { .. } => centred_area(has, width, height),
    }
}

/// The largest centred part of the image with the target's aspect ratio (Pillow's `ImageOps.fit`).
fn centred_area((has_width, has_height): (u32, u32), width: u32, height: u32) -> Area {
    let (has_width, has_height) = (f64::from(has_width), f64::from(has_height));
    let ratio = f64::from(width) / f64::from(height);
    let (box_width, box_height) = if has_width / has_height >= ratio {
        (ratio * has_height, has_height)
    } else {
        (has_width, has_width / ratio)
    };
    let left = ((has_width - box_width) * 0.5).max(0.0);
    let top = ((has_height - box_height) * 0.5).max(0.0);
    // The product and quotient above may be rounded to beyond the image's edge.
    Area {
        left: left as f32,
        top: top as f32,
        right: (left + box_width).min(has_width) as f32,
        bottom: (top + box_height).min(has_height) as f32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(resolution: Option<u32>, fit: Fit) -> Size {
        Size {
            resolution,
            fit,
            ..Size::default()
        }
    }

    #[test]
    fn crop_follows_the_original_repository() {
        let crop = |width, height| fit_size(width, height, &size(None, Fit::Crop), 512, 8, 64);
        assert_eq!(crop(512, 512), Ok((512, 512)));
        assert_eq!(crop(1024, 768), Ok((512, 384)));
        // 600 x 400 at 512: the short side, 341.3, is rounded up to 384; the long side becomes 576.
        assert_eq!(crop(600, 400), Ok((576, 384)));
        assert_eq!(crop(1, 1), Ok((512, 512)));
    }

    #[test]
    fn floor_takes_the_image_s_own_size_unless_a_resolution_is_given() {
        let floor = |resolution, multiple| {
            fit_size(118, 75, &size(resolution, Fit::Floor), 512, 8, multiple)
        };
        assert_eq!(floor(None, 8), Ok((112, 72)));
        assert_eq!(floor(Some(59), 8), Ok((56, 32)));
        let error = FitError::NotAMultiple {
            width: 112,
            height: 72,
            multiple: 64,
        };
        assert_eq!(floor(None, 64), Err(error));
    }

    #[test]
    fn sizes_that_the_model_does_not_take_are_errors_with_a_remedy() {
        use miette::Diagnostic;
        let exact =
            |width, height| fit_size(9, 9, &size(None, Fit::Exact { width, height }), 512, 8, 64);
        assert_eq!(exact(128, 64), Ok((128, 64)));
        assert!(matches!(exact(0, 64), Err(FitError::TooSmall { .. })));
        let error = exact(500, 300).unwrap_err();
        assert_eq!(
            error.to_string(),
            "500x300 pixels: both sides must be multiples of 64 for this model"
        );
        assert_eq!(
            error.help().unwrap().to_string(),
            "under [size], use fit = \"crop\", which always gives such sizes, or fit = \"exact\" with width = 512 and height = 320"
        );
        let floor = fit_size(5, 3, &size(None, Fit::Floor), 512, 8, 8);
        assert!(matches!(floor, Err(FitError::TooSmall { .. })));
        let strip = fit_size(16_384, 1, &size(None, Fit::Crop), 512, 8, 64);
        assert!(matches!(strip, Err(FitError::TooLarge { .. })));
    }

    #[test]
    fn any_small_image_can_be_cropped() {
        for width in 1..100 {
            for height in 1..100 {
                let fitted = fit_size(width, height, &size(None, Fit::Crop), 64, 8, 8);
                let Ok((fitted_width, fitted_height)) = fitted else {
                    panic!("{width}x{height}: {fitted:?}");
                };
                if (width * height) % 97 == 1 && fitted_width.max(fitted_height) <= 128 {
                    let image = RgbImage::new(width, height);
                    let image = fit(&image, fitted_width, fitted_height, Fit::Crop);
                    assert_eq!(image.dimensions(), (fitted_width, fitted_height));
                }
            }
        }
    }
}
