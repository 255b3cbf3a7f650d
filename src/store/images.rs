//! Images of a run folder as they were written: an image that is damaged, or not the one recorded, does not count.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use image::RgbImage;
use rayon::prelude::*;

use super::verified::{Verified, seen};
use super::{Run, StoreError, files, regular};
use crate::digest::Sha256Sum;
use crate::image::decode_png;
use crate::stamp::Facts;
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

    /// Puts the image of a cell of another run in place here; as a hard link if possible, which is safe because a run's
    /// images are replaced but never changed. `false` if the other has no image, or not the one that was recorded.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn take_image(&self, cell: &CellKey, from: &Self) -> Result<bool, StoreError> {
        let source = from.folder.join(cell.image_path());
        let before = Facts::of(&source);
        let Ok(bytes) = from.image_bytes(cell) else {
            return Ok(false);
        };
        let path = self.folder.join(cell.image_path());
        let is_plain = |path: &Path| fs::symlink_metadata(path).is_ok_and(|found| found.is_file());
        // A link to a symbolic link would be one, too, and name a file that may lie elsewhere.
        let is_linked = is_plain(&source) && fs::hard_link(&source, &path).is_ok();
        // A merge that was killed may have put it there.
        if is_linked || is_plain(&path) {
            let file = from
                .records
                .get(cell)
                .and_then(|record| record.file.as_ref());
            if let (Some(file), Ok(before), Ok(now)) = (file, before, Facts::of(&path))
                && before.are_of_same_file(&now)
            {
                self.verified.add(seen(cell, file, &now), &now);
                return Ok(true);
            }
            if regular::read(&path, LONGEST).is_ok_and(|there| there == bytes) {
                return Ok(true);
            }
        }
        files::write(&path, &bytes).map(|()| true)
    }

    /// The run with finished cells whose images are missing or damaged counted as failed; `None` if there are none.
    pub fn without_bad_images(&self) -> Option<Self> {
        let planned = self.plan.cells.par_iter().map(|cell| &cell.key);
        let bad_image = |key: &'_ CellKey| {
            let record = self.records.get(key);
            let record = record.filter(|record| record.status == Status::Done)?;
            let reason = check_cell(&self.folder, record, None, &self.verified).err()?;
            let file = key.image_path();
            Some(BadImage { file, reason })
        };
        let bad: Vec<(&CellKey, BadImage)> = planned
            .filter_map(|key| Some((key, bad_image(key)?)))
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
        sha256: Sha256Sum::of(bytes),
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

/// As [`read_cell`], for whether it is there: it is not read again if it was before and has not changed since.
pub(super) fn check_cell(
    folder: &Path,
    record: &Record,
    size: Option<(u32, u32)>,
    verified: &Verified,
) -> Result<(), String> {
    let path = folder.join(record.cell.image_path());
    let (Some(file), Ok(facts)) = (&record.file, Facts::of(&path)) else {
        return read_cell(folder, record, size).map(drop);
    };
    let known = seen(&record.cell, file, &facts);
    if verified.has(&known) {
        return Ok(());
    }
    read_cell(folder, record, size)?;
    if Facts::of(&path).is_ok_and(|now| now == facts) {
        verified.add(known, &facts);
    }
    Ok(())
}

/// The bytes of an image file.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, StoreError> {
    regular::read(path, LONGEST).map_err(StoreError::read(path))
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
    decode_png(bytes).map_err(|reason| format!("is damaged: {reason}"))
}

fn longest((width, height): (u32, u32)) -> u64 {
    4 * u64::from(width) * u64::from(height) + OVERHEAD
}

fn read(path: &Path, longest: u64) -> Result<Vec<u8>, String> {
    regular::read(path, longest).map_err(|error| match error.kind() {
        ErrorKind::NotFound => "is missing".to_owned(),
        ErrorKind::InvalidData => NOT_WRITTEN.to_owned(),
        _ => format!("cannot be read: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_that_was_seen_is_not_read_again_until_its_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let key: CellKey = serde_json::from_str("\"s1-ab\"").unwrap();
        let path = folder.path().join(key.image_path());
        fs::create_dir(folder.path().join("cells")).unwrap();
        fs::write(&path, "one").unwrap();
        // Were it read, it would be seen to be another.
        let mut record = Record::new(key, "cpu", "fp32");
        record.file = Some(image_file(b"two"));
        let verified = Verified::default();
        let check = || check_cell(folder.path(), &record, None, &verified);
        assert_eq!(check(), Err(NOT_WRITTEN.to_owned()));
        let facts = Facts::of(&path).unwrap();
        let file = record.file.as_ref().unwrap();
        verified.add(seen(&record.cell, file, &facts), &facts);
        assert_eq!(check(), Ok(()));
        fs::write(&path, "three").unwrap();
        assert_eq!(check(), Err(NOT_WRITTEN.to_owned()));
        fs::write(&path, "two").unwrap();
        assert_eq!(check(), Ok(()));
    }
}
