//! The folder of accepted images: reading it, querying it, and changing it atomically.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use image::RgbImage;
use sha2::{Digest, Sha256};

use super::manifest::{Accepted, BaselineCell, IMAGES, MANIFEST, Manifest, is_image_name};
use super::{EnvironmentClass, JudgeError};
use crate::digest::hexadecimal;
use crate::image::read;
use crate::store::{Lock, Run, StoreError, make_folder, refuse_link, write_file, write_to_last};

/// How many characters of the pixel digest an image's name contains.
pub(super) const DIGEST_IN_NAME: usize = 16;

/// The default folder of a sweep's baseline, under the current folder.
pub fn default_folder(name: &str) -> PathBuf {
    Path::new("results").join("baseline").join(name)
}

/// Accepted images and their manifest.
#[derive(Debug, Clone)]
pub struct Baseline {
    folder: PathBuf,
    manifest: Option<Manifest>,
}

impl Baseline {
    /// Reads a baseline; a folder that does not exist counts as an empty one.
    ///
    /// # Errors
    /// If there is a manifest that cannot be read or understood.
    pub fn read(folder: &Path) -> Result<Self, JudgeError> {
        Ok(Self {
            folder: folder.to_owned(),
            manifest: Manifest::read(folder)?,
        })
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether nothing has been accepted yet.
    pub fn is_empty(&self) -> bool {
        self.cells().is_empty()
    }

    /// All cells.
    pub fn cells(&self) -> &[BaselineCell] {
        self.manifest
            .as_ref()
            .map_or(&[], |manifest| &manifest.cells)
    }

    /// Its manifest; if it is empty, a new one with this name.
    pub(super) fn manifest(&self, name: &str) -> Manifest {
        self.manifest
            .clone()
            .unwrap_or_else(|| Manifest::empty(name))
    }

    /// The file of an accepted image.
    pub fn image_path(&self, accepted: &Accepted) -> PathBuf {
        self.folder.join(&accepted.file)
    }

    /// Reads an accepted image.
    ///
    /// # Errors
    /// If it cannot be read, or its pixels are not those that were accepted.
    pub fn image(&self, accepted: &Accepted) -> Result<RgbImage, JudgeError> {
        let path = self.image_path(accepted);
        let refused = |reason: String| JudgeError::Image {
            path: path.clone(),
            reason,
        };
        let (image, _) = read(&path).map_err(|error| refused(error.to_string()))?;
        if pixels_sha256(&image) != accepted.pixels_sha256 {
            let (width, height) = image.dimensions();
            return Err(refused(format!(
                "its {width}x{height} pixels have another digest"
            )));
        }
        Ok(image)
    }

    /// Whether an image's file is as it was accepted.
    pub(super) fn holds(&self, accepted: &Accepted) -> bool {
        self.image(accepted).is_ok()
    }

    /// Creates the folder if needed and locks it, so that no other process changes the baseline; `waiting` is called
    /// with the id of the process that holds the lock, if there is one. Read the baseline only after this.
    ///
    /// # Errors
    /// If the folder is a link, is a run folder, contains other things, or cannot be made.
    pub fn hold(
        folder: &Path,
        waiting: impl FnMut(Option<u32>),
    ) -> Result<HeldBaseline, JudgeError> {
        refuse_unfit(folder)?;
        let missing = folder.ancestors().take_while(|folder| !folder.exists());
        let made = missing.map(Path::to_owned).collect();
        let write = |source| JudgeError::Write { source };
        make_folder(folder).map_err(write)?;
        let lock = Lock::wait(folder, waiting).map_err(write)?;
        Ok(HeldBaseline {
            lock: Some(lock),
            made,
        })
    }

    /// Puts new images and then the manifest in place, and removes images that it no longer names. The baseline stays
    /// as it was until the new manifest is renamed into place, because images are named after their pixels and never
    /// overwritten.
    pub(super) fn replace(
        &mut self,
        manifest: Manifest,
        images: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), JudgeError> {
        refuse_unfit(&self.folder)?;
        let write = |source| JudgeError::Write { source };
        let folder = self.folder.join(IMAGES);
        make_folder(&folder).map_err(write)?;
        for (file, bytes) in images {
            write_file(&self.folder.join(file), bytes).map_err(write)?;
        }
        let path = self.folder.join(MANIFEST);
        let mut text = serde_json::to_vec_pretty(&manifest).map_err(|error| {
            write(StoreError::Write {
                path: path.clone(),
                source: error.into(),
            })
        })?;
        text.push(b'\n');
        let lasts = write_to_last(&path, &text).map_err(write)?;
        let before = self.manifest.replace(manifest);
        // If a power cut could bring back the earlier manifest, its images stay.
        if lasts {
            self.remove_unnamed(before.as_ref());
        }
        Ok(())
    }

    /// Removes what the earlier manifest names and this one does not, and what a killed `accept` left, but no other
    /// file. It does no harm if one cannot be removed, since nothing reads it.
    pub fn tidy(&self) {
        self.remove_unnamed(None);
    }

    fn remove_unnamed(&self, before: Option<&Manifest>) {
        let named = |manifest: Option<&Manifest>| -> HashSet<String> {
            let cells = manifest.into_iter().flat_map(|manifest| &manifest.cells);
            let accepted = cells.flat_map(|cell| &cell.accepted);
            accepted.map(|accepted| accepted.file.clone()).collect()
        };
        let (now, before) = (named(self.manifest.as_ref()), named(before));
        let Ok(entries) = fs::read_dir(self.folder.join(IMAGES)) else {
            return;
        };
        for entry in entries.flatten() {
            let file = format!("{IMAGES}/{}", entry.file_name().to_string_lossy());
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            if !is_file || !is_image_name(&file) || now.contains(&file) {
                continue;
            }
            if before.contains(&file) || is_named_by_its_pixels(&entry.path()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// A baseline's folder, locked by this process until this value is dropped.
#[derive(Debug)]
pub struct HeldBaseline {
    lock: Option<Lock>,
    /// Folders created for it, innermost first; they are removed again if they stay empty.
    made: Vec<PathBuf>,
}

impl Drop for HeldBaseline {
    fn drop(&mut self) {
        drop(self.lock.take());
        for folder in &self.made {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
}

/// Refuses folders in which no baseline may be written: links, run folders, and folders with other content.
fn refuse_unfit(folder: &Path) -> Result<(), JudgeError> {
    for path in [folder, &folder.join(IMAGES), &folder.join(MANIFEST)] {
        refuse_link(path).map_err(|source| JudgeError::Write { source })?;
    }
    if Run::is_in(folder) {
        let folder = folder.to_owned();
        return Err(JudgeError::IsRun { folder });
    }
    if folder.join(MANIFEST).exists() {
        return Ok(());
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_foreign = |name: &OsString| {
        let name = name.to_string_lossy();
        name != IMAGES && !name.starts_with('.') && !name.starts_with("README")
    };
    match entries.map(|entry| entry.file_name()).find(is_foreign) {
        Some(name) => Err(JudgeError::Foreign {
            folder: folder.to_owned(),
            name: name.to_string_lossy().into_owned(),
        }),
        None => Ok(()),
    }
}

/// Whether a file's name contains the digest of its own pixels, as the names of baseline images do.
fn is_named_by_its_pixels(path: &Path) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let digest = stem.rsplit('-').next().unwrap_or_default();
    digest.len() == DIGEST_IN_NAME
        && read(path).is_ok_and(|(image, _)| pixels_sha256(&image).starts_with(digest))
}

impl BaselineCell {
    /// What a cell is compared with in an environment class: what was accepted there, or else what was last accepted in
    /// another class.
    pub fn nearest(&self, class: &EnvironmentClass) -> Option<&Accepted> {
        let own = self
            .accepted
            .iter()
            .find(|accepted| accepted.class == *class);
        own.or_else(|| {
            self.accepted
                .iter()
                .max_by_key(|accepted| accepted.accepted)
        })
    }
}

/// SHA-256 over size and pixels, in hexadecimal; a PNG's metadata do not count.
pub(super) fn pixels_sha256(image: &RgbImage) -> String {
    let mut digest = Sha256::new();
    digest.update(image.width().to_le_bytes());
    digest.update(image.height().to_le_bytes());
    digest.update(image.as_raw());
    hexadecimal(&digest.finalize())
}
