//! The entry point of [`crate::fuzzing`] for images.

use std::path::Path;

use super::Colour;
use super::read::upright;
use crate::guard;

/// Checks that an image that can be read has pixels.
pub fn picture(bytes: &[u8]) {
    guard::hide_from_hook();
    if let Ok((image, _)) = upright(bytes, Path::new("picture"), Colour::Srgb) {
        assert!(!image.as_raw().is_empty());
    }
}
