//! The images of cells.

use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{DynamicImage, RgbImage};

use crate::image::read;
use crate::plan::Cell;
use crate::store::Run;
use crate::vocabulary::Status;

/// What is known of an image.
#[derive(Debug, Clone, PartialEq)]
pub enum Picture {
    /// It is there.
    Image(RgbImage),
    /// There is none, for this reason.
    Failed(String),
    /// There is none yet.
    Missing,
}

/// The output of a cell.
pub fn of_cell(run: &Run, cell: &Cell) -> Picture {
    let Some(record) = run.records.get(&cell.key) else {
        return Picture::Missing;
    };
    if record.status == Status::Failed {
        let reason = record.error.as_deref().unwrap_or("no reason was recorded");
        return Picture::Failed(reason.to_owned());
    }
    match read(&run.folder.join(cell.key.image_path())) {
        Ok((image, _)) => Picture::Image(image),
        Err(_) => Picture::Failed("its image is missing or damaged".to_owned()),
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
