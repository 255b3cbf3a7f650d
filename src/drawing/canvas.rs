//! Draws colours, shapes and text.

use image::{GenericImage, Rgb, RgbImage, imageops};
use imageproc::drawing::{
    draw_antialiased_line_segment_mut, draw_filled_rect_mut, draw_hollow_rect_mut,
};
use imageproc::pixelops::interpolate;
use imageproc::rect::Rect as Area;

use super::items::{Ink, Text};
use super::rect::Rect;
use super::text::Style;

/// The background of sheets.
pub const PAPER: Rgb<u8> = Rgb([255, 255, 255]);
/// The colour of values and titles.
pub const DARK: Rgb<u8> = Rgb([28, 30, 33]);
/// The colour of names.
pub const MUTED: Rgb<u8> = Rgb([104, 110, 120]);
/// The colour of thin lines.
pub const RULE: Rgb<u8> = Rgb([208, 212, 218]);
const HATCH: Rgb<u8> = Rgb([226, 229, 233]);
const EMPTY: Rgb<u8> = Rgb([247, 248, 249]);

/// Draws a line of text at its place.
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

/// Draws an image at a place, which must be inside the canvas.
pub fn paste(canvas: &mut RgbImage, image: &RgbImage, place: Rect) {
    let is_inside =
        place.x + image.width() <= canvas.width() && place.y + image.height() <= canvas.height();
    debug_assert!(is_inside, "{place:?} is outside of the page");
    if is_inside && canvas.copy_from(image, place.x, place.y).is_err() {
        hatch(canvas, place);
    }
}

fn area(place: Rect) -> Area {
    Area::at(place.x as i32, place.y as i32).of_size(place.width.max(1), place.height.max(1))
}

/// Fills a rectangle.
pub fn fill(canvas: &mut RgbImage, place: Rect, colour: Rgb<u8>) {
    draw_filled_rect_mut(canvas, area(place), colour);
}

/// Draws the edge of a rectangle, one pixel wide.
pub fn frame(canvas: &mut RgbImage, place: Rect, colour: Rgb<u8>) {
    draw_hollow_rect_mut(canvas, area(place), colour);
}

/// Draws the diagonals of a rectangle.
pub fn cross(canvas: &mut RgbImage, place: Rect, colour: Rgb<u8>) {
    let corner = |x: u32, y: u32| (x as i32, y as i32);
    let (right, bottom) = (place.right() - 1, place.bottom() - 1);
    for (start, end) in [
        (corner(place.x, place.y), corner(right, bottom)),
        (corner(place.x, bottom), corner(right, place.y)),
    ] {
        draw_antialiased_line_segment_mut(canvas, start, end, colour, interpolate);
    }
}

/// Covers a rectangle with a colour that lets a little of the content show through.
pub fn veil(canvas: &mut RgbImage, place: Rect, colour: Rgb<u8>) {
    for y in place.y..place.bottom() {
        for x in place.x..place.right() {
            if let Some(pixel) = canvas.get_pixel_mut_checked(x, y) {
                *pixel = interpolate(colour, *pixel, 0.72);
            }
        }
    }
}

/// Draws faint diagonal lines, which mean that there is nothing yet.
pub fn hatch(canvas: &mut RgbImage, place: Rect) {
    for y in place.y..place.bottom() {
        for x in place.x..place.right() {
            let colour = if (x + y) % 10 < 2 { HATCH } else { EMPTY };
            if let Some(pixel) = canvas.get_pixel_mut_checked(x, y) {
                *pixel = colour;
            }
        }
    }
    frame(canvas, place, HATCH);
}
