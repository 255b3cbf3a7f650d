//! Latents that wait for the decoder, on disk, so that a killed run can continue with the decoder.
//!
//! They are not synced, because that would take longer than computing many a cell. Damage by a power cut is detected by
//! a digest, and the cell is denoised again.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ndarray::Array4;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{StoreError, files};
use crate::engine::{Denoised, Shelf, ShelfError};
use crate::vocabulary::{CellKey, Record};

/// The folder in the run folder; it exists only while latents wait.
const FOLDER: &str = "latents";
/// The extension of the files in it.
const EXTENSION: &str = "latents";

/// A shelf in a run folder that this process has locked. Each file is a line of JSON followed by little-endian float32.
#[derive(Debug)]
pub struct DiskShelf {
    folder: PathBuf,
    /// Latents left by an earlier process, by the hashes of their cells, because a cell may be renamed when axes come
    /// or go.
    left: HashMap<String, PathBuf>,
}

/// The first line of a file.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    shape: (usize, usize, usize, usize),
    /// SHA-256 of the bytes of the latents.
    sha256: [u8; 32],
    record: Record,
}

impl DiskShelf {
    /// Opens the shelf of a run folder and discards damaged files.
    ///
    /// # Errors
    /// If the folder cannot be made or read.
    pub fn open(run_folder: &Path) -> Result<Self, StoreError> {
        Self::open_in(run_folder.join(FOLDER))
    }

    /// Opens the shelf of a process that works beside others.
    ///
    /// # Errors
    /// As [`DiskShelf::open`].
    pub fn of_writer(run_folder: &Path, writer: &str) -> Result<Self, StoreError> {
        Self::open_in(run_folder.join(format!("{FOLDER}-{writer}")))
    }

    fn open_in(folder: PathBuf) -> Result<Self, StoreError> {
        files::make_folder(&folder)?;
        let left = whole_files(&folder)?;
        Ok(Self { folder, left })
    }

    /// Where a cell's latents are written.
    fn path(&self, cell: &CellKey) -> PathBuf {
        self.folder.join(format!("{cell}.{EXTENSION}"))
    }

    /// Where a cell's latents are found, if there are any.
    fn found(&self, cell: &CellKey) -> Option<PathBuf> {
        let named = Some(self.path(cell)).filter(|path| path.is_file());
        let left = || self.left.get(cell.hash()).filter(|path| path.is_file());
        named.or_else(|| left().cloned())
    }
}

impl Drop for DiskShelf {
    fn drop(&mut self) {
        // Fails if latents are still waiting, as it should.
        let _ = fs::remove_dir(&self.folder);
    }
}

impl Shelf for DiskShelf {
    fn holds(&self, cell: &CellKey) -> bool {
        self.found(cell).is_some()
    }

    fn put(&mut self, denoised: Denoised) -> Result<(), ShelfError> {
        let Denoised { latents, record } = denoised;
        let path = self.path(&record.cell);
        let failed = |reason: String| ShelfError {
            cell: record.cell.clone(),
            reason,
        };
        let values: Vec<u8> = latents
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let head = Head {
            shape: latents.dim(),
            sha256: Sha256::digest(&values).into(),
            record: record.clone(),
        };
        let mut bytes = serde_json::to_vec(&head).map_err(|error| failed(error.to_string()))?;
        bytes.push(b'\n');
        bytes.extend(values);
        files::write_unsynced(&path, &bytes).map_err(|error| failed(error.to_string()))
    }

    fn get(&mut self, cell: &CellKey) -> Result<Denoised, ShelfError> {
        let failed = |reason: String| ShelfError {
            cell: cell.clone(),
            reason,
        };
        let path = self.found(cell).unwrap_or_else(|| self.path(cell));
        let bytes = fs::read(path).map_err(|error| failed(error.to_string()))?;
        let found = parse(&bytes);
        let mut found = found.ok_or_else(|| failed("the file is damaged; delete it".to_owned()))?;
        found.record.cell = cell.clone();
        Ok(found)
    }

    fn remove(&mut self, cell: &CellKey) -> Result<(), ShelfError> {
        match self.found(cell).map_or(Ok(()), fs::remove_file) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(ShelfError {
                cell: cell.clone(),
                reason: error.to_string(),
            }),
            _ => Ok(()),
        }
    }
}

/// The complete files in a folder, by the hashes of their cells; damaged files are removed.
fn whole_files(folder: &Path) -> Result<HashMap<String, PathBuf>, StoreError> {
    let mut whole = HashMap::new();
    for entry in fs::read_dir(folder).map_err(StoreError::read(folder))? {
        let path = entry.map_err(StoreError::read(folder))?.path();
        if path.extension() != Some(OsStr::new(EXTENSION)) || !path.is_file() {
            continue;
        }
        let bytes = fs::read(&path).map_err(StoreError::read(&path))?;
        match parse(&bytes) {
            Some(found) => drop(whole.insert(found.record.cell.hash().to_owned(), path)),
            None => fs::remove_file(&path).map_err(StoreError::write(&path))?,
        }
    }
    Ok(whole)
}

