//! Colours, shapes and text onto pixels.

use image::{GenericImage, Pixel, Rgb, RgbImage, imageops};

use super::items::{Ink, Text};
use super::rect::Rect;
use super::text::Style;

/// The ground of sheets.
pub const PAPER: Rgb<u8> = Rgb([255, 255, 255]);
/// Of values and titles.
pub const DARK: Rgb<u8> = Rgb([28, 30, 33]);
/// Of names.
pub const MUTED: Rgb<u8> = Rgb([104, 110, 120]);
/// Of thin lines.
pub const RULE: Rgb<u8> = Rgb([208, 212, 218]);
const HATCH: Rgb<u8> = Rgb([226, 229, 233]);
const EMPTY: Rgb<u8> = Rgb([247, 248, 249]);

/// Draws one line of text at its place.
pub fn draw_text(canvas: &mut RgbImage, text: &Text) {
    let ink = match text.ink {
        Ink::Dark => DARK,
        Ink::Muted => MUTED,
    };
    let Style { face, em } = text.style;
    if !text.turned {
        return face.draw(canvas, (text.rect.x, text.rect.y), &text.text, em, ink);
    }
    let mut lying = RgbImage::from_pixel(text.rect.height.max(1), text.rect.width.max(1), PAPER);
    face.draw(&mut lying, (0, 0), &text.text, em, ink);
    paste(canvas, &imageops::rotate270(&lying), text.rect);
}

/// Puts an image at a place; pages have room for everything on them.
pub fn paste(canvas: &mut RgbImage, image: &RgbImage, place: Rect) {
    let is_inside =
        place.x + image.width() <= canvas.width() && place.y + image.height() <= canvas.height();
    debug_assert!(is_inside, "{place:?} is outside of the page");
    if is_inside && canvas.copy_from(image, place.x, place.y).is_err() {
        hatch(canvas, place);
    }
}

/// Fills a rectangle.
pub fn fill(canvas: &mut RgbImage, place: Rect, colour: Rgb<u8>) {
    change(canvas, place, |_, _, pixel| *pixel = colour);
}

/// The edge of a rectangle, one pixel wide.
pub fn frame(canvas: &mut RgbImage, place: Rect, colour: Rgb<u8>) {
    let (right, bottom) = (place.right().max(1) - 1, place.bottom().max(1) - 1);
    change(canvas, place, |x, y, pixel| {
        if x == place.x || x == right || y == place.y || y == bottom {
            *pixel = colour;
        }
    });
}

/// The diagonals of a rectangle.
pub fn cross(canvas: &mut RgbImage, place: Rect, colour: Rgb<u8>) {
    let (right, bottom) = (place.right() - 1, place.bottom() - 1);
    line(canvas, (place.x, place.y), (right, bottom), colour);
    line(canvas, (place.x, bottom), (right, place.y), colour);
}

/// A line without stairs: each step along its longer side is shared by the two pixels that it lies between (Wu, 1991).
fn line(canvas: &mut RgbImage, start: (u32, u32), end: (u32, u32), colour: Rgb<u8>) {
    let (across, down) = (end.0.abs_diff(start.0), end.1.abs_diff(start.1));
    let steps = across.max(down).max(1);
    for step in 0..=steps {
        let at = |from: u32, to: u32| {
            f64::from(from) + (f64::from(to) - f64::from(from)) * f64::from(step) / f64::from(steps)
        };
        let (x, y) = (at(start.0, end.0), at(start.1, end.1));
        let (share, right, below) = match down > across {
            true => (x.fract(), 1, 0),
            false => (y.fract(), 0, 1),
        };
        let (x, y, share) = (x as u32, y as u32, share as f32);
        for (x, y, weight) in [(x, y, 1.0 - share), (x + right, y + below, share)] {
            if let Some(pixel) = canvas.get_pixel_mut_checked(x, y) {
                *pixel = blend(colour, *pixel, weight);
            }
        }
    }
}

/// Covers a rectangle with a colour through which a little of what lies below is seen.
pub fn veil(canvas: &mut RgbImage, place: Rect, colour: Rgb<u8>) {
    change(canvas, place, |_, _, pixel| {
        *pixel = blend(colour, *pixel, 0.72);
    });
}

/// A share of one colour and the rest of another.
fn blend(over: Rgb<u8>, under: Rgb<u8>, share: f32) -> Rgb<u8> {
    over.map2(&under, |over, under| {
        (f32::from(over) * share + f32::from(under) * (1.0 - share)) as u8
    })
}

/// Changes each pixel of a rectangle that is on the canvas.
fn change(canvas: &mut RgbImage, place: Rect, change: impl Fn(u32, u32, &mut Rgb<u8>)) {
    for y in place.y..place.bottom().min(canvas.height()) {
        for x in place.x..place.right().min(canvas.width()) {
            change(x, y, canvas.get_pixel_mut(x, y));
        }
    }
}

/// Faint slanting lines: nothing here yet.
pub fn hatch(canvas: &mut RgbImage, place: Rect) {
    change(canvas, place, |x, y, pixel| {
        *pixel = if (x + y) % 10 < 2 { HATCH } else { EMPTY };
    });
    frame(canvas, place, HATCH);
}
