//! Pictures of what differs: expected, actual and heat map side by side, a row a cell.

use std::path::PathBuf;

use image::{GenericImage, Rgb, RgbImage};

use super::difference::{difference, heat_map};
use crate::image::read;
use crate::sheet::{Face, Shorten, Style, scaled};

/// Longest side of a picture in pixels.
const SIDE: u32 = 320;
/// Space around pictures.
const GAP: u32 = 12;
/// Most pixels of a sheet.
const MOST_PIXELS: u64 = 100_000_000;
const PAPER: Rgb<u8> = Rgb([255, 255, 255]);
const NOTHING: Rgb<u8> = Rgb([238, 240, 243]);
const INK: Rgb<u8> = Rgb([28, 30, 33]);

/// A row: two images that may be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strip {
    /// What stands above.
    pub title: String,
    /// A line under that.
    pub detail: String,
    /// The first picture.
    pub expected: Option<PathBuf>,
    /// The second picture.
    pub actual: Option<PathBuf>,
}

/// Draws rows of expected, actual and heat map under three headings; returns the sheet and how many rows
/// are on it, since a sheet does not grow past 100 megapixels. An image that cannot be read stays grey.
pub fn draw_strips(strips: &[Strip], headings: [&str; 3]) -> (RgbImage, usize) {
    let bold = Style {
        face: Face::BOLD,
        em: 15.0,
    };
    let plain = Style {
        face: Face::REGULAR,
        em: 13.0,
    };
    let width = 3 * SIDE + 4 * GAP;
    let row_height = bold.line() + plain.line() + SIDE + 2 * GAP;
    let head_height = bold.line() + 2 * GAP;
    let most = (MOST_PIXELS / u64::from(width) - u64::from(head_height)) / u64::from(row_height);
    let rows = strips.len().min(most as usize);
    let mut sheet = RgbImage::from_pixel(width, head_height + rows as u32 * row_height, PAPER);
    let left = |column: u32| GAP + column * (SIDE + GAP);
    for (column, heading) in (0..).zip(headings) {
        write(&mut sheet, bold, (left(column), GAP), heading, SIDE);
    }
    for (index, strip) in (0..).zip(&strips[..rows]) {
        let top = head_height + index * row_height;
        write(&mut sheet, bold, (GAP, top), &strip.title, width - 2 * GAP);
        write(
            &mut sheet,
            plain,
            (GAP, top + bold.line()),
            &strip.detail,
            width - 2 * GAP,
        );
        let y = top + bold.line() + plain.line() + GAP / 2;
        for (column, picture) in (0..).zip(pictures(strip)) {
            put(&mut sheet, picture, (left(column), y));
        }
    }
    (sheet, rows)
}

/// Expected, actual, and where they differ.
fn pictures(strip: &Strip) -> [Option<RgbImage>; 3] {
    let picture = |path: &Option<PathBuf>| Some(read(path.as_ref()?).ok()?.0);
    let (expected, actual) = (picture(&strip.expected), picture(&strip.actual));
    let heat = expected
        .as_ref()
        .zip(actual.as_ref())
        .and_then(|(expected, actual)| {
            let (_, map) = difference(expected, actual).ok()?;
            Some(heat_map(&map))
        });
    [expected, actual, heat]
}

fn write(sheet: &mut RgbImage, style: Style, at: (u32, u32), text: &str, width: u32) {
    let lines = style.wrap(text, width, 1, Shorten::Middle).lines;
    if let Some(line) = lines.first() {
        style.face.draw(sheet, at, line, style.em, INK);
    }
}

fn put(sheet: &mut RgbImage, picture: Option<RgbImage>, (x, y): (u32, u32)) {
    let picture = picture.map_or_else(
        || RgbImage::from_pixel(SIDE, SIDE, NOTHING),
        |picture| {
            let (width, height) = picture.dimensions();
            let longest = width.max(height).max(1);
            // Small pictures by whole factors, so that a pixel stays one.
            let whole = (SIDE / longest).max(1);
            let (wide, high) = if longest <= SIDE {
                (width * whole, height * whole)
            } else {
                (
                    (width * SIDE / longest).max(1),
                    (height * SIDE / longest).max(1),
                )
            };
            if longest <= SIDE {
                image::imageops::resize(&picture, wide, high, image::imageops::FilterType::Nearest)
            } else {
                scaled(picture, wide, high)
            }
        },
    );
    // Rows have room for every picture, so that copying cannot fail.
    let copied = sheet.copy_from(&picture, x, y);
    debug_assert!(copied.is_ok());
}
