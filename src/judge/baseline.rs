//! The folder of accepted images: read, looked into, and changed at one stroke.

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
use crate::vocabulary::Parameters;

/// Characters of a digest in the name of an image.
pub(super) const DIGEST_IN_NAME: usize = 16;

/// Where the baseline of a sweep is by default, under the current folder.
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
    /// Reads a baseline; a folder that is not there is an empty one.
    ///
    /// # Errors
    /// If there is a manifest that cannot be read or understood.
    pub fn read(folder: &Path) -> Result<Self, JudgeError> {
        Ok(Self {
            folder: folder.to_owned(),
            manifest: Manifest::read(folder)?,
        })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether nothing was accepted yet.
    pub fn is_empty(&self) -> bool {
        self.cells().is_empty()
    }

    /// All cells.
    pub fn cells(&self) -> &[BaselineCell] {
        self.manifest
            .as_ref()
            .map_or(&[], |manifest| &manifest.cells)
    }

    /// The cell with these parameters; of a chain, that of the first stage.
    pub fn cell(&self, parameters: &Parameters) -> Option<&BaselineCell> {
        self.cells()
            .iter()
            .find(|cell| cell.path.is_empty() && cell.parameters == *parameters)
    }

    /// The manifest, or that of an empty baseline of this name.
    pub(super) fn manifest(&self, name: &str) -> Manifest {
        self.manifest
            .clone()
            .unwrap_or_else(|| Manifest::empty(name))
    }

    /// Where an accepted image is.
    pub fn image_path(&self, accepted: &Accepted) -> PathBuf {
        self.folder.join(&accepted.file)
    }

    /// An accepted image.
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

    /// Whether an image is there as it was accepted.
    pub(super) fn holds(&self, accepted: &Accepted) -> bool {
        self.image(accepted).is_ok()
    }

    /// Makes the folder if need be and holds it, so that no other process changes the baseline; `waiting` is told
    /// which process does, if one does. The baseline is to be read after this.
    ///
    /// # Errors
    /// If the folder is a link, a run's or holds other things, or cannot be made.
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

    /// Puts new images and then the manifest in place, and removes the images that it no longer names.
    /// Until the manifest is renamed into place the baseline is what it was, since images have names of
    /// their own by their pixels.
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
        // Where a power cut may bring back the earlier manifest, its images stay.
        if lasts {
            self.remove_unnamed(before.as_ref());
        }
        Ok(())
    }

    /// Removes what the earlier manifest named and this one does not, and what an `accept` that was killed left: no
    /// other file. One that stays does no harm, since nothing reads it.
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

/// A baseline's folder that this process may change, until this is dropped.
#[derive(Debug)]
pub struct HeldBaseline {
    lock: Option<Lock>,
    /// Folders that were made for this, the innermost first: removed again if nothing came into them.
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

/// Refuses folders that are not a baseline's to change: links, which lead elsewhere, runs, and what holds other things.
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

/// Whether a file is called as images of a baseline are, by what it holds.
fn is_named_by_its_pixels(path: &Path) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let digest = stem.rsplit('-').next().unwrap_or_default();
    digest.len() == DIGEST_IN_NAME
        && read(path).is_ok_and(|(image, _)| pixels_sha256(&image).starts_with(digest))
}

impl BaselineCell {
    /// What a cell is held against in an environment class: what was accepted there, else what was accepted
    /// last elsewhere.
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

/// SHA-256 of size and pixels, in hexadecimal: whatever a PNG says beside them.
pub(super) fn pixels_sha256(image: &RgbImage) -> String {
    let mut digest = Sha256::new();
    digest.update(image.width().to_le_bytes());
    digest.update(image.height().to_le_bytes());
    digest.update(image.as_raw());
    hexadecimal(&digest.finalize())
}
