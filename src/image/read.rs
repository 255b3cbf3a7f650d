//! Reading image files, whatever they hold, as upright 8-bit RGB.

use std::fmt;
use std::fs;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};

use image::codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder};
use image::{
    AnimationDecoder, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage,
    RgbaImage,
};

use super::{MAX_SIDE, mode};
use crate::digest::sha256_hex;

/// Most pixels of an image.
const MAX_PIXELS: u64 = 100_000_000;
/// Most bytes of a file.
const MAX_FILE_BYTES: u64 = 512 << 20;
/// Most bytes that a decoder may ask for: [`MAX_PIXELS`] of 16-bit RGBA, and some room to work.
const MAX_DECODER_BYTES: u64 = 1 << 30;

/// What was learnt of an image before the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// Pixels, after EXIF orientation.
    pub width: u32,
    /// Pixels, after EXIF orientation.
    pub height: u32,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// What the user should know of how it is read.
    pub notes: Vec<Note>,
}

/// What was done to make a file 8-bit RGB, where the user may not expect it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// Only the first picture of an animation is read.
    FirstFrame,
    /// Samples of more than 8 bits lost their low bits.
    Reduced,
    /// Grey became RGB.
    GreyExpanded,
    /// Transparent pixels were laid on white.
    AlphaOnWhite,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FirstFrame => "the image is animated: only its first frame is used",
            Self::Reduced => "the image has more than 8 bits a sample: reduced to 8",
            Self::GreyExpanded => "the image is grey: expanded to RGB",
            Self::AlphaOnWhite => "the image is partly transparent: composited on white",
        })
    }
}

/// Why an image cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ImageError {
    /// The file cannot be read at all.
    #[error("cannot read image {}: {source}", path.display())]
    #[diagnostic(help("check that the file is there and that you may read it"))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// A folder, a pipe or a device.
    #[error("image {} is not a file", path.display())]
    #[diagnostic(help("name a file, or a folder's images with a glob such as \"{}/*.png\"", path.display()))]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// No bytes.
    #[error("image {} is empty", path.display())]
    #[diagnostic(help("copy or download it again"))]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Not in a format that is known here.
    #[error("{} is not an image that can be read", path.display())]
    #[diagnostic(help(
        "PNG, JPEG, WebP, GIF, BMP and TIFF can be read; convert other images, e.g. to PNG"
    ))]
    NotAnImage {
        /// The file.
        path: PathBuf,
    },
    /// More bytes, pixels or memory than the limits allow.
    #[error("image {} is too large: {what}", path.display())]
    #[diagnostic(help(
        "scale it down first: at most {MAX_SIDE} pixels a side, 100 megapixels and 512 MiB"
    ))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How large.
        what: String,
    },
    /// The file ends early, or holds nonsense.
    #[error("image {} is damaged or cut short: {reason}", path.display())]
    #[diagnostic(help(
        "copy or download it again, or open it in an image editor and save it anew"
    ))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The decoder's words.
        reason: String,
    },
    /// Not the bytes that were probed.
    #[error("image {} has changed since the sweep was started", path.display())]
    #[diagnostic(help("run again: the image is then taken as it is"))]
    Changed {
        /// The file.
        path: PathBuf,
    },
}

/// Reads and decodes an image to learn its size and digest. It is decoded whole, since the images of a
/// sweep are few and a damaged one should be found before the run and not in the middle of it.
///
/// # Errors
/// As [`read`].
pub fn probe(path: &Path) -> Result<Probed, ImageError> {
    let bytes = read_file(path)?;
    let (image, notes) = decode(&bytes, path)?;
    Ok(Probed {
        width: image.width(),
        height: image.height(),
        sha256: sha256_hex(&bytes),
        notes,
    })
}

/// Reads an image that was probed before; it must still be the file of that digest.
///
/// # Errors
/// As [`read`], or if the file has changed.
pub fn read_probed(path: &Path, sha256: &str) -> Result<RgbImage, ImageError> {
    let bytes = read_file(path)?;
    if sha256_hex(&bytes) != sha256 {
        let path = path.to_owned();
        return Err(ImageError::Changed { path });
    }
    Ok(decode(&bytes, path)?.0)
}

/// Reads an image as 8-bit RGB: EXIF orientation applied, 16 bits reduced to the high 8, grey expanded,
/// transparency composited on white, the first frame of an animation. Notes say what was done.
///
/// # Errors
/// If the file cannot be read, is no image, is damaged, or exceeds the limits on bytes, sides and pixels.
pub fn read(path: &Path) -> Result<(RgbImage, Vec<Note>), ImageError> {
    decode(&read_file(path)?, path)
}

fn read_file(path: &Path) -> Result<Vec<u8>, ImageError> {
    let unreadable = |source| ImageError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(ImageError::NotAFile {
            path: path.to_owned(),
        });
    }
    if metadata.len() > MAX_FILE_BYTES {
        let what = format!("{} MiB", metadata.len() >> 20);
        return Err(ImageError::TooLarge {
            path: path.to_owned(),
            what,
        });
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    if bytes.is_empty() {
        return Err(ImageError::Empty {
            path: path.to_owned(),
        });
    }
    Ok(bytes)
}

fn decode(bytes: &[u8], path: &Path) -> Result<(RgbImage, Vec<Note>), ImageError> {
    let (format, image) = decoded(bytes, path)?;
    let mut notes = Vec::new();
    if is_animated(format, bytes) {
        notes.push(Note::FirstFrame);
    }
    Ok((to_rgb(image, &mut notes), notes))
}

