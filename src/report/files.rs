//! Pictures of the report as files.

use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, RgbImage};

use super::ReportError;
use crate::store::write_file;

/// Writes an image as PNG.
pub(super) fn write_png(path: &Path, image: &RgbImage) -> Result<(), ReportError> {
    let mut bytes = Vec::new();
    encode(path, image, PngEncoder::new(&mut bytes))?;
    Ok(write_file(path, &bytes)?)
}

/// Writes an image as JPEG; `quality` is of 100.
pub(super) fn write_jpeg(path: &Path, image: &RgbImage, quality: u8) -> Result<(), ReportError> {
    let mut bytes = Vec::new();
    encode(
        path,
        image,
        JpegEncoder::new_with_quality(&mut bytes, quality),
    )?;
    Ok(write_file(path, &bytes)?)
}

fn encode(path: &Path, image: &RgbImage, encoder: impl ImageEncoder) -> Result<(), ReportError> {
    let (width, height) = image.dimensions();
    encoder
        .write_image(image, width, height, ExtendedColorType::Rgb8)
        .map_err(|source| ReportError::Code {
            path: path.to_owned(),
            source,
        })
}
