//! Reads the bytes of an image file after checking that it is a regular file of a reasonable size.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::ImageError;
use crate::lfs;

/// The largest file, in bytes.
const MAX_FILE_BYTES: u64 = 512 << 20;

/// Reads a whole file, but never more than the limit, whatever its metadata say.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, ImageError> {
    let unreadable = |source| ImageError::Unreadable {
        path: path.to_owned(),
        source,
    };
    // Checked before opening, because opening a pipe blocks until there is a writer.
    let metadata = fs::metadata(path).map_err(unreadable)?;
    let path = || path.to_owned();
    if !metadata.is_file() {
        return Err(ImageError::NotAFile { path: path() });
    }
    let mut bytes = Vec::new();
    if metadata.len() <= MAX_FILE_BYTES {
        let file = File::open(path()).map_err(unreadable)?;
        let mut file = file.take(MAX_FILE_BYTES + 1);
        file.read_to_end(&mut bytes).map_err(unreadable)?;
    }
    let size = metadata.len().max(bytes.len() as u64);
    if size > MAX_FILE_BYTES {
        let what = format!("{} MiB", size >> 20);
        return Err(ImageError::TooLarge { path: path(), what });
    }
    if bytes.is_empty() {
        return Err(ImageError::Empty { path: path() });
    }
    if lfs::is_pointer(&bytes) {
        return Err(ImageError::LfsPointer { path: path() });
    }
    Ok(bytes)
}
