//! Which characters can be shown, and what is told of those that cannot.

use std::collections::BTreeSet;

use ab_glyph::Font;

use super::{OtherFont, REGULAR};

/// What stands for a character that no font has.
const BOX: char = '□';

/// Makes texts showable, and remembers what is lost by it.
#[derive(Debug, Clone, Default)]
pub struct Glyphs<'f> {
    other: Option<&'f OtherFont>,
    missing: BTreeSet<char>,
}

impl<'f> Glyphs<'f> {
    /// Those of the embedded font and of another.
    pub fn new(other: Option<&'f OtherFont>) -> Self {
        Self {
            other,
            missing: BTreeSet::new(),
        }
    }

    /// Text as the fonts can show it: white space becomes single spaces, invisible characters go, and
    /// what has no glyph becomes a box.
    pub fn showable(&mut self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        for character in text.chars() {
            if character.is_whitespace() {
                if !shown.ends_with(' ') {
                    shown.push(' ');
                }
            } else if is_invisible(character) {
                // Joiners, direction marks and variation selectors have no look of their own.
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

    /// Those that no font had.
    pub fn missing(&self) -> &BTreeSet<char> {
        &self.missing
    }

    /// What to tell of characters without glyphs, if there were any.
    pub fn note(&self) -> Option<String> {
        const NAMED: usize = 12;
        if self.missing.is_empty() {
            return None;
        }
        let named: Vec<String> = self
            .missing
            .iter()
            .take(NAMED)
            .map(|&c| match c.is_control() {
                true => format!("U+{:04X}", c as u32),
                false => format!("{c} (U+{:04X})", c as u32),
            })
            .collect();
        let more = match self.missing.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let remedy = match self.other {
            Some(other) if other.is_named() => "",
            _ => "; sheet.font or --font gives another font",
        };
        Some(format!(
            "the font of contact sheets has no glyphs for {}{more}; they are shown as {BOX}{remedy}",
            named.join(", ")
        ))
    }
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
        let note = glyphs.note().unwrap();
        assert!(note.contains("冬 (U+51AC)"), "{note}");
        assert!(
            note.ends_with("sheet.font or --font gives another font"),
            "{note}"
        );
    }

    #[test]
    fn control_and_invisible_characters_do_not_reach_the_canvas() {
        let mut glyphs = Glyphs::default();
        assert_eq!(glyphs.showable(" a\n\t b\u{200d}\u{202e}c\u{7}"), "a bc□");
        assert_eq!(glyphs.note().unwrap().matches("U+0007").count(), 1);
    }
}
