//! Details of a file's colour mode that decoding hides but masks depend on: palettes and single bits.

use std::io::Cursor;

use image::ImageFormat;
use png::{BitDepth, ColorType};

/// The first colour of an image's palette; black for an image with 1 bit a pixel. `None` for other images, and for
/// palettes that are the greys in order (Pillow treats these as grey).
pub(super) fn first_of_palette(format: ImageFormat, bytes: &[u8]) -> Option<[u8; 3]> {
    match format {
        ImageFormat::Png => of_png(bytes),
        ImageFormat::Gif => {
            let flags = *bytes.get(10)?;
            let colours = if flags & 0x80 == 0 {
                0
            } else {
                2 << (flags & 7)
            };
            let palette = bytes.get(13..13 + 3 * colours)?;
            of_colours(palette.as_chunks().0)
        }
        ImageFormat::Bmp => of_bmp(bytes),
        _ => None,
    }
}

/// Whether an image has an alpha channel, as opposed to at most a single transparent colour.
pub(super) fn has_alpha(format: ImageFormat, bytes: &[u8]) -> bool {
    if format != ImageFormat::Png {
        return !matches!(format, ImageFormat::Gif | ImageFormat::Bmp);
    }
    let colour = png_info(bytes).map(|info| info.color_type);
    matches!(colour, Some(ColorType::GrayscaleAlpha | ColorType::Rgba))
}

fn png_info(bytes: &[u8]) -> Option<png::Info<'static>> {
    let reader = png::Decoder::new(Cursor::new(bytes)).read_info().ok()?;
    Some(reader.info().clone())
}

fn of_png(bytes: &[u8]) -> Option<[u8; 3]> {
    let info = png_info(bytes)?;
    match (info.color_type, info.bit_depth) {
        (ColorType::Grayscale, BitDepth::One) => Some([0; 3]),
        (ColorType::Indexed, _) => {
            let first = info.palette?.first_chunk().copied();
            Some(first.unwrap_or_default())
        }
        _ => None,
    }
}

/// BITMAPINFOHEADER or a later header; colours are stored as blue, green, red and an unused byte.
fn of_bmp(bytes: &[u8]) -> Option<[u8; 3]> {
    let number = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let header = number(14)?;
    let bits = number(28)? & 0xffff;
    if header < 40 || !(1..=8).contains(&bits) {
        return None;
    }
    let used = match number(46)? {
        0 => 1 << bits,
        used => used.min(256),
    };
    let start = 14 + header as usize;
    let palette = bytes.get(start..start.checked_add(4 * used as usize)?)?;
    let colours = palette.as_chunks().0.iter();
    let colours: Vec<[u8; 3]> = colours
        .map(|&[blue, green, red, _]| [red, green, blue])
        .collect();
    of_colours(&colours)
}

fn of_colours(colours: &[[u8; 3]]) -> Option<[u8; 3]> {
    let greys =
        |(level, colour): (usize, &[u8; 3])| colour.iter().all(|&c| usize::from(c) == level);
    if colours.len() == 256 && colours.iter().enumerate().all(greys) {
        return None;
    }
    colours.first().copied()
}
