//! Images of a run folder as they were written: an image that is damaged, or not the one recorded, does not count.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use image::{ImageFormat, RgbImage};
use rayon::prelude::*;

use super::{Run, StoreError, files};
use crate::digest::sha256_hex;
use crate::vocabulary::{CellKey, ImageFile, Record, Status};

/// A PNG of incompressible RGB pixels is at most this much larger than the pixels.
const OVERHEAD: u64 = 1 << 20;
/// The longest file to read, whatever a journal says.
const LONGEST: u64 = 1 << 30;

const NOT_WRITTEN: &str = "is not the file that was written";

/// Why the image of a cell cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("{file} {reason}")]
#[diagnostic(help("run the sweep again: what is there is kept, and the cell is computed again"))]
pub struct BadImage {
    /// The file, relative to the run folder.
    pub file: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Run {
    /// The PNG of a cell, if it is the one that was recorded.
    ///
    /// # Errors
    /// If the cell is not done, or its file is missing, damaged or a different one.
    pub fn image_bytes(&self, cell: &CellKey) -> Result<Vec<u8>, BadImage> {
        let bad = |reason: String| BadImage {
            file: cell.image_path(),
            reason,
        };
        let record = self.records.get(cell);
        let Some(record) = record.filter(|record| record.status == Status::Done) else {
            return Err(bad("was not made".to_owned()));
        };
        read_cell(&self.folder, record, None).map_err(bad)
    }

    /// The pixels of a cell.
    ///
    /// # Errors
    /// As [`Run::image_bytes`].
    pub fn image(&self, cell: &CellKey) -> Result<RgbImage, BadImage> {
        decode(&self.image_bytes(cell)?).map_err(|reason| BadImage {
            file: cell.image_path(),
            reason,
        })
    }

    /// Puts a cell's image, which lies in another run folder and holds these bytes, in place here; as a hard link if
    /// possible, which is safe because a run's images are replaced but never changed.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep_image(&self, cell: &CellKey, from: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.folder.join(cell.image_path());
        match fs::hard_link(from.join(cell.image_path()), &path) {
            Ok(()) if files::read(&path, LONGEST).is_ok_and(|there| there == bytes) => Ok(()),
            _ => files::write(&path, bytes),
        }
    }

    /// The run with finished cells whose images are missing or damaged counted as failed; `None` if there are none.
    pub fn without_bad_images(&self) -> Option<Self> {
        let planned = self.plan.cells.par_iter().map(|cell| &cell.key);
        let is_done = |key: &CellKey| {
            let record = self.records.get(key);
            record.is_some_and(|record| record.status == Status::Done)
        };
        let bad: Vec<(&CellKey, BadImage)> = planned
            .filter(|key| is_done(key))
            .filter_map(|key| Some((key, self.image_bytes(key).err()?)))
            .collect();
        if bad.is_empty() {
            return None;
        }
        let mut run = self.clone();
        for (key, reason) in bad {
            if let Some(record) = run.records.get_mut(key) {
                record.status = Status::Failed;
                record.error = Some(format!("{reason}; run the sweep again"));
            }
        }
        Some(run)
    }
}

/// The record of a file with these bytes.
pub(super) fn image_file(bytes: &[u8]) -> ImageFile {
    ImageFile {
        bytes: bytes.len() as u64,
        sha256: sha256_hex(bytes),
    }
}

/// The file of a cell that is recorded as done, checked against the record. Earlier versions did not record the file;
/// then it must be a complete PNG, of this size if one is given.
pub(super) fn read_cell(
    folder: &Path,
    record: &Record,
    size: Option<(u32, u32)>,
) -> Result<Vec<u8>, String> {
    let path = folder.join(record.cell.image_path());
    let Some(file) = &record.file else {
        let bytes = read(&path, size.map_or(LONGEST, longest))?;
        let image = decode(&bytes)?;
        return match size.is_none_or(|size| size == image.dimensions()) {
            true => Ok(bytes),
            false => Err(format!("is {} x {} pixels", image.width(), image.height())),
        };
    };
    // One byte more than recorded shows that it is a different file.
    let bytes = read(&path, file.bytes.saturating_add(1).min(LONGEST))?;
    match image_file(&bytes) == *file {
        true => Ok(bytes),
        false => Err(NOT_WRITTEN.to_owned()),
    }
}

/// The bytes of an image file.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, StoreError> {
    files::read(path, LONGEST).map_err(StoreError::read(path))
}

/// The pixels of a PNG, if it is complete and of this size.
pub(super) fn read_whole(path: &Path, size: (u32, u32)) -> Result<RgbImage, String> {
    let image = decode(&read(path, longest(size))?)?;
    match image.dimensions() == size {
        true => Ok(image),
        false => Err(format!("is {} x {} pixels", image.width(), image.height())),
    }
}

/// The pixels of a PNG.
pub(super) fn decode(bytes: &[u8]) -> Result<RgbImage, String> {
    image::load_from_memory_with_format(bytes, ImageFormat::Png)
        .map(image::DynamicImage::into_rgb8)
        .map_err(|error| format!("is damaged: {error}"))
}

fn longest((width, height): (u32, u32)) -> u64 {
    4 * u64::from(width) * u64::from(height) + OVERHEAD
}

fn read(path: &Path, longest: u64) -> Result<Vec<u8>, String> {
    files::read(path, longest).map_err(|error| match error.kind() {
        ErrorKind::NotFound => "is missing".to_owned(),
        ErrorKind::InvalidData => NOT_WRITTEN.to_owned(),
        _ => format!("cannot be read: {error}"),
    })
}
