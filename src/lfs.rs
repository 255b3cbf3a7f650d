//! Git LFS: a checkout without it holds short texts, pointers, where its large files should be.

/// The first bytes of a pointer (its specification, version 1).
pub(crate) const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// Whether a file that begins so is a pointer.
pub(crate) fn is_pointer(bytes: &[u8]) -> bool {
    bytes.starts_with(POINTER)
}
