//! Resampling as Pillow does it: separable filters that widen as they scale down, 8 bits between the passes.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::F32x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

/// A resampling filter of Pillow.
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
    fn algorithm(self) -> ResizeAlg {
        ResizeAlg::Convolution(match self {
            Self::Lanczos => FilterType::Lanczos3,
            Self::Bilinear => FilterType::Bilinear,
            Self::Bicubic => FilterType::CatmullRom,
        })
    }
}

/// A part of an image in pixels, with fractional sides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Area {
    /// All of an image.
    pub fn whole(image: &RgbImage) -> Self {
        Self {
            left: 0.0,
            top: 0.0,
            width: f64::from(image.width()),
            height: f64::from(image.height()),
        }
    }
}

/// The image at `width` x `height` pixels, as Pillow's `Image.resize` gives it, to a level of 255. The image and
/// the size must have pixels.
pub fn resize(image: &RgbImage, width: u32, height: u32, filter: Filter) -> RgbImage {
    if image.dimensions() == (width, height) {
        return image.clone();
    }
    resize_area(image, Area::whole(image), width, height, filter)
}

/// A part of the image at `width` x `height` pixels (Pillow's `Image.resize` with a `box`).
pub(super) fn resize_area(
    image: &RgbImage,
    area: Area,
    width: u32,
    height: u32,
    filter: Filter,
) -> RgbImage {
    // Both passes round to 8 bits, so beside hard edges their order is worth up to 30 levels.
    // fast_image_resize has an order of its own; one pass a time keeps Pillow's.
    if columns_first(image, width, height) {
        let all_columns = Area {
            left: 0.0,
            width: f64::from(image.width()),
            ..area
        };
        let low = pass(image, all_columns, image.width(), height, filter);
        let columns = Area {
            top: 0.0,
            height: f64::from(height),
            ..area
        };
        pass(&low, columns, width, height, filter)
    } else {
        let all_rows = Area {
            top: 0.0,
            height: f64::from(image.height()),
            ..area
        };
        let narrow = pass(image, all_rows, width, image.height(), filter);
        let rows = Area {
            left: 0.0,
            width: f64::from(width),
            ..area
        };
        pass(&narrow, rows, width, height, filter)
    }
}

/// Whether Pillow scales vertically before it scales horizontally: since version 13 (pull request 9549),
/// where the height shrinks by more than twice the pixels of the width; never before that version.
fn columns_first(image: &RgbImage, width: u32, height: u32) -> bool {
    let fewer_rows = i64::from(image.height()) - i64::from(height);
    let fewer_columns = i64::from(image.width()) - i64::from(width);
    fewer_rows > 0 && fewer_rows > 2 * fewer_columns
}

/// A part of the image at another size. In floats, because the coefficients of the 8-bit path are coarser than
/// Pillow's and cost up to 2 levels.
fn pass(image: &RgbImage, area: Area, width: u32, height: u32, filter: Filter) -> RgbImage {
    let pixels = image
        .pixels()
        .map(|pixel| F32x3::new(pixel.0.map(f32::from)));
    let pixels: Vec<F32x3> = pixels.collect();
    let source = TypedImageRef::new(image.width(), image.height(), &pixels);
    let mut target = TypedImage::<F32x3>::new(width, height);
    let options = ResizeOptions::new().resize_alg(filter.algorithm()).crop(
        area.left,
        area.top,
        area.width,
        area.height,
    );
    let resized = source.map(|source| Resizer::new().resize_typed(&source, &mut target, &options));
    debug_assert!(matches!(resized, Ok(Ok(()))), "{resized:?}");
    let levels = target.pixels().iter().flat_map(|pixel| pixel.0);
    // Casts end at 0 and 255.
    let levels = levels.map(|level| (level + 0.5).floor() as u8);
    RgbImage::from_raw(width, height, levels.collect()).unwrap_or_default()
}
