//! Encodes sheets as PNG, JPEG or WebP, each with its parameters in the metadata.

use std::io::{self, BufRead, BufReader, Cursor, Seek};
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageError, ImageResult, RgbImage};

use crate::image::encode_png;
use crate::store::open_file;

/// The PNG chunk that holds the parameters.
const CHUNK: &str = "ip2p";
/// The default JPEG quality, out of 100.
const JPEG_QUALITY: u8 = 92;
/// The longest content of a JPEG segment, less space for its header.
const LONGEST_EXIF: usize = 65_000;

/// The file format of sheets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Lossless, and readable everywhere.
    #[default]
    Png,
    /// Small, for mails and documents; quality 92 by default.
    Jpeg,
    /// Lossless, smaller than PNG.
    WebP,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Png, Self::Jpeg, Self::WebP];

    /// The file extension, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::WebP => "webp",
        }
    }
}

/// Encodes a sheet. `parameters` (JSON) becomes the `ip2p` chunk of a PNG, or the EXIF image description of the other
/// formats; it is left out of a JPEG if it is too long. `quality` is that of a JPEG, 1 to 100.
///
/// # Errors
/// If the encoder fails, for instance because the sheet is too large for the format.
pub fn encode(
    sheet: &RgbImage,
    format: Format,
    quality: Option<u8>,
    parameters: &str,
) -> ImageResult<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    let exif = exif_description(&ascii(parameters));
    match format {
        Format::Png => {
            return encode_png(sheet, |encoder| {
                encoder.add_itxt_chunk(CHUNK.to_owned(), parameters.to_owned())
            })
            .map_err(|error| ImageError::IoError(io::Error::other(error)));
        }
        Format::Jpeg => {
            let mut encoder =
                JpegEncoder::new_with_quality(&mut bytes, quality.unwrap_or(JPEG_QUALITY));
            if exif.len() < LONGEST_EXIF {
                let set = encoder.set_exif_metadata(exif);
                set.map_err(ImageError::Unsupported)?;
            }
            write_pixels(sheet, encoder)?;
        }
        Format::WebP => {
            let mut encoder = WebPEncoder::new_lossless(&mut bytes);
            let set = encoder.set_exif_metadata(exif);
            set.map_err(ImageError::Unsupported)?;
            write_pixels(sheet, encoder)?;
        }
    }
    Ok(bytes.into_inner())
}

fn write_pixels(sheet: &RgbImage, encoder: impl ImageEncoder) -> ImageResult<()> {
    let (width, height) = sheet.dimensions();
    encoder.write_image(sheet.as_raw(), width, height, ExtendedColorType::Rgb8)
}

/// Whether a file is a PNG with these parameters.
pub fn is_png_of(path: &Path, parameters: &str) -> bool {
    let own = open_file(path).ok().map(BufReader::new);
    own.and_then(parameters_of_png)
        .is_some_and(|own| own == parameters)
}

/// The parameters stored in a PNG, if any.
pub(crate) fn parameters_of_png(file: impl BufRead + Seek) -> Option<String> {
    let reader = png::Decoder::new(file).read_info().ok()?;
    let mut chunks = reader.info().utf8_text.iter();
    chunks.find(|chunk| chunk.keyword == CHUNK)?.get_text().ok()
}

/// EXIF strings are ASCII, so other characters are written as JSON escapes.
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
