//! Opens files of a model folder and recognises the common ways in which one is unusable.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::{KnownDigests, ModelError};
use crate::digest::{Sha256Sum, hexadecimal};
use crate::lfs;
use crate::parallel::try_collect;

/// The largest text file, in bytes; the largest tokenizers take a few megabytes.
const LONGEST_TEXT: u64 = 64 << 20;

/// Size of a file, which must not be empty or an LFS pointer.
pub(super) fn size(path: &Path) -> Result<u64, ModelError> {
    let failed = |source| ModelError::reading(path, source);
    let metadata = path.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(ModelError::Missing {
            path: path.to_owned(),
        });
    }
    if metadata.len() == 0 {
        return Err(ModelError::Empty {
            path: path.to_owned(),
        });
    }
    let mut start = Vec::with_capacity(lfs::POINTER.len());
    File::open(path)
        .and_then(|file| file.take(lfs::POINTER.len() as u64).read_to_end(&mut start))
        .map_err(failed)?;
    if lfs::is_pointer(&start) {
        return Err(ModelError::LfsPointer {
            path: path.to_owned(),
        });
    }
    Ok(metadata.len())
}

/// The text of a small file.
pub(super) fn text(path: &Path) -> Result<String, ModelError> {
    if size(path)? > LONGEST_TEXT {
        let source = std::io::Error::new(std::io::ErrorKind::InvalidData, "it is too large");
        return Err(ModelError::reading(path, source));
    }
    std::fs::read_to_string(path).map_err(|source| ModelError::reading(path, source))
}

/// The file with the weights of `model` (an ONNX file), which must be inside `root` or, if `model` is a link, beside
/// the file it links to.
///
/// ONNX Runtime itself would follow `..`, absolute paths and symbolic links, so that a model from a stranger could make
/// it read any file.
pub(super) fn external(root: &Path, model: &Path, location: &str) -> Result<PathBuf, ModelError> {
    let outside = || ModelError::ExternalDataOutside {
        path: model.to_owned(),
        location: location.to_owned(),
    };
    let relative = Path::new(location);
    let plain = relative
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if location.is_empty() || !plain || location.contains('\\') {
        return Err(outside());
    }
    let path = model.parent().unwrap_or(root).join(relative);
    size(&path)?;
    let real = |path: &Path| {
        path.canonicalize()
            .map_err(|source| ModelError::reading(path, source))
    };
    // In a hub's cache both are links into a folder of blobs, which is where the graph really is.
    let (data, graph) = (real(&path)?, real(model)?);
    if data.starts_with(real(root)?) || data.parent() == graph.parent() {
        Ok(path)
    } else {
        Err(outside())
    }
}

/// SHA-256, in hexadecimal, over the names (relative to `root`, with `/`), sizes and contents of files.
///
/// It does not depend on the order of `paths`.
pub(super) fn digest(
    root: &Path,
    paths: &[PathBuf],
    known: &KnownDigests,
) -> Result<String, ModelError> {
    let mut whole = Sha256::new();
    for (name, hash) in digests(root, paths, known)? {
        whole.update((name.len() as u64).to_le_bytes());
        whole.update(name);
        let sum = Sha256Sum::try_from(Cow::from(hash)).unwrap_or_default();
        whole.update(sum.bytes());
    }
    Ok(hexadecimal(&whole.finalize()))
}

/// SHA-256 of each file, by name relative to `root`, with `/`.
pub(super) fn digests(
    root: &Path,
    paths: &[PathBuf],
    known: &KnownDigests,
) -> Result<BTreeMap<String, String>, ModelError> {
    let entries = paths.par_iter().map(|path| {
        let relative = path.strip_prefix(root).unwrap_or(path);
        let name: Vec<_> = relative
            .components()
            .map(|part| part.as_os_str().to_string_lossy())
            .collect();
        known.of(path).map(|sha256| (name.join("/"), sha256))
    });
    Ok(try_collect(entries)?.into_iter().collect())
}
