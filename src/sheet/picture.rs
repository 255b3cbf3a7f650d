//! The images of a run: those of cells, and the inputs they were made from.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, RgbImage};
use sha2::{Digest, Sha256};

use crate::plan::{Cell, ImageEntry};
use crate::store::{Run, Status};

/// Bytes that decoding one image may take.
const MOST_BYTES: u64 = 1 << 30;

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

/// The fitted input of cells of one size, relative to the run folder: what sheets and reports show
/// beside the outputs. Where the run folder has none, the original is fitted instead.
pub fn input_path(input: &ImageEntry, width: u32, height: u32) -> String {
    let digest: String = input
        .sha256
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(16)
        .collect();
    format!("inputs/{digest}-{width}x{height}.png")
}

/// The output of a cell.
pub fn of_cell(run: &Run, cell: &Cell) -> Picture {
    let Some(record) = run.records.get(&cell.key) else {
        return Picture::Missing;
    };
    if record.status == Status::Failed {
        return Picture::Failed(record.error.clone().unwrap_or_else(|| "failed".to_owned()));
    }
    match fs::read(run.folder.join(cell.key.image_path())).map_err(|error| error.to_string()) {
        Ok(bytes) => decode(&bytes).map_or_else(Picture::Failed, Picture::Image),
        Err(error) => Picture::Failed(format!("its image cannot be read: {error}")),
    }
}

/// The input of a cell, fitted as the cell's was; or why it cannot be shown.
pub fn of_input(run: &Run, cell: &Cell) -> Result<RgbImage, String> {
    let name = &cell.parameters.image;
    let entries = &run.plan.images;
    let entry = entries
        .iter()
        .find(|entry| &entry.name == name)
        .ok_or("the plan does not list it")?;
    if let Ok(bytes) = fs::read(run.folder.join(input_path(entry, cell.width, cell.height))) {
        return decode(&bytes);
    }
    let original = read_original(&entry.path, &entry.sha256)?;
    Ok(covering(&original, cell.width, cell.height))
}

fn read_original(path: &Path, sha256: &str) -> Result<RgbImage, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let digest: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if digest != sha256 {
        return Err("it has changed since the run".to_owned());
    }
    decode(&bytes)
}

/// Any format, upright, on white.
fn decode(bytes: &[u8]) -> Result<RgbImage, String> {
    let read = || -> image::ImageResult<DynamicImage> {
        let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
        let mut limits = Limits::default();
        limits.max_alloc = Some(MOST_BYTES);
        reader.limits(limits);
        let mut decoder = reader.into_decoder()?;
        let orientation = decoder.orientation()?;
        let mut image = DynamicImage::from_decoder(decoder)?;
        image.apply_orientation(orientation);
        Ok(image)
    };
    let image = read().map_err(|error| format!("its image cannot be decoded: {error}"))?;
    if !image.color().has_alpha() {
        return Ok(image.into_rgb8());
    }
    let mut on_white = RgbImage::from_pixel(image.width(), image.height(), image::Rgb([255; 3]));
    for (below, above) in on_white.pixels_mut().zip(image.into_rgba8().pixels()) {
        let alpha = u32::from(above.0[3]);
        for (below, &above) in below.0.iter_mut().zip(&above.0[..3]) {
            *below = ((u32::from(above) * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        }
    }
    Ok(on_white)
}

/// Scaled to exactly this size with Lanczos.
pub fn scaled(image: RgbImage, width: u32, height: u32) -> RgbImage {
    if image.dimensions() == (width, height) {
        return image;
    }
    resized(&image, width, height, ResizeOptions::new())
}

/// Scaled to cover this size, cut at the centre.
fn covering(image: &RgbImage, width: u32, height: u32) -> RgbImage {
    resized(
        image,
        width,
        height,
        ResizeOptions::new().fit_into_destination(Some((0.5, 0.5))),
    )
}

fn resized(image: &RgbImage, width: u32, height: u32, options: ResizeOptions) -> RgbImage {
    let (width, height) = (width.max(1), height.max(1));
    let blank = || RgbImage::from_pixel(width, height, image::Rgb([255; 3]));
    let options = options.resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    let source = DynamicImage::ImageRgb8(image.clone());
    let mut target = Image::new(width, height, PixelType::U8x3);
    // Resizing fails for empty images only.
    match Resizer::new().resize(&source, &mut target, &options) {
        Ok(()) => RgbImage::from_raw(width, height, target.into_vec()).unwrap_or_else(blank),
        Err(_) => blank(),
    }
}
