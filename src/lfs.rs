//! Git LFS: a checkout without it has small text files (pointers) in place of its large files.

/// The first bytes of a pointer (according to its specification, version 1).
pub(crate) const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// Whether a file that begins with these bytes is a pointer.
pub(crate) fn is_pointer(bytes: &[u8]) -> bool {
    bytes.starts_with(POINTER)
}
