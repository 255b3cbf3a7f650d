//! Fallback fonts for characters that the embedded one lacks: the user's, or the system's.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use ab_glyph::{Font, FontArc, FontVec};

use crate::guard::guarded;
use crate::store::read_file;

mod system;

/// The largest font file in bytes; fonts with all Chinese, Japanese and Korean characters have tens of megabytes.
const LONGEST: u64 = 256 << 20;

/// A TrueType or OpenType font from a file (the first one of a collection), or several fonts of the system.
#[derive(Clone)]
pub struct OtherFont {
    paths: Vec<PathBuf>,
    fonts: Vec<FontArc>,
    is_named: bool,
}

impl OtherFont {
    /// Reads a font file.
    ///
    /// # Errors
    /// If the file cannot be read or is not a font, in words.
    pub fn read(path: &Path) -> Result<Self, String> {
        let bytes = read_file(path, LONGEST).map_err(|error| error.to_string())?;
        let font = guarded(|| FontVec::try_from_vec(bytes))
            .and_then(Result::ok)
            .ok_or("it is not a TrueType or OpenType font")?;
        if font.units_per_em().is_none() {
            return Err("it does not say the size of its em".to_owned());
        }
        Ok(Self {
            paths: vec![path.to_owned()],
            fonts: vec![font.into()],
            is_named: true,
        })
    }

    /// The fewest fonts of the system that have these characters; `None` if it has none, or the characters need
    /// shaping.
    pub fn of_system(characters: &BTreeSet<char>) -> Option<Self> {
        let wanted = characters
            .iter()
            .copied()
            .filter(|character| !needs_shaping(*character));
        let found = system::fonts_for(wanted.collect());
        let (paths, fonts): (Vec<PathBuf>, Vec<FontArc>) = found.into_iter().unzip();
        (!fonts.is_empty()).then_some(Self {
            paths,
            fonts,
            is_named: false,
        })
    }

    /// Whether the user named this font.
    pub(super) fn is_named(&self) -> bool {
        self.is_named
    }

    /// The font that can show a character, if there is one.
    pub fn font_for(&self, character: char) -> Option<&FontArc> {
        let mut fonts = self.fonts.iter();
        let font = fonts.find(|font| font.glyph_id(character).0 != 0);
        font.filter(|_| !needs_shaping(character))
    }
}

impl PartialEq for OtherFont {
    fn eq(&self, other: &Self) -> bool {
        self.paths == other.paths
    }
}

impl fmt::Debug for OtherFont {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OtherFont").field(&self.paths).finish()
    }
}

/// Scripts from right to left, and those whose letters change with their neighbours: glyphs one after
/// another would be wrong, so that a box is more honest.
pub(super) fn needs_shaping(character: char) -> bool {
    matches!(character,
        '\u{590}'..='\u{8ff}' | '\u{900}'..='\u{dff}' | '\u{f00}'..='\u{109f}' | '\u{1780}'..='\u{18af}'
        | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{11fff}' | '\u{1e800}'..='\u{1efff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawing::font::{Face, Glyphs};

    /// A font with 冬, に and ש as solid squares one em wide; written by `sample.py`.
    fn sample() -> OtherFont {
        OtherFont::read(Path::new("src/drawing/font/sample.ttf")).unwrap()
    }

    #[test]
    fn characters_that_the_embedded_font_lacks_are_taken_from_another() {
        let other = sample();
        let mut glyphs = Glyphs::new(Some(&other));
        assert_eq!(glyphs.showable("a冬に夏"), "a冬に□");
        let note = glyphs.notes().concat();
        assert!(note.contains("夏") && !note.contains("--font"), "{note}");
        let face = Face::REGULAR.or(Some(&other));
        assert_eq!(face.width("冬に", 20.0), 40.0);
        assert_eq!(face.width("ab", 20.0), Face::REGULAR.width("ab", 20.0));
        let mut canvas = image::RgbImage::from_pixel(60, 40, image::Rgb([255; 3]));
        face.draw(&mut canvas, (0, 0), "冬", 30.0, image::Rgb([0; 3]));
        let ink = canvas.pixels().filter(|pixel| pixel.0 == [0; 3]).count();
        assert!((700..=900).contains(&ink), "a square of 30 pixels: {ink}");
    }

    #[test]
    fn a_glyph_of_a_damaged_font_that_is_enormous_is_left_out() {
        let mut bytes = std::fs::read("src/drawing/font/sample.ttf").unwrap();
        let entry = bytes.windows(4).position(|tag| tag == b"head").unwrap();
        let table = u32::from_be_bytes(*bytes[entry + 8..].first_chunk().unwrap()) as usize;
        // With 16 units an em, the square of a thousand is 62 ems wide.
        bytes[table + 18..table + 20].copy_from_slice(&16_u16.to_be_bytes());
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let other = OtherFont::read(file.path()).unwrap();
        let face = Face::REGULAR.or(Some(&other));
        assert_eq!(face.width("冬", 20.0), 1250.0);
        let mut canvas = image::RgbImage::new(60, 40);
        face.draw(&mut canvas, (0, 0), "冬", 20.0, image::Rgb([255; 3]));
        assert!(canvas.pixels().all(|pixel| pixel.0 == [0; 3]));
    }

    #[test]
    fn scripts_that_need_shaping_stay_boxes() {
        let other = sample();
        assert_eq!(Glyphs::new(Some(&other)).showable("ש"), "□");
    }

    #[test]
    fn what_is_no_font_is_refused() {
        let reason = OtherFont::read(Path::new("src/drawing/font/LICENSE-OFL.txt")).unwrap_err();
        assert_eq!(reason, "it is not a TrueType or OpenType font");
        assert!(OtherFont::read(Path::new("src/drawing/font/absent.ttf")).is_err());
    }
}
