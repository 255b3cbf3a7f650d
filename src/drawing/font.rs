//! The fonts of sheets: which characters they can show, how wide text is, and drawing glyphs.
//!
//! The embedded font is Inter under the SIL Open Font License (`font/LICENSE-OFL.txt`), reduced to Latin, Greek and
//! Cyrillic by `font/subset.py`: sheets in these scripts look the same on every machine. Characters that Inter lacks
//! are taken from the user's font, if one is given, or else from the system's.

mod glyphs;
mod other;

use std::sync::LazyLock;

use ab_glyph::{Font, FontArc, PxScale, ScaleFont, point};
use image::{Rgb, RgbImage};

pub use glyphs::Glyphs;
pub use other::OtherFont;

static REGULAR: LazyLock<FontArc> =
    LazyLock::new(|| embedded(include_bytes!("font/Inter-Regular.subset.otf")));
static BOLD: LazyLock<FontArc> =
    LazyLock::new(|| embedded(include_bytes!("font/Inter-SemiBold.subset.otf")));

fn embedded(bytes: &'static [u8]) -> FontArc {
    FontArc::try_from_slice(bytes).expect("the embedded fonts are whole")
}

/// The largest glyph that is drawn, in ems: those of a damaged font may take more memory than there is.
const MOST_EMS: f32 = 32.0;

/// Height of a line of text, in ems.
pub const LINE: f32 = 1.3;

/// A weight of the embedded font, with a fallback font for characters it lacks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face<'f> {
    weight: Weight,
    other: Option<&'f OtherFont>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    Regular,
    Bold,
}

impl Face<'static> {
    /// For values.
    pub const REGULAR: Self = Self {
        weight: Weight::Regular,
        other: None,
    };
    /// For names and titles.
    pub const BOLD: Self = Self {
        weight: Weight::Bold,
        other: None,
    };

    /// The same face with another fallback font, which has a single weight.
    pub fn or(self, other: Option<&OtherFont>) -> Face<'_> {
        Face { other, ..self }
    }
}

impl<'f> Face<'f> {
    fn embedded(self) -> &'static FontArc {
        match self.weight {
            Weight::Regular => &REGULAR,
            Weight::Bold => &BOLD,
        }
    }

    /// The font that shows a character; the embedded one if none can.
    fn font(self, character: char) -> &'f FontArc {
        let own = self.embedded();
        match self.other {
            Some(other) if own.glyph_id(character).0 == 0 => {
                other.font_for(character).unwrap_or(own)
            }
            _ => own,
        }
    }

    /// Width of a text in pixels, with kerning, at `em` pixels an em.
    pub fn width(self, text: &str, em: f32) -> f32 {
        self.pen_positions(text, em).1
    }

    /// Whether a character takes no space of its own, like combining accents.
    pub fn is_attached(self, character: char) -> bool {
        let font = self.font(character);
        font.h_advance_unscaled(font.glyph_id(character)) == 0.0
    }

    /// The start of each glyph, and the end of the last one.
    fn pen_positions(self, text: &str, em: f32) -> (Vec<f32>, f32) {
        let mut pen = 0.0;
        let mut previous = None;
        let mut starts = Vec::new();
        for character in text.chars() {
            let font = self.font(character);
            let scaled = font.as_scaled(scale(font, em));
            let glyph = scaled.glyph_id(character);
            if let Some((before, id)) = previous
                && std::ptr::eq(before, font)
            {
                pen += scaled.kern(id, glyph);
            }
            starts.push(pen);
            pen += scaled.h_advance(glyph);
            previous = Some((font, glyph));
        }
        (starts, pen)
    }

    /// Draws one line, with the upper left corner of its box (of height `LINE` ems) at (x, y); what is outside the
    /// canvas is cut off.
    pub fn draw(
        self,
        canvas: &mut RgbImage,
        (x, y): (u32, u32),
        text: &str,
        em: f32,
        ink: Rgb<u8>,
    ) {
        let own = self.embedded();
        let scaled = own.as_scaled(scale(own, em));
        let baseline = y as f32 + (LINE * em - scaled.height()) / 2.0 + scaled.ascent();
        let (starts, _) = self.pen_positions(text, em);
        for (character, start) in text.chars().zip(starts) {
            let font = self.font(character);
            let at = point(x as f32 + start, baseline.round());
            let glyph = font
                .glyph_id(character)
                .with_scale_and_position(scale(font, em), at);
            let Some(outline) = font.outline_glyph(glyph) else {
                continue;
            };
            let bounds = outline.px_bounds();
            if bounds.width().max(bounds.height()) > MOST_EMS * em {
                continue;
            }
            outline.draw(|dx, dy, coverage| {
                let (px, py) = (
                    bounds.min.x as i64 + i64::from(dx),
                    bounds.min.y as i64 + i64::from(dy),
                );
                blend(canvas, px, py, ink, coverage);
            });
        }
    }
}

/// ab_glyph scales by the height of a line, we by the em.
fn scale(font: &FontArc, em: f32) -> PxScale {
    let units = font.units_per_em().unwrap_or(1000.0);
    PxScale::from(em * font.height_unscaled() / units)
}

fn blend(canvas: &mut RgbImage, x: i64, y: i64, ink: Rgb<u8>, coverage: f32) {
    let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else {
        return;
    };
    if let Some(pixel) = canvas.get_pixel_mut_checked(x, y) {
        for (below, above) in pixel.0.iter_mut().zip(ink.0) {
            let mixed = f32::from(*below)
                + (f32::from(above) - f32::from(*below)) * coverage.clamp(0.0, 1.0);
            *below = mixed.round() as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_kerned() {
        let apart = Face::REGULAR.width("A", 100.0) + Face::REGULAR.width("V", 100.0);
        assert!(Face::REGULAR.width("AV", 100.0) < apart - 1.0);
    }

    #[test]
    fn text_that_leaves_the_canvas_is_cut_off() {
        let mut canvas = RgbImage::from_pixel(30, 30, Rgb([255; 3]));
        Face::BOLD.draw(&mut canvas, (5, 4), "Wide text", 40.0, Rgb([0; 3]));
        assert!(canvas.pixels().any(|pixel| pixel.0 == [0; 3]));
    }
}
