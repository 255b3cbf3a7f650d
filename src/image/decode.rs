//! Decodes the bytes of an image file, whatever they are, into a picture.

use std::io::Cursor;
use std::path::Path;

use image::codecs::tiff::TiffDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ExtendedColorType, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::budget::{self, Share};
use super::colour::{self, ColourKind};
use super::declared::declared;
use super::jpeg::{self, End};
use super::{ImageError, MAX_SIDE, Note, pages};
use crate::guard;

/// The most pixels of an image.
const MAX_PIXELS: u64 = 100_000_000;
/// The most bytes that a decoder may allocate: [`MAX_PIXELS`] of 16-bit RGBA, plus working space.
const MAX_DECODER_BYTES: u64 = 1 << 30;

/// A decoded picture in the colour mode of its file, not yet rotated upright.
pub(super) struct Decoded {
    pub format: ImageFormat,
    pub image: DynamicImage,
    pub orientation: Orientation,
    /// How its colours relate to sRGB.
    pub colours: ColourKind,
    /// Notes on what is ignored in the file.
    pub notes: Vec<Note>,
    /// Its share of the decoding budget, kept until the picture has been reduced to its final size in memory.
    pub share: Share<'static>,
}

/// Reads an image; one on which its decoder panics is damaged, even if another program may read it.
pub(super) fn guarded<T>(
    path: &Path,
    read: impl FnOnce() -> Result<T, ImageError>,
) -> Result<T, ImageError> {
    guard::guarded(read).unwrap_or_else(|| {
        Err(ImageError::Damaged {
            path: path.to_owned(),
            reason: "its decoder fails on it".to_owned(),
        })
    })
}

/// Decodes the bytes of a file.
pub(super) fn decode(bytes: &[u8], path: &Path) -> Result<Decoded, ImageError> {
    let damaged = |error: image::ImageError| of_decoder(error, path);
    let (format, mut decoder) = open(bytes, path)?;
    let (width, height) = decoder.dimensions();
    if width.max(height) > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        let (path, what) = (path.to_owned(), format!("{width}x{height} pixels"));
        return Err(ImageError::TooLarge { path, what });
    }
    let share = budget::share(needed_bytes(format, &decoder));
    let orientation = decoder.orientation().map_err(damaged)?;
    let profile = match format {
        // This decoder's limits are those of the picture: the profile of a small one would be left out without an error.
        ImageFormat::Tiff => TiffDecoder::new(Cursor::new(bytes)).and_then(|mut d| d.icc_profile()),
        _ => decoder.icc_profile(),
    };
    let profile = profile.map_err(damaged)?;
    let exif = decoder.exif_metadata().map_err(damaged)?;
    let markers = (format == ImageFormat::Jpeg).then(|| jpeg::markers(bytes));
    let original = decoder.original_color_type();
    let inks = markers.is_some_and(|markers| markers.components == 4)
        || matches!(
            original,
            ExtendedColorType::Cmyk8 | ExtendedColorType::Cmyk16
        );
    let image = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    if markers.is_some_and(|markers| !is_whole(bytes, markers.end)) {
        let reason = "the end of the picture is missing".to_owned();
        let path = path.to_owned();
        return Err(ImageError::Damaged { path, reason });
    }
    let colours = match inks {
        // CMYK has been converted to RGB without its profile.
        true => ColourKind::Srgb,
        false => colours(format, bytes, profile.as_deref(), exif.as_deref()),
    };
    let inks = inks.then_some(Note::Inks);
    let notes = [pages::note(format, bytes), inks];
    Ok(Decoded {
        format,
        image,
        orientation,
        colours,
        notes: notes.into_iter().flatten().collect(),
        share,
    })
}

/// How the colours of a file relate to sRGB, by all that it says of them.
fn colours(
    format: ImageFormat,
    bytes: &[u8],
    profile: Option<&[u8]>,
    exif: Option<&[u8]>,
) -> ColourKind {
    // A TIFF file is a structure such as Exif data are.
    let exif = exif.or_else(|| (format == ImageFormat::Tiff).then_some(bytes));
    match (declared(format, bytes, exif, profile.is_some()), profile) {
        (Some((profile, name)), _) => colour::of_profile(profile, name.to_owned()),
        (None, Some(profile)) => colour::of_embedded(profile),
        (None, None) => ColourKind::Srgb,
    }
}

/// Recognises the format of a file and opens a decoder for it.
fn open<'b>(
    bytes: &'b [u8],
    path: &Path,
) -> Result<(ImageFormat, impl ImageDecoder + 'b), ImageError> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(|source| ImageError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let Some(format) = reader.format() else {
        return Err(ImageError::NotAnImage {
            path: path.to_owned(),
        });
    };
    let mut limits = Limits::default();
    limits.max_alloc = Some(most_bytes(bytes));
    reader.limits(limits);
    let decoder = reader.into_decoder();
    Ok((format, decoder.map_err(|error| of_decoder(error, path))?))
}

/// The most bytes that a decoder may allocate. A PNG's profile and texts are decompressed while its header is read,
/// before the budget is consulted, so they get little space besides the picture.
fn most_bytes(bytes: &[u8]) -> u64 {
    const ROOM: u64 = 64 << 20;
    const DEEPEST_PIXEL: u64 = 8;
    let side = |at: usize| {
        Some(u64::from(u32::from_be_bytes(
            *bytes.get(at..)?.first_chunk()?,
        )))
    };
    match (bytes.starts_with(b"\x89PNG"), side(16), side(20)) {
        (true, Some(width), Some(height)) => width
            .saturating_mul(height)
            .saturating_mul(DEEPEST_PIXEL)
            .saturating_add(ROOM)
            .min(MAX_DECODER_BYTES),
        _ => MAX_DECODER_BYTES,
    }
}

/// Approximate memory for decoding and for converting the result.
fn needed_bytes(format: ImageFormat, decoder: &impl ImageDecoder) -> u64 {
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    let working = match format {
        // Coefficients of all scans (JPEG); frames laid over each other (GIF, WebP).
        ImageFormat::Jpeg => 6 * pixels,
        ImageFormat::Gif | ImageFormat::WebP => 8 * pixels,
        _ => 4 * pixels,
    };
    decoder.total_bytes() + working
}

/// Whether a JPEG is complete: its decoder silently fills missing parts with grey.
fn is_whole(bytes: &[u8], end: End) -> bool {
    match end {
        End::Marked => true,
        End::Cut => false,
        End::Unmarked(data_end) => {
            let picture = |bytes: Vec<u8>| {
                image::load_from_memory_with_format(&bytes, ImageFormat::Jpeg).ok()
            };
            let [one, other] = jpeg::with_more(bytes, data_end);
            let one = picture(one);
            one.is_some() && one == picture(other)
        }
    }
}

fn of_decoder(error: image::ImageError, path: &Path) -> ImageError {
    let path = path.to_owned();
    match error {
        image::ImageError::Limits(limit) => ImageError::TooLarge {
            path,
            what: limit.to_string(),
        },
        image::ImageError::Unsupported(_) => ImageError::NotAnImage { path },
        other => ImageError::Damaged {
            path,
            reason: other.to_string(),
        },
    }
}
