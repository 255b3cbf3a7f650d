//! The images of a run: those of cells, and the inputs they were made from.

use std::fs;

use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{DynamicImage, RgbImage};
use sha2::{Digest, Sha256};

use crate::image::{fit, read};
use crate::plan::{Cell, ImageEntry};
use crate::spec::Fit;
use crate::store::{Run, Status};

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

/// Where a run folder may keep an input as it was fitted for cells of this size, relative to the folder.
/// Where there is no such file, the original is read and fitted again.
pub fn input_path(input: &ImageEntry, width: u32, height: u32, rule: Fit) -> String {
    let digest = input.sha256.chars().filter(char::is_ascii_hexdigit);
    let digest: String = digest.take(16).collect();
    let rule = match rule {
        Fit::Crop => "crop",
        Fit::Floor => "floor",
        Fit::Exact { .. } => "exact",
    };
    format!("inputs/{digest}-{width}x{height}-{rule}.png")
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

/// The input of a cell, fitted as the model saw it; or why it cannot be shown.
pub fn of_input(run: &Run, cell: &Cell) -> Result<RgbImage, String> {
    let is_its = |entry: &&ImageEntry| entry.name == cell.parameters.image;
    let entry = run.plan.images.iter().find(is_its);
    let entry = entry.ok_or("the plan does not list it")?;
    let (width, height, rule) = (cell.width, cell.height, run.plan.fit);
    if let Ok((kept, _)) = read(&run.folder.join(input_path(entry, width, height, rule))) {
        return Ok(kept);
    }
    let (original, _) = read(&entry.path).map_err(|error| error.to_string())?;
    let bytes = fs::read(&entry.path).map_err(|error| error.to_string())?;
    let digest = Sha256::digest(&bytes);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    if digest != entry.sha256 {
        return Err("the file has changed since the run".to_owned());
    }
    Ok(fit(&original, width, height, rule))
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
