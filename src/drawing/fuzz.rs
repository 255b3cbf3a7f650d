//! The entry point of [`crate::fuzzing`] for the texts of PNGs.

use std::io::Cursor;

use image::RgbImage;

use super::encode::{Format, encode, parameters_of_png};

/// Checks that the parameters read from a PNG can be stored in another PNG and read back.
pub fn png_text(bytes: &[u8]) {
    let Some(parameters) = parameters_of_png(Cursor::new(bytes)) else {
        return;
    };
    if let Ok(again) = encode(&RgbImage::new(1, 1), Format::Png, None, &parameters) {
        assert_eq!(parameters_of_png(Cursor::new(again)), Some(parameters));
    }
}
