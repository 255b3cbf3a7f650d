//! Stamps of the files covered by a model's digest: what is loaded later must still be the same files.

use std::fs::{self, Metadata};
use std::path::PathBuf;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::ModelError;

/// Files, each with a stamp that shows whether it has been replaced or changed.
#[derive(Debug, Clone)]
pub(super) struct Stamps(Vec<(PathBuf, Stamp)>);

/// What identifies the content of a file without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
    /// Device and inode, on systems that have them.
    id: Option<(u64, u64)>,
}

impl Stamps {
    /// Takes the stamps of files; links are followed.
    ///
    /// # Errors
    /// If a file does not exist.
    pub fn take(paths: impl IntoIterator<Item = PathBuf>) -> Result<Self, ModelError> {
        let stamps = paths.into_iter().map(|path| {
            let found = fs::metadata(&path).map_err(|source| ModelError::reading(&path, source))?;
            Ok((path, Stamp::of(&found)))
        });
        stamps.collect::<Result<_, _>>().map(Self)
    }

    /// Checks that all files are unchanged.
    ///
    /// # Errors
    /// [`ModelError::Changed`] with the first file that is not.
    pub fn check(&self) -> Result<(), ModelError> {
        let is_same = |(path, stamp): &&(PathBuf, Stamp)| {
            fs::metadata(path).is_ok_and(|found| Stamp::of(&found) == *stamp)
        };
        match self.0.iter().find(|entry| !is_same(entry)) {
            Some((path, _)) => Err(ModelError::Changed { path: path.clone() }),
            None => Ok(()),
        }
    }
}

impl Stamp {
    /// Its modification time.
    pub fn modified(&self) -> Option<SystemTime> {
        self.modified
    }

    pub fn of(found: &Metadata) -> Self {
        Self {
            bytes: found.len(),
            modified: found.modified().ok(),
            id: id(found),
        }
    }
}

#[cfg(unix)]
fn id(found: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn id(_found: &Metadata) -> Option<(u64, u64)> {
    None
}
