//! The pictures of a sheet, and their source.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

/// A picture, or why there is none.
#[derive(Debug, Clone, PartialEq)]
pub enum Picture {
    /// The picture.
    Image(RgbImage),
    /// It failed, for this reason.
    Failed(String),
    /// It does not exist yet; may come with a note to be given once for the sheet.
    Missing(Option<String>),
}

/// What is drawn over a picture.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marks {
    /// Whether it is outlined.
    pub outlined: bool,
    /// Text in the lower right corner; only drawn if there is a picture.
    pub caption: Option<Caption>,
}

/// Text over a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caption {
    /// The text, a single line.
    pub text: String,
    /// The note for the sheet if a picture has no space for the caption.
    pub no_room: &'static str,
}

/// A source of pictures for a sheet.
pub trait Source: Sync {
    /// What identifies a picture.
    type Key: Copy + Send + Sync;

    /// A picture, in its own size.
    fn picture(&self, key: Self::Key) -> Picture;

    /// The picture's size in pixels, which also determines the place of a missing one.
    fn size(&self, key: Self::Key) -> (u32, u32);

    /// What is drawn over the picture.
    fn marks(&self, _key: Self::Key) -> Marks {
        Marks::default()
    }
}

/// Scales an image to exactly this size with a Lanczos filter.
pub fn scaled(image: RgbImage, width: u32, height: u32) -> RgbImage {
    if image.dimensions() == (width, height) {
        return image;
    }
    let (width, height) = (width.max(1), height.max(1));
    let lanczos = ResizeAlg::Convolution(FilterType::Lanczos3);
    let options = ResizeOptions::new().resize_alg(lanczos);
    let mut target = RgbImage::new(width, height);
    // Views of one type of pixel: of others the compiler makes code for all thirteen types, a quarter of this package's.
    let source = TypedImageRef::<U8x3>::from_buffer(image.width(), image.height(), &image);
    let view = TypedImage::from_buffer(width, height, &mut target);
    if let (Ok(source), Ok(mut view)) = (source, view) {
        // It fails only for images without pixels, which no file contains.
        let _ = Resizer::new().resize_typed(&source, &mut view, &options);
    }
    target
}
