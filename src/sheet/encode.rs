//! Sheets as PNG, JPEG or WebP, each with its parameters.

use std::io::Write;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageResult, RgbImage};

use super::options::Format;

/// Of 100.
const JPEG_QUALITY: u8 = 92;
/// What one JPEG segment holds, with room for its head.
const LONGEST_EXIF: usize = 65_000;

/// Writes a sheet. `parameters` (JSON) becomes the `ip2p` chunk of a PNG, and the EXIF image description
/// of the other formats; a JPEG whose description would be too long has none.
///
/// # Errors
/// If writing fails.
pub fn encode(
    sheet: &RgbImage,
    format: Format,
    parameters: &str,
    to: impl Write,
) -> ImageResult<()> {
    let (width, height) = sheet.dimensions();
    let (pixels, colour) = (sheet.as_raw().as_slice(), ExtendedColorType::Rgb8);
    let exif = exif_description(&ascii(parameters));
    match format {
        Format::Png => encode_png(sheet, parameters, to).map_err(|error| match error {
            png::EncodingError::IoError(error) => image::ImageError::IoError(error),
            error => image::ImageError::IoError(std::io::Error::other(error)),
        }),
        Format::Jpeg => {
            let mut encoder = JpegEncoder::new_with_quality(to, JPEG_QUALITY);
            if exif.len() < LONGEST_EXIF {
                encoder
                    .set_exif_metadata(exif)
                    .map_err(image::ImageError::Unsupported)?;
            }
            encoder.write_image(pixels, width, height, colour)
        }
        Format::WebP => {
            let mut encoder = WebPEncoder::new_lossless(to);
            encoder
                .set_exif_metadata(exif)
                .map_err(image::ImageError::Unsupported)?;
            encoder.write_image(pixels, width, height, colour)
        }
    }
}

fn encode_png(
    sheet: &RgbImage,
    parameters: &str,
    to: impl Write,
) -> Result<(), png::EncodingError> {
    let mut encoder = png::Encoder::new(to, sheet.width(), sheet.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.add_itxt_chunk("ip2p".to_owned(), parameters.to_owned())?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(sheet.as_raw())?;
    writer.finish()
}

/// EXIF strings are ASCII: other characters as JSON escapes.
fn ascii(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            escaped.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    escaped
}

/// A TIFF structure with one entry, ImageDescription (EXIF 2.3, section 4.6).
fn exif_description(text: &str) -> Vec<u8> {
    const HEAD: u32 = 8;
    const DIRECTORY: u32 = 2 + 12 + 4;
    let length = text.len() as u32 + 1;
    let mut exif = b"II\x2a\0".to_vec();
    exif.extend(HEAD.to_le_bytes());
    exif.extend(1u16.to_le_bytes());
    exif.extend(0x010e_u16.to_le_bytes());
    exif.extend(2u16.to_le_bytes());
    exif.extend(length.to_le_bytes());
    exif.extend((HEAD + DIRECTORY).to_le_bytes());
    exif.extend(0u32.to_le_bytes());
    exif.extend(text.as_bytes());
    exif.push(0);
    exif
}