/// An upright image of 8 bits a sample in the mode of its file.
pub(super) struct InMode {
    pub image: DynamicImage,
    /// The first colour of its palette, if it has one; black of an image of 1 bit.
    pub first_of_palette: Option<[u8; 3]>,
    pub notes: Vec<Note>,
}

/// Reads an image without making it RGB. What a file says of one transparent colour is ignored.
pub(super) fn read_in_mode(path: &Path) -> Result<InMode, ImageError> {
    let bytes = read_file(path)?;
    let (format, mut image) = decoded(&bytes, path)?;
    let mut notes = Vec::new();
    if is_animated(format, &bytes) {
        notes.push(Note::FirstFrame);
    }
    if is_deep(&image) {
        notes.push(Note::Reduced);
        image = reduce(image);
    }
    if !mode::has_alpha(format, &bytes) {
        image = match image.color().has_color() {
            true => image.into_rgb8().into(),
            false => image.into_luma8().into(),
        };
    }
    let first_of_palette = mode::first_of_palette(format, &bytes);
    Ok(InMode {
        image,
        first_of_palette,
        notes,
    })
}

/// The upright picture that bytes hold, and their format.
fn decoded(bytes: &[u8], path: &Path) -> Result<(ImageFormat, DynamicImage), ImageError> {
    let damaged = |error: image::ImageError| of_decoder(error, path);
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|source| ImageError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
    let Some(format) = reader.format() else {
        return Err(ImageError::NotAnImage {
            path: path.to_owned(),
        });
    };
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    if width.max(height) > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        let what = format!("{width}x{height} pixels");
        return Err(ImageError::TooLarge {
            path: path.to_owned(),
            what,
        });
    }
    let orientation = decoder.orientation().map_err(damaged)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    if format == ImageFormat::Jpeg && lacks_end(bytes) {
        let reason = "the end of the picture is missing".to_owned();
        return Err(ImageError::Damaged {
            path: path.to_owned(),
            reason,
        });
    }
    image.apply_orientation(orientation);
    Ok((format, image))
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

/// Whether a JPEG's last scan has no end mark: its decoder fills what is missing with grey and says nothing.
fn lacks_end(bytes: &[u8]) -> bool {
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|pair| pair == marker);
    last([0xff, 0xd9]) < last([0xff, 0xda])
}

fn is_animated(format: ImageFormat, bytes: &[u8]) -> bool {
    let bytes = Cursor::new(bytes);
    match format {
        ImageFormat::Gif => {
            GifDecoder::new(bytes).is_ok_and(|decoder| decoder.into_frames().nth(1).is_some())
        }
        ImageFormat::WebP => WebPDecoder::new(bytes).is_ok_and(|decoder| decoder.has_animation()),
        ImageFormat::Png => {
            PngDecoder::new(bytes).is_ok_and(|decoder| decoder.is_apng().unwrap_or(false))
        }
        _ => false,
    }
}

fn to_rgb(image: DynamicImage, notes: &mut Vec<Note>) -> RgbImage {
    let color = image.color();
    let image = if is_deep(&image) {
        notes.push(Note::Reduced);
        reduce(image)
    } else {
        image
    };
    if !color.has_color() {
        notes.push(Note::GreyExpanded);
    }
    if !color.has_alpha() {
        return image.into_rgb8();
    }
    let image = image.into_rgba8();
    if image.pixels().any(|pixel| pixel[3] < 255) {
        notes.push(Note::AlphaOnWhite);
    }
    on_white(&image)
}

/// Whether samples have more than 8 bits.
fn is_deep(image: &DynamicImage) -> bool {
    let color = image.color();
    color.bytes_per_pixel() > color.channel_count()
}

/// 8 bits a sample: the high byte of 16-bit samples, as `value >> 8`.
fn reduce(image: DynamicImage) -> DynamicImage {
    use image::{GrayAlphaImage, GrayImage};
    let (width, height) = (image.width(), image.height());
    let high = |samples: Vec<u16>| {
        samples
            .into_iter()
            .map(|sample| (sample >> 8) as u8)
            .collect()
    };
    let reduced = match image {
        DynamicImage::ImageLuma16(grey) => {
            GrayImage::from_raw(width, height, high(grey.into_raw())).map(DynamicImage::from)
        }
        DynamicImage::ImageLumaA16(grey) => {
            GrayAlphaImage::from_raw(width, height, high(grey.into_raw())).map(DynamicImage::from)
        }
        DynamicImage::ImageRgb16(rgb) => {
            RgbImage::from_raw(width, height, high(rgb.into_raw())).map(DynamicImage::from)
        }
        DynamicImage::ImageRgba16(rgba) => {
            RgbaImage::from_raw(width, height, high(rgba.into_raw())).map(DynamicImage::from)
        }
        float => Some(DynamicImage::from(float.into_rgba8())),
    };
    reduced.unwrap_or_default()
}

/// `(colour * alpha + 255 * (255 - alpha)) / 255`, rounded to the nearest level, as Pillow's `paste`.
fn on_white(image: &RgbaImage) -> RgbImage {
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let [red, green, blue, alpha] = image.get_pixel(x, y).0.map(u32::from);
        let blend = |color: u32| ((color * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        image::Rgb([blend(red), blend(green), blend(blue)])
    })
}
