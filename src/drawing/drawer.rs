//! Draws what was laid out.

use std::collections::BTreeSet;

use image::{Rgb, RgbImage};
use rayon::prelude::*;

use super::canvas::{DARK, MUTED, PAPER, RULE, cross, draw_text, fill, frame, hatch, paste, veil};
use super::font::Glyphs;
use super::items::Items;
use super::picture::{Caption, Picture, Source, scaled};
use super::rect::Rect;
use super::text::{Shorten, Style};

const FAILED_PAPER: Rgb<u8> = Rgb([252, 239, 237]);
const FAILED_LINE: Rgb<u8> = Rgb([228, 154, 146]);
const FAILED_INK: Rgb<u8> = Rgb([164, 32, 22]);
const OUTLINE: Rgb<u8> = Rgb([17, 138, 74]);

/// The smallest legible em, in pixels.
const SMALLEST_EM: f32 = 11.0;
/// How many pictures are decoded at a time, to limit memory.
const AT_A_TIME: usize = 64;

/// Draws sheets with pictures from one source.
pub struct Drawer<'a, S> {
    /// The source of pictures.
    pub source: &'a S,
    /// The style of captions and reasons.
    pub small: Style<'a>,
    /// Which characters can be shown.
    pub glyphs: Glyphs<'a>,
    /// Width of an outline in pixels.
    pub outline: u32,
}

impl<S: Source> Drawer<'_, S> {
    /// Draws a sheet; adds notes on what could not be shown.
    pub fn draw(
        &self,
        (width, height): (u32, u32),
        items: &Items<S::Key>,
        notes: &mut BTreeSet<String>,
    ) -> RgbImage {
        let mut canvas = RgbImage::from_pixel(width, height, PAPER);
        for &rule in &items.rules {
            fill(&mut canvas, rule, RULE);
        }
        for &place in &items.absent {
            draw_absent(&mut canvas, place);
        }
        for places in items.pictures.chunks(AT_A_TIME) {
            let pictures: Vec<_> = places
                .par_iter()
                .map(|&(place, key)| self.picture(place, key))
                .collect();
            for (&(_, key), (place, picture)) in places.iter().zip(pictures) {
                self.draw_picture(&mut canvas, place, key, picture, notes);
            }
        }
        for text in &items.texts {
            draw_text(&mut canvas, text);
        }
        canvas
    }

    /// A picture at the size of its place, and the part of its box that it covers.
    fn picture(&self, place: Rect, key: S::Key) -> (Rect, Picture) {
        match self.source.picture(key) {
            Picture::Image(image) => {
                let at = place.fitted(image.width(), image.height());
                (at, Picture::Image(scaled(image, at.width, at.height)))
            }
            absent @ (Picture::Failed(_) | Picture::Missing(_)) => {
                let (width, height) = self.source.size(key);
                (place.fitted(width, height), absent)
            }
        }
    }

    fn draw_picture(
        &self,
        canvas: &mut RgbImage,
        place: Rect,
        key: S::Key,
        picture: Picture,
        notes: &mut BTreeSet<String>,
    ) {
        let marks = self.source.marks(key);
        let is_shown = matches!(picture, Picture::Image(_));
        match picture {
            Picture::Image(image) => paste(canvas, &image, place),
            Picture::Failed(reason) => self.draw_failed(canvas, place, &reason),
            Picture::Missing(note) => {
                hatch(canvas, place);
                notes.extend(note);
            }
        }
        let inside = match marks.outlined {
            true => self.draw_outline(canvas, place),
            false => place,
        };
        // A caption would hide the reason why a cell failed.
        if let Some(caption) = marks.caption.filter(|_| is_shown)
            && !self.draw_caption(canvas, inside, &caption)
        {
            notes.insert(caption.no_room.to_owned());
        }
    }

    /// Draws a cross with the reason in front of it.
    fn draw_failed(&self, canvas: &mut RgbImage, place: Rect, reason: &str) {
        fill(canvas, place, FAILED_PAPER);
        cross(canvas, place, FAILED_LINE);
        frame(canvas, place, FAILED_LINE);
        let em = (place.width as f32 / 14.0)
            .min(self.small.em)
            .max(SMALLEST_EM);
        let style = Style { em, ..self.small };
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
            let x = place.x + (place.width - width) / 2;
            let y = top + index as u32 * style.line();
            fill(canvas, Rect::new(x, y, width, style.line()), FAILED_PAPER);
            style.face.draw(canvas, (x, y), line, style.em, FAILED_INK);
        }
    }

    /// Outlines a picture; returns the place left inside.
    fn draw_outline(&self, canvas: &mut RgbImage, place: Rect) -> Rect {
        let thick = self.outline;
        for inset in 0..=thick {
            let colour = if inset == thick { PAPER } else { OUTLINE };
            if place.width > 2 * inset && place.height > 2 * inset {
                frame(canvas, place.inset(inset), colour);
            }
        }
        place.inset(thick)
    }

    /// Draws white text on dark in the lower right corner; returns `false` if there is no space for it.
    fn draw_caption(&self, canvas: &mut RgbImage, place: Rect, caption: &Caption) -> bool {
        let text = &caption.text;
        let style = Style {
            em: (self.small.em * 0.9).max(SMALLEST_EM),
            ..self.small
        };
        let pad = (style.em / 3.0) as u32;
        let (width, height) = (style.width(text) + 2 * pad, style.line());
        if width > place.width || height > place.height {
            return false;
        }
        let (x, y) = (place.right() - width, place.bottom() - height);
        veil(canvas, Rect::new(x, y, width, height), DARK);
        style.face.draw(canvas, (x + pad, y), text, style.em, PAPER);
        true
    }
}

/// Draws a short dash for a place that is left out.
fn draw_absent(canvas: &mut RgbImage, place: Rect) {
    let width = (place.width / 8).max(4);
    let x = place.x + (place.width - width.min(place.width)) / 2;
    let y = place.y + place.height / 2;
    fill(canvas, Rect::new(x, y, width, 1), MUTED);
}
