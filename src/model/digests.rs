//! A cache of file digests, keyed by path, size, times and inode, like git's index.
//!
//! Models take gigabytes, and every `plan` and resumed run needs their digests.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::ModelError;
use crate::digest::{hexadecimal, of_file};
use crate::stamp::Facts;

const FILE: &str = "digests.json";

/// The most files in the cache; beyond that the first paths in alphabetical order are dropped, as good as any others.
const MOST_FILES: usize = 4096;

/// Digests of files hashed earlier.
#[derive(Debug, Default)]
pub struct KnownDigests {
    folder: Option<PathBuf>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    files: BTreeMap<PathBuf, KnownFile>,
    has_new: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct KnownFile {
    facts: Facts,
    sha256: String,
}

impl KnownDigests {
    /// Reads the cache folder's digests; empty without a folder. An unreadable cache counts as empty.
    pub fn read(cache: Option<&Path>) -> Self {
        let text = cache.and_then(|folder| fs::read(folder.join(FILE)).ok());
        let files = text.and_then(|text| serde_json::from_slice(&text).ok());
        let known = Known {
            files: files.unwrap_or_default(),
            has_new: false,
        };
        Self {
            folder: cache.map(Path::to_owned),
            known: Mutex::new(known),
        }
    }

    /// Writes the cache. Losing it only costs time, so failure is not an error.
    pub fn write(&self) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(folder), true) = (&self.folder, known.has_new) else {
            return;
        };
        known.files.retain(|path, _| path.exists());
        while known.files.len() > MOST_FILES {
            known.files.pop_first();
        }
        let written = || -> io::Result<()> {
            fs::create_dir_all(folder)?;
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer_pretty(&mut file, &known.files)?;
            file.persist(folder.join(FILE))?;
            Ok(())
        };
        match written() {
            Ok(()) => known.has_new = false,
            Err(error) => tracing::debug!("digests of model files cannot be cached: {error}"),
        }
    }

    /// SHA-256 of a file in hexadecimal, from the cache if possible.
    pub(super) fn of(&self, path: &Path) -> Result<String, ModelError> {
        let failed = |source| ModelError::reading(path, source);
        let real = fs::canonicalize(path).map_err(failed)?;
        let facts = Facts::of(&real).map_err(failed)?;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let sha256 = (known.files.get(&real))
            .filter(|known| known.facts == facts)
            .map(|known| known.sha256.clone());
        drop(known);
        if let Some(sha256) = sha256 {
            return Ok(sha256);
        }
        let sha256 = hexadecimal(&of_file(&real).map_err(failed)?);
        if Facts::of(&real).map_err(failed)? != facts {
            return Err(ModelError::Changed {
                path: path.to_owned(),
            });
        }
        if facts.are_settled() {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.has_new = true;
            let file = KnownFile {
                facts,
                sha256: sha256.clone(),
            };
            known.files.insert(real, file);
        }
        Ok(sha256)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::stamp::SETTLED;

    /// A file that, according to its facts, was written long ago.
    fn settled(folder: &Path, text: &str) -> PathBuf {
        let path = folder.join("weights");
        fs::write(&path, text).unwrap();
        std::thread::sleep(SETTLED + Duration::from_millis(1100));
        path
    }

    #[test]
    fn a_file_that_stays_as_it_is_is_hashed_once() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        let path = settled(folder.path(), "one");
        let digests = KnownDigests::read(Some(&cache));
        let first = digests.of(&path).unwrap();
        digests.write();
        // The cache is trusted: the file is not read again.
        let text = fs::read_to_string(cache.join(FILE)).unwrap();
        let other = "0".repeat(64);
        fs::write(cache.join(FILE), text.replace(&first, &other)).unwrap();
        assert_eq!(KnownDigests::read(Some(&cache)).of(&path).unwrap(), other);
        // But not for another file in its place, whatever its modification time.
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(folder.path().join("new"), "two").unwrap();
        fs::rename(folder.path().join("new"), &path).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(modified).unwrap();
        let second = KnownDigests::read(Some(&cache)).of(&path).unwrap();
        assert_ne!(second, other);
        assert_ne!(second, first);
    }

    #[test]
    fn a_file_that_was_just_written_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        fs::write(&path, "one").unwrap();
        let digests = KnownDigests::read(Some(folder.path()));
        digests.of(&path).unwrap();
        digests.write();
        assert!(!folder.path().join(FILE).exists());
    }

    #[test]
    fn a_cache_of_garbage_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "{").unwrap();
        let path = folder.path().join("weights");
        fs::write(&path, "one").unwrap();
        let digests = KnownDigests::read(Some(folder.path()));
        assert_eq!(digests.of(&path).unwrap().len(), 64);
    }
}
