//! A laid-out page becomes pixels.

use std::collections::BTreeSet;

use image::{GenericImage, Rgb, RgbImage, imageops};
use imageproc::drawing::{
    draw_antialiased_line_segment_mut, draw_filled_rect_mut, draw_hollow_rect_mut,
};
use imageproc::pixelops::interpolate;
use imageproc::rect::Rect as Area;
use rayon::prelude::*;

use super::font::Glyphs;
use super::layout::Page;
use super::metrics::{Ink, Metrics, Rect, Text};
use super::options::SheetOptions;
use super::picture::{self, Picture};
use super::text::{Shorten, Style};
use crate::plan::Cell;
use crate::store::Run;

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
const FAILED_PAPER: Rgb<u8> = Rgb([252, 239, 237]);
const FAILED_LINE: Rgb<u8> = Rgb([228, 154, 146]);
const FAILED_INK: Rgb<u8> = Rgb([164, 32, 22]);
const ADVISED: Rgb<u8> = Rgb([17, 138, 74]);

/// Pixels of an em that can just be read.
const SMALLEST_EM: f32 = 11.0;
/// Images decoded before they are put on the canvas; bounds memory.
const AT_A_TIME: usize = 64;
/// What is said of times that are not shown.
const NO_ROOM: &str = "some cells are too small for their time; --cell with more pixels makes room";

/// What drawing a page needs besides the page.
pub struct Brush<'a> {
    /// Where the images come from.
    pub run: &'a Run,
    /// Sizes.
    pub metrics: &'a Metrics<'a>,
    /// What can be shown.
    pub glyphs: Glyphs<'a>,
    /// What is shown on the cells.
    pub options: &'a SheetOptions,
}

