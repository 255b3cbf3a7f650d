//! Thumbnails of the cells' images, so that thousands of them can be scrolled through.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;

use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use rayon::prelude::*;

use super::ReportError;
use crate::image::{Fit, fit};
use crate::plan::Cell;
use crate::store::{Run, write_file};
use crate::vocabulary::CellKey;

/// The folder of the thumbnails in the report.
pub(super) const FOLDER: &str = "thumbs";

/// Longest side in pixels; an image that is no larger needs no thumbnail.
const SIDE: u32 = 320;

/// JPEG quality: the lowest at which grain does not turn into blocks.
const QUALITY: u8 = 85;

/// Makes thumbnails that are missing or older than their images; returns the cells that have one. A cell whose image
/// cannot be read has none.
pub(super) fn write(run: &Run, folder: &Path) -> Result<HashSet<CellKey>, ReportError> {
    let made = run
        .plan
        .cells
        .par_iter()
        .filter(|cell| cell.width.max(cell.height) > SIDE)
        .map(|cell| Ok(write_one(run, folder, cell)?.then(|| cell.key.clone())))
        .collect::<Result<Vec<_>, ReportError>>()?;
    Ok(made.into_iter().flatten().collect())
}

/// The thumbnail of a cell, relative to the report's folder.
pub(super) fn file(cell: &CellKey) -> String {
    format!("{FOLDER}/{cell}.jpg")
}

fn write_one(run: &Run, folder: &Path, cell: &Cell) -> Result<bool, ReportError> {
    let Some(source) = run.image_path(&cell.key) else {
        return Ok(false);
    };
    let path = folder.join(format!("{}.jpg", cell.key));
    if is_newer(&path, &source).unwrap_or(false) {
        return Ok(true);
    }
    let Ok(image) = run.image(&cell.key) else {
        return Ok(false);
    };
    let scale = f64::from(SIDE) / f64::from(cell.width.max(cell.height));
    let side = |pixels: u32| ((f64::from(pixels) * scale).round() as u32).max(1);
    let small = fit(&image, side(cell.width), side(cell.height), Fit::Crop);
    write_jpeg(&path, &small)?;
    Ok(true)
}

fn write_jpeg(path: &Path, image: &RgbImage) -> Result<(), ReportError> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY)
        .encode_image(image)
        .map_err(|source| ReportError::Code {
            path: path.to_owned(),
            source,
        })?;
    Ok(write_file(path, &bytes)?)
}

fn is_newer(path: &Path, source: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path)?.modified()? >= fs::metadata(source)?.modified()?)
}
