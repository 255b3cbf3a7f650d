//! Encodes images as PNG.

use image::RgbImage;
use png::{BitDepth, ColorType, Encoder, EncodingError};

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
