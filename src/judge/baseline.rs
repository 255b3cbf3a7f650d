//! The folder of accepted images: read, looked into, and changed at one stroke.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use image::RgbImage;
use sha2::{Digest, Sha256};

use super::manifest::{Accepted, BaselineCell, IMAGES, MANIFEST, Manifest};
use super::{EnvironmentClass, JudgeError};
use crate::digest::hexadecimal;
use crate::image::read;
use crate::store::{StoreError, write_file};
use crate::vocabulary::Parameters;

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

    /// The cell with these parameters.
    pub fn cell(&self, parameters: &Parameters) -> Option<&BaselineCell> {
        self.cells()
            .iter()
            .find(|cell| cell.parameters == *parameters)
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

    /// Puts new images and then the manifest in place, and removes the images that it no longer names.
    /// Until the manifest is renamed into place the baseline is what it was, since images have names of
    /// their own by their pixels.
    pub(super) fn replace(
        &mut self,
        manifest: Manifest,
        images: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), JudgeError> {
        let write = |source| JudgeError::Write { source };
        let folder = self.folder.join(IMAGES);
        fs::create_dir_all(&folder).map_err(|source| {
            write(StoreError::Write {
                path: folder.clone(),
                source,
            })
        })?;
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
        write_file(&path, &text).map_err(write)?;
        remove_unnamed(&folder, &manifest);
        self.manifest = Some(manifest);
        Ok(())
    }
}

/// Removes images that no entry names. One that stays does no harm: nothing reads it.
fn remove_unnamed(folder: &Path, manifest: &Manifest) {
    let accepted = manifest.cells.iter().flat_map(|cell| &cell.accepted);
    let named: HashSet<&str> = accepted.map(|accepted| accepted.file.as_str()).collect();
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_image = name.ends_with(".png") || name.starts_with(".ip2p-");
        if is_image && !named.contains(format!("{IMAGES}/{name}").as_str()) {
            let _ = fs::remove_file(entry.path());
        }
    }
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
