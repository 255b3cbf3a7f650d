//! The bytes of an image file: a regular file, of a size that makes sense, and the file itself.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::ImageError;
use crate::lfs;

/// Most bytes of a file.
const MAX_FILE_BYTES: u64 = 512 << 20;

/// Reads a file whole, and no more than the limit whatever the file says of its size.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, ImageError> {
    let unreadable = |source| ImageError::Unreadable {
        path: path.to_owned(),
        source,
    };
    // Asked before it is opened: opening a pipe waits for a writer.
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
