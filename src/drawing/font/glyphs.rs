//! Which characters can be shown, and a note on those that cannot.

use std::collections::BTreeSet;

use ab_glyph::Font;

use super::other::needs_shaping;
use super::{OtherFont, REGULAR};

/// The replacement for a character that no font has.
const BOX: char = '□';

/// Replaces characters that cannot be shown, and keeps track of them.
#[derive(Debug, Clone, Default)]
pub struct Glyphs<'f> {
    other: Option<&'f OtherFont>,
    missing: BTreeSet<char>,
}

impl<'f> Glyphs<'f> {
    /// For the embedded font and a fallback font.
    pub fn new(other: Option<&'f OtherFont>) -> Self {
        Self {
            other,
            missing: BTreeSet::new(),
        }
    }

    /// The text as the fonts can show it: white space becomes single spaces, invisible characters are removed, and
    /// characters without a glyph become boxes.
    pub fn showable(&mut self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        for character in text.chars() {
            if character.is_whitespace() {
                if !shown.ends_with(' ') {
                    shown.push(' ');
                }
            } else if is_invisible(character) {
                // Joiners, direction marks and variation selectors have no glyph of their own.
            } else if self.has(character) {
                shown.push(character);
            } else {
                self.missing.insert(character);
                shown.push(BOX);
            }
        }
        shown.trim().to_owned()
    }

    fn has(&self, character: char) -> bool {
        let in_other = || self.other?.font_for(character);
        REGULAR.glyph_id(character).0 != 0 || in_other().is_some()
    }

    /// The characters that no font had.
    pub fn missing(&self) -> &BTreeSet<char> {
        &self.missing
    }

    /// What to say about characters without glyphs: about those that another font has, and about those that no font helps,
    /// since they need shaping.
    pub fn notes(&self) -> Vec<String> {
        let (shaped, plain): (Vec<char>, Vec<char>) =
            self.missing.iter().partition(|&&c| needs_shaping(c));
        let remedy = match self.other {
            Some(other) if other.is_named() => "",
            _ => "; sheet.font or --font gives another font",
        };
        let without_glyphs = (!plain.is_empty()).then(|| {
            format!(
                "the font of contact sheets has no glyphs for {}; they are shown as {BOX}{remedy}",
                named(&plain)
            )
        });
        let without_shape = (!shaped.is_empty()).then(|| {
            format!(
                "contact sheets cannot show scripts in which letters change with their neighbours or run from right to \
                 left: {} are shown as {BOX}; the report shows them as they are",
                named(&shaped)
            )
        });
        without_glyphs.into_iter().chain(without_shape).collect()
    }
}

/// The first of these characters with their numbers, and how many more there are.
fn named(characters: &[char]) -> String {
    const NAMED: usize = 12;
    let name = |&c: &char| match c.is_control() {
        true => format!("U+{:04X}", c as u32),
        false => format!("{c} (U+{:04X})", c as u32),
    };
    let named: Vec<String> = characters.iter().take(NAMED).map(name).collect();
    let more = match characters.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", named.join(", "))
}

fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latin_greek_and_cyrillic_have_glyphs_and_others_are_reported() {
        let mut glyphs = Glyphs::default();
        let text = "Zürich Łódź ΑΒΓ αβγ άέ ᾧ Зима ёЁ № 5 € → × … “q” – ґїќ Ðþ";
        assert_eq!(glyphs.showable(text), text);
        assert!(glyphs.missing.is_empty(), "{glyphs:?}");
        assert_eq!(glyphs.showable("冬 שלום"), "□ □□□□");
        assert_eq!(glyphs.missing.len(), 5);
        let [plain, shaped] = &glyphs.notes()[..] else {
            panic!("two notes")
        };
        assert!(
            plain.contains("for 冬 (U+51AC);") && plain.ends_with("--font gives another font"),
            "{plain}"
        );
        assert!(
            shaped.contains("right to left: ו (U+05D5), ל") && !shaped.contains("another font"),
            "no font helps: {shaped}"
        );
    }

    #[test]
    fn control_and_invisible_characters_do_not_reach_the_canvas() {
        let mut glyphs = Glyphs::default();
        assert_eq!(glyphs.showable(" a\n\t b\u{200d}\u{202e}c\u{7}"), "a bc□");
        assert_eq!(glyphs.notes()[0].matches("U+0007").count(), 1);
    }
}
