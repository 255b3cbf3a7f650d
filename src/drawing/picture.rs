//! The pictures of a sheet, and where they come from.

use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{DynamicImage, RgbImage};

/// What is known of a picture.
#[derive(Debug, Clone, PartialEq)]
pub enum Picture {
    /// It is there.
    Image(RgbImage),
    /// There is none, for this reason.
    Failed(String),
    /// There is none yet, and perhaps something to be told of it once for the sheet.
    Missing(Option<String>),
}

/// What is drawn over a picture.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marks {
    /// An outline.
    pub outlined: bool,
    /// Words in the lower right corner, over a picture that is there.
    pub caption: Option<Caption>,
}

/// Words over a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caption {
    /// One line.
    pub text: String,
    /// What is told of the sheet where a picture has no room for it.
    pub no_room: &'static str,
}

/// Where the pictures of a sheet come from.
pub trait Source: Sync {
    /// What a picture is known by.
    type Key: Copy + Send + Sync;

    /// A picture, in its own size.
    fn picture(&self, key: Self::Key) -> Picture;

    /// Pixels of the picture, for the place of one that is not there.
    fn size(&self, key: Self::Key) -> (u32, u32);

    /// What is drawn over it.
    fn marks(&self, _key: Self::Key) -> Marks {
        Marks::default()
    }
}

/// Scaled to exactly this size with Lanczos.
pub fn scaled(image: RgbImage, width: u32, height: u32) -> RgbImage {
    if image.dimensions() == (width, height) {
        return image;
    }
    let (width, height) = (width.max(1), height.max(1));
    let lanczos = ResizeAlg::Convolution(FilterType::Lanczos3);
    let options = ResizeOptions::new().resize_alg(lanczos);
    let source = DynamicImage::ImageRgb8(image);
    let mut target = Image::new(width, height, PixelType::U8x3);
    let done = Resizer::new().resize(&source, &mut target, &options);
    // It fails for images without pixels only, and no file holds one.
    let pixels = done.ok().map(|()| target.into_vec());
    pixels
        .and_then(|pixels| RgbImage::from_raw(width, height, pixels))
        .unwrap_or_else(|| RgbImage::new(width, height))
}
