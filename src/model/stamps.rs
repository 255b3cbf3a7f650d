//! Stamps of the files covered by a model's digest: what is loaded later must still be the same files.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::ModelError;

/// A file written less than this before it was hashed might be changed again within one tick of the file system's
/// clock.
pub(super) const SETTLED: Duration = Duration::from_secs(2);

/// Files and what tells whether one is another by now, or holds something else.
#[derive(Debug, Clone)]
pub(super) struct Stamps(Vec<(PathBuf, Facts)>);

/// What identifies a file as the one that was opened or hashed. The inode's change time, which programs cannot set,
/// reveals a file whose modification time was set back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facts {
    stamp: Stamp,
    /// Change time in seconds and nanoseconds since 1970; `None` on systems without it.
    changed: Option<(i64, i64)>,
}

/// The facts that programs can set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
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
            let facts = Facts::of(&path).map_err(|source| ModelError::reading(&path, source))?;
            Ok((path, facts))
        });
        stamps.collect::<Result<_, _>>().map(Self)
    }

    /// Checks that all files are unchanged.
    ///
    /// # Errors
    /// [`ModelError::Changed`] with the first file that is not.
    pub fn check(&self) -> Result<(), ModelError> {
        let is_same =
            |(path, facts): &&(PathBuf, Facts)| Facts::of(path).is_ok_and(|now| now == *facts);
        match self.0.iter().find(|entry| !is_same(entry)) {
            Some((path, _)) => Err(ModelError::Changed { path: path.clone() }),
            None => Ok(()),
        }
    }
}

impl Facts {
    pub fn of(path: &Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        #[cfg(unix)]
        let changed = {
            use std::os::unix::fs::MetadataExt;
            Some((found.ctime(), found.ctime_nsec()))
        };
        #[cfg(not(unix))]
        let changed = None;
        Ok(Self {
            stamp: Stamp::of(&found),
            changed,
        })
    }

    /// Whether any later change to the file is sure to change these facts.
    pub fn are_settled(&self) -> bool {
        let seconds = self.changed.map_or(0, |(seconds, _)| seconds.max(0));
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds as u64);
        let last = self
            .stamp
            .modified
            .map_or(changed, |modified| modified.max(changed));
        SystemTime::now() > last + SETTLED
    }
}

impl Stamp {
    fn of(found: &Metadata) -> Self {
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
