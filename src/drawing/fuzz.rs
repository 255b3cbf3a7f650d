//! The entry points of [`crate::fuzzing`] for the texts of PNGs and for fonts.

use std::io::Cursor;
use std::path::Path;

use image::{Rgb, RgbImage};

use super::encode::{Format, encode, parameters_of_png};
use super::font::{Face, OtherFont};
use crate::guard;

/// Checks that the parameters read from a PNG can be stored in another PNG and read back.
pub fn png_text(bytes: &[u8]) {
    let Some(parameters) = parameters_of_png(Cursor::new(bytes)) else {
        return;
    };
    if let Ok(again) = encode(&RgbImage::new(1, 1), Format::Png, None, &parameters) {
        assert_eq!(parameters_of_png(Cursor::new(again)), Some(parameters));
    }
}

/// Draws a line of text with a font of the user's.
pub fn font(bytes: &[u8]) {
    guard::hide_from_hook();
    let Ok(font) = OtherFont::of_bytes(bytes.to_vec(), Path::new("font")) else {
        return;
    };
    let face = Face::REGULAR.or(Some(&font));
    let text = "make it 冬 ש";
    face.width(text, 20.0);
    face.draw(&mut RgbImage::new(256, 32), (2, 2), text, 20.0, Rgb([0; 3]));
}