fn parse(bytes: &[u8]) -> Option<Denoised> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    let head: Head = serde_json::from_slice(&bytes[..end]).ok()?;
    let Head {
        shape,
        sha256,
        record,
    } = head;
    let values = &bytes[end + 1..];
    if sha256[..] != Sha256::digest(values)[..] {
        return None;
    }
    let values = values.chunks_exact(4);
    let values = values.map(|value| f32::from_le_bytes([value[0], value[1], value[2], value[3]]));
    let latents = Array4::from_shape_vec(shape, values.collect()).ok()?;
    Some(Denoised { latents, record })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denoised(key: &str) -> Denoised {
        let cell = serde_json::from_value(serde_json::json!(key)).unwrap();
        let record = Record {
            unet_evals: 3,
            rss_peak_mib: Some(1.5),
            ..Record::new(cell, "cpu", "fp32")
        };
        let latents = Array4::from_shape_fn((1, 4, 2, 3), |(_, c, y, x)| {
            (c * 6 + y * 3 + x) as f32 / 7.0
        });
        Denoised { latents, record }
    }

    #[test]
    fn latents_come_back_bit_for_bit_in_another_process() {
        let folder = tempfile::tempdir().unwrap();
        let denoised = denoised("a");
        DiskShelf::open(folder.path())
            .unwrap()
            .put(denoised.clone())
            .unwrap();
        let mut shelf = DiskShelf::open(folder.path()).unwrap();
        assert!(shelf.holds(&denoised.record.cell));
        assert_eq!(shelf.get(&denoised.record.cell).unwrap(), denoised);
        shelf.remove(&denoised.record.cell).unwrap();
        drop(shelf);
        assert!(
            !folder.path().join(FOLDER).exists(),
            "an empty shelf leaves nothing behind"
        );
    }

    #[test]
    fn a_cell_that_is_renamed_finds_its_latents_under_its_new_name() {
        let folder = tempfile::tempdir().unwrap();
        let made = denoised("s1-g7.0-0123456789ab");
        DiskShelf::open(folder.path())
            .unwrap()
            .put(made.clone())
            .unwrap();
        let mut shelf = DiskShelf::open(folder.path()).unwrap();
        let [renamed, other] = ["g7.0-0123456789ab", "g7.0-0123456789ac"]
            .map(|key| CellKey::try_from(key.to_owned()).unwrap());
        assert!(shelf.holds(&renamed) && !shelf.holds(&other));
        let found = shelf.get(&renamed).unwrap();
        assert_eq!(found.latents, made.latents);
        assert_eq!(found.record.cell, renamed);
        shelf.remove(&renamed).unwrap();
        drop(shelf);
        assert!(!folder.path().join(FOLDER).exists());
    }

    #[test]
    fn a_damaged_file_is_an_error_that_names_the_cell() {
        let folder = tempfile::tempdir().unwrap();
        let mut shelf = DiskShelf::open(folder.path()).unwrap();
        let denoised = denoised("b");
        let cell = denoised.record.cell.clone();
        shelf.put(denoised).unwrap();
        let path = shelf.path(&cell);
        let bytes = fs::read(&path).unwrap();
        for length in [0, 5, bytes.len() - 1] {
            fs::write(&path, &bytes[..length]).unwrap();
            let error = shelf.get(&cell).unwrap_err();
            assert_eq!(
                error.to_string(),
                "cannot keep the latents of cell b: the file is damaged; delete it"
            );
        }
    }

    #[test]
    fn what_a_power_cut_damaged_is_thrown_away_when_the_run_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut shelf = DiskShelf::open(folder.path()).unwrap();
        for key in ["cut", "zeroed", "whole"] {
            shelf.put(denoised(key)).unwrap();
        }
        let place = |key: &str| shelf.path(&denoised(key).record.cell);
        let bytes = fs::read(place("cut")).unwrap();
        fs::write(place("cut"), &bytes[..bytes.len() - 4]).unwrap();
        let mut bytes = fs::read(place("zeroed")).unwrap();
        let end = bytes.len();
        bytes[end - 8..].fill(0);
        fs::write(place("zeroed"), &bytes).unwrap();
        let foreign = folder.path().join(FOLDER).join("notes");
        fs::create_dir(&foreign).unwrap();
        let shelf = DiskShelf::open(folder.path()).unwrap();
        assert!(foreign.is_dir(), "what is not its own stays");
        let held = ["cut", "zeroed", "whole"].map(|key| shelf.holds(&denoised(key).record.cell));
        assert_eq!(held, [false, false, true]);
    }
}
