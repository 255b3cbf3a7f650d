//! Files as they were when a model's digest was taken: what is loaded later must still be that.

use std::fs::{self, Metadata};
use std::path::PathBuf;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::ModelError;

/// Files and what tells whether one is another by now, or holds something else.
#[derive(Debug, Clone)]
pub(super) struct Stamps(Vec<(PathBuf, Stamp)>);

/// By what a file is known to be the one that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
    /// Device and inode, where there are such.
    id: Option<(u64, u64)>,
}

impl Stamps {
    /// Of files, links followed.
    ///
    /// # Errors
    /// If one is not there.
    pub fn take(paths: impl IntoIterator<Item = PathBuf>) -> Result<Self, ModelError> {
        let stamps = paths.into_iter().map(|path| {
            let found = fs::metadata(&path).map_err(|source| ModelError::reading(&path, source))?;
            Ok((path, Stamp::of(&found)))
        });
        stamps.collect::<Result<_, _>>().map(Self)
    }

    /// Whether all are as they were.
    ///
    /// # Errors
    /// [`ModelError::Changed`] with the first that is not.
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
    /// When it was last written.
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