impl Brush<'_> {
    /// Draws a page; adds what could not be shown to the notes.
    pub fn draw(&self, page: &Page, notes: &mut BTreeSet<String>) -> RgbImage {
        let mut canvas = RgbImage::from_pixel(page.width, page.height, PAPER);
        for &rule in &page.items.rules {
            fill(&mut canvas, rule, RULE);
        }
        for &place in &page.items.absent {
            self.draw_absent(&mut canvas, place);
        }
        self.draw_inputs(&mut canvas, page, notes);
        self.draw_cells(&mut canvas, page, notes);
        for text in &page.items.texts {
            draw_text(&mut canvas, text);
        }
        canvas
    }

    fn draw_inputs(&self, canvas: &mut RgbImage, page: &Page, notes: &mut BTreeSet<String>) {
        for places in page.items.inputs.chunks(AT_A_TIME) {
            let cell = |index: usize| &self.run.plan.cells[index];
            let images: Vec<_> = places
                .par_iter()
                .map(|&(place, index)| {
                    let input = self.run.inputs().read(cell(index).fitted());
                    input.map(|image| fitted(image, place))
                })
                .collect();
            for (&(place, index), image) in places.iter().zip(images) {
                match image {
                    Ok((at, image)) => paste(canvas, &image, at),
                    Err(reason) => {
                        hatch(canvas, fitted_place(place, cell(index)));
                        notes.insert(format!(
                            "input {} is not shown: {reason}; run the sweep again to have it made",
                            cell(index).parameters.image
                        ));
                    }
                }
            }
        }
    }

    fn draw_cells(&self, canvas: &mut RgbImage, page: &Page, notes: &mut BTreeSet<String>) {
        for places in page.items.cells.chunks(AT_A_TIME) {
            let pictures: Vec<Result<(Rect, RgbImage), Picture>> = places
                .par_iter()
                .map(|&(place, index)| {
                    match picture::of_cell(self.run, &self.run.plan.cells[index]) {
                        Picture::Image(image) => Ok(fitted(image, place)),
                        other => Err(other),
                    }
                })
                .collect();
            for (&(place, index), picture) in places.iter().zip(pictures) {
                let cell = &self.run.plan.cells[index];
                let (place, is_shown) = match &picture {
                    Ok((at, _)) => (*at, true),
                    Err(_) => (fitted_place(place, cell), false),
                };
                match picture {
                    Ok((at, image)) => paste(canvas, &image, at),
                    Err(Picture::Failed(reason)) => self.draw_failed(canvas, place, &reason),
                    Err(_) => hatch(canvas, place),
                }
                let inside = self.draw_outline(canvas, place, cell);
                // A time would hide why a cell failed.
                if is_shown && self.options.seconds && !self.draw_seconds(canvas, inside, cell) {
                    notes.insert(NO_ROOM.to_owned());
                }
            }
        }
    }

    /// A place that the sweep excludes: a short dash.
    fn draw_absent(&self, canvas: &mut RgbImage, place: Rect) {
        let width = (place.width / 8).max(4);
        let x = place.x + (place.width - width.min(place.width)) / 2;
        fill(
            canvas,
            Rect::new(x, place.y + place.height / 2, width, 1),
            MUTED,
        );
    }

    /// A cross, and the reason before it.
    fn draw_failed(&self, canvas: &mut RgbImage, place: Rect, reason: &str) {
        fill(canvas, place, FAILED_PAPER);
        let corner = |x: u32, y: u32| (x as i32, y as i32);
        let (right, bottom) = (place.right() - 1, place.bottom() - 1);
        for (start, end) in [
            (corner(place.x, place.y), corner(right, bottom)),
            (corner(place.x, bottom), corner(right, place.y)),
        ] {
            draw_antialiased_line_segment_mut(canvas, start, end, FAILED_LINE, interpolate);
        }
        frame(canvas, place, FAILED_LINE);
        let em = (place.width as f32 / 14.0)
            .min(self.metrics.small.em)
            .max(SMALLEST_EM);
        let style = Style {
            em,
            ..self.metrics.small
        };
        let pad = (style.em / 2.0) as u32;
        let room = place.width.saturating_sub(2 * pad);
        let most = (place.height.saturating_sub(pad) / style.line()).clamp(1, 6) as usize;
        let reason = self.glyphs.clone().showable(reason);
        let reason: String = reason.chars().take(200).collect();
        let lines = style
            .wrap(&format!("failed: {reason}"), room, most, Shorten::End)
            .lines;
        let fits = lines.iter().all(|line| style.width(line) <= room);
        if !fits || style.line() + 2 > place.height {
            return;
        }
        let height = lines.len() as u32 * style.line();
        let top = place.y + place.height.saturating_sub(height) / 2;
        for (index, line) in lines.iter().enumerate() {
            let width = style.width(line);
            let at = (
                place.x + (place.width - width) / 2,
                top + index as u32 * style.line(),
            );
            fill(
                canvas,
                Rect::new(at.0, at.1, width, style.line()),
                FAILED_PAPER,
            );
            style.face.draw(canvas, at, line, style.em, FAILED_INK);
        }
    }

    /// Pixels of an outline.
    fn outline(&self) -> u32 {
        (self.metrics.width.max(self.metrics.height) / 56).clamp(2, 12)
    }

    /// Outlines a cell that is advised; the place that is left to it.
    fn draw_outline(&self, canvas: &mut RgbImage, place: Rect, cell: &Cell) -> Rect {
        let advised = self.options.advised.as_ref();
        if !advised.is_some_and(|keys| keys.contains(&cell.key)) {
            return place;
        }
        let thick = self.outline();
        for inset in 0..=thick {
            let colour = if inset == thick { PAPER } else { ADVISED };
            if place.width > 2 * inset && place.height > 2 * inset {
                frame(canvas, place.inset(inset), colour);
            }
        }
        place.inset(thick)
    }

    /// How long the cell took, white on dark in the lower right corner; `false` if there is no room for it.
    fn draw_seconds(&self, canvas: &mut RgbImage, place: Rect, cell: &Cell) -> bool {
        let record = self.run.records.get(&cell.key);
        let Some(ms) = record.and_then(|record| record.times.total_ms()) else {
            return true;
        };
        let text = &seconds(ms);
        let style = Style {
            em: (self.metrics.small.em * 0.9).max(SMALLEST_EM),
            ..self.metrics.small
        };
        let pad = (style.em / 3.0) as u32;
        let (width, height) = (style.width(text) + 2 * pad, style.line());
        if width > place.width || height > place.height {
            return false;
        }
        let chip = Rect::new(
            place.right() - width,
            place.bottom() - height,
            width,
            height,
        );
        for y in chip.y..chip.bottom() {
            for x in chip.x..chip.right() {
                if let Some(pixel) = canvas.get_pixel_mut_checked(x, y) {
                    *pixel = interpolate(DARK, *pixel, 0.72);
                }
            }
        }
        style
            .face
            .draw(canvas, (chip.x + pad, chip.y), text, style.em, PAPER);
        true
    }
}

/// 340 ms, 1.25 s, 12.5 s, 125 s.
fn seconds(ms: f64) -> String {
    match ms / 1000.0 {
        s if s < 0.9995 => format!("{ms:.0} ms"),
        s if s < 9.995 => format!("{s:.2} s"),
        s if s < 99.95 => format!("{s:.1} s"),
        s => format!("{s:.0} s"),
    }
}

/// An image scaled into its box.
fn fitted(image: RgbImage, place: Rect) -> (Rect, RgbImage) {
    let at = place.fitted(image.width(), image.height());
    (at, picture::scaled(image, at.width, at.height))
}

/// What an image of the planned size would cover.
fn fitted_place(place: Rect, cell: &Cell) -> Rect {
    place.fitted(cell.width, cell.height)
}

fn draw_text(canvas: &mut RgbImage, text: &Text) {
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

fn area(place: Rect) -> Area {
    Area::at(place.x as i32, place.y as i32).of_size(place.width.max(1), place.height.max(1))
}

/// Fills a rectangle.
pub fn fill(canvas: &mut RgbImage, place: Rect, colour: Rgb<u8>) {
    draw_filled_rect_mut(canvas, area(place), colour);
}

fn frame(canvas: &mut RgbImage, place: Rect, colour: Rgb<u8>) {
    draw_hollow_rect_mut(canvas, area(place), colour);
}

/// Faint slanting lines: nothing here yet.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_figures() {
        let shown = [340.4, 999.7, 1254.0, 12_540.0, 125_400.0].map(seconds);
        assert_eq!(shown, ["340 ms", "1.00 s", "1.25 s", "12.5 s", "125 s"]);
    }
}
