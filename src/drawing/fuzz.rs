//! The door of [`crate::fuzzing`] to the texts of PNGs.

use std::io::Cursor;

use image::RgbImage;

use super::encode::{Format, encode, parameters_of_png};

/// The parameters in a PNG are the same in another PNG.
pub fn png_text(bytes: &[u8]) {
    let Some(parameters) = parameters_of_png(Cursor::new(bytes)) else {
        return;
    };
    if let Ok(again) = encode(&RgbImage::new(1, 1), Format::Png, None, &parameters) {
        assert_eq!(parameters_of_png(Cursor::new(again)), Some(parameters));
    }
}
