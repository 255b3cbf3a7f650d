//! The door of [`crate::fuzzing`] to images.

use std::path::Path;

use super::Colour;
use super::read::upright;

/// An image that is read has pixels.
pub fn picture(bytes: &[u8]) {
    if let Ok((image, _)) = upright(bytes, Path::new("picture"), Colour::Srgb) {
        assert!(!image.as_raw().is_empty());
    }
}
