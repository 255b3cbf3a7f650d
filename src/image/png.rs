//! Encodes and decodes the PNGs of a run.

use image::{DynamicImage, ImageFormat, RgbImage};
use png::{BitDepth, ColorType, Encoder, EncodingError};

use crate::guard::guarded;

/// Encodes an image as a PNG; `describe` can add texts or set the compression.
///
/// # Errors
/// If the image has no pixels, or a text cannot be stored in a PNG.
pub(crate) fn encode_png(
    image: &RgbImage,
    describe: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> Result<(), EncodingError>,
) -> Result<Vec<u8>, EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, image.width(), image.height());
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    describe(&mut encoder)?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(image.as_raw())?;
    writer.finish()?;
    Ok(bytes)
}

/// Decodes a PNG.
///
/// # Errors
/// The decoder's message.
pub(crate) fn decode_png(bytes: &[u8]) -> Result<RgbImage, String> {
    match guarded(|| image::load_from_memory_with_format(bytes, ImageFormat::Png)) {
        Some(decoded) => decoded
            .map(DynamicImage::into_rgb8)
            .map_err(|error| error.to_string()),
        None => Err("its decoder fails on it".to_owned()),
    }
}
