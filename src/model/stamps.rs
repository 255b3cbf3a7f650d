//! Stamps of the files covered by a model's digest: what is loaded later must still be the same files.

use std::path::PathBuf;

use super::ModelError;
use crate::stamp::Facts;

/// Files and what tells whether one is another by now, or holds something else.
#[derive(Debug, Clone)]
pub(super) struct Stamps(Vec<(PathBuf, Facts)>);

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
