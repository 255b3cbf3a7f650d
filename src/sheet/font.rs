//! The embedded font: what it can show, how wide text is, and glyphs onto a canvas.
//!
//! Inter under the SIL Open Font License (`font/LICENSE-OFL.txt`), cut to Latin, Greek and Cyrillic
//! by `font/subset.py`. Sheets look the same on every machine because no system font is asked for.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};
use image::{Rgb, RgbImage};

static REGULAR: LazyLock<FontRef<'static>> =
    LazyLock::new(|| embedded(include_bytes!("font/Inter-Regular.subset.otf")));
static BOLD: LazyLock<FontRef<'static>> =
    LazyLock::new(|| embedded(include_bytes!("font/Inter-SemiBold.subset.otf")));

fn embedded(bytes: &'static [u8]) -> FontRef<'static> {
    FontRef::try_from_slice(bytes).expect("the embedded fonts are whole")
}

/// What stands for a character that the font lacks.
const BOX: char = '□';

/// Height of a line of text, in ems.
pub const LINE: f32 = 1.3;

/// A weight of the embedded font.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// Values.
    Regular,
    /// Names and titles.
    Bold,
}

impl Face {
    fn font(self) -> &'static FontRef<'static> {
        match self {
            Self::Regular => &REGULAR,
            Self::Bold => &BOLD,
        }
    }

    /// ab_glyph scales by the height of a line, people by the em.
    fn scale(self, em: f32) -> PxScale {
        let font = self.font();
        let units = font.units_per_em().unwrap_or(1000.0);
        PxScale::from(em * font.height_unscaled() / units)
    }

    /// Advance of a text in pixels, kerned, at an em of `em` pixels.
    pub fn width(self, text: &str, em: f32) -> f32 {
        self.pens(text, em).1
    }

    /// Whether a character takes no room of its own, as combining accents do.
    pub fn is_attached(self, character: char) -> bool {
        let font = self.font();
        font.h_advance_unscaled(font.glyph_id(character)) == 0.0
    }

    /// Where each glyph starts, and where the last one ends.
    fn pens(self, text: &str, em: f32) -> (Vec<f32>, f32) {
        let font = self.font().as_scaled(self.scale(em));
        let mut pen = 0.0;
        let mut previous = None;
        let mut starts = Vec::new();
        for character in text.chars() {
            let glyph = font.glyph_id(character);
            if let Some(previous) = previous {
                pen += font.kern(previous, glyph);
            }
            starts.push(pen);
            pen += font.h_advance(glyph);
            previous = Some(glyph);
        }
        (starts, pen)
    }

    /// Draws one line whose box of [`LINE`] ems has its upper left corner at (x, y); what falls
    /// outside the canvas is cut off.
    pub fn draw(
        self,
        canvas: &mut RgbImage,
        (x, y): (u32, u32),
        text: &str,
        em: f32,
        ink: Rgb<u8>,
    ) {
        let font = self.font();
        let scale = self.scale(em);
        let scaled = font.as_scaled(scale);
        let baseline = y as f32 + (LINE * em - scaled.height()) / 2.0 + scaled.ascent();
        let (starts, _) = self.pens(text, em);
        for (character, start) in text.chars().zip(starts) {
            let at = point(x as f32 + start, baseline.round());
            let glyph = font.glyph_id(character).with_scale_and_position(scale, at);
            let Some(outline) = font.outline_glyph(glyph) else {
                continue;
            };
            let bounds = outline.px_bounds();
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

/// Text as the font can show it: white space becomes single spaces, invisible characters go, and
/// what has no glyph becomes a box and is added to `missing`.
pub fn showable(text: &str, missing: &mut BTreeSet<char>) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_whitespace() {
            if !shown.ends_with(' ') {
                shown.push(' ');
            }
        } else if is_invisible(character) {
            // Joiners, direction marks and variation selectors have no look of their own.
        } else if has_glyph(character) {
            shown.push(character);
        } else {
            missing.insert(character);
            shown.push(BOX);
        }
    }
    shown.trim().to_owned()
}

fn has_glyph(character: char) -> bool {
    REGULAR.glyph_id(character).0 != 0
}

fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e01ef}')
}

/// What to tell of characters without glyphs, if there are any.
pub fn missing_note(missing: &BTreeSet<char>) -> Option<String> {
    const NAMED: usize = 12;
    if missing.is_empty() {
        return None;
    }
    let named: Vec<String> = missing
        .iter()
        .take(NAMED)
        .map(|&c| match c.is_control() {
            true => format!("U+{:04X}", c as u32),
            false => format!("{c} (U+{:04X})", c as u32),
        })
        .collect();
    let more = match missing.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!(
        "the font of contact sheets has no glyphs for {}{more}; they are shown as {BOX}",
        named.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latin_greek_and_cyrillic_have_glyphs_and_others_are_reported() {
        let mut missing = BTreeSet::new();
        let text = "Zürich Łódź ΑΒΓ αβγ άέ ᾧ Зима ёЁ № 5 € → × … “q” – ґїќ Ðþ";
        assert_eq!(showable(text, &mut missing), text);
        assert!(missing.is_empty(), "{missing:?}");
        assert_eq!(showable("冬 שלום", &mut missing), "□ □□□□");
        assert_eq!(missing.len(), 5);
        let note = missing_note(&missing).unwrap();
        assert!(note.contains("冬 (U+51AC)"), "{note}");
    }

    #[test]
    fn control_and_invisible_characters_do_not_reach_the_canvas() {
        let mut missing = BTreeSet::new();
        assert_eq!(
            showable(" a\n\t b\u{200d}\u{202e}c\u{7}", &mut missing),
            "a bc□"
        );
        assert_eq!(missing_note(&missing).unwrap().matches("U+0007").count(), 1);
    }

    #[test]
    fn pairs_are_kerned() {
        let apart = Face::Regular.width("A", 100.0) + Face::Regular.width("V", 100.0);
        assert!(Face::Regular.width("AV", 100.0) < apart - 1.0);
    }

    #[test]
    fn text_that_leaves_the_canvas_is_cut_off() {
        let mut canvas = RgbImage::from_pixel(30, 30, Rgb([255; 3]));
        Face::Bold.draw(&mut canvas, (5, 4), "Wide text", 40.0, Rgb([0; 3]));
        assert!(canvas.pixels().any(|pixel| pixel.0 == [0; 3]));
    }
}
