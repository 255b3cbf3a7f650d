//! The items of a sheet, with their places.

use super::rect::Rect;
use super::text::Style;

/// The shade of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// For values and titles.
    Dark,
    /// For names.
    Muted,
}

/// A line of text.
#[derive(Debug, Clone, PartialEq)]
pub struct Text<'f> {
    /// The rectangle that it covers.
    pub rect: Rect,
    /// The text, without line breaks and with a glyph for every character.
    pub text: String,
    /// Font and size.
    pub style: Style<'f>,
    /// Colour.
    pub ink: Ink,
    /// Whether it reads from bottom to top.
    pub turned: bool,
}

/// All items of a sheet, or of a part of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Items<'f, K> {
    /// Pictures, by the keys of their source; each is centred in its box.
    pub pictures: Vec<(Rect, K)>,
    /// Places without a picture.
    pub absent: Vec<Rect>,
    /// Thin lines.
    pub rules: Vec<Rect>,
    /// Texts.
    pub texts: Vec<Text<'f>>,
}

impl<K> Default for Items<'_, K> {
    fn default() -> Self {
        Self {
            pictures: Vec::new(),
            absent: Vec::new(),
            rules: Vec::new(),
            texts: Vec::new(),
        }
    }
}

impl<'f, K> Items<'f, K> {
    /// Adds other items, moved by this offset.
    pub fn append(&mut self, other: Self, dx: u32, dy: u32) {
        let moved = |rect: Rect| Rect {
            x: rect.x + dx,
            y: rect.y + dy,
            ..rect
        };
        let pictures = other.pictures.into_iter();
        self.pictures
            .extend(pictures.map(|(rect, key)| (moved(rect), key)));
        self.absent.extend(other.absent.into_iter().map(moved));
        self.rules.extend(other.rules.into_iter().map(moved));
        let texts = other.texts.into_iter();
        self.texts.extend(texts.map(|text| Text {
            rect: moved(text.rect),
            ..text
        }));
    }

    /// Adds a line of text.
    pub fn text(&mut self, x: u32, y: u32, text: impl Into<String>, style: Style<'f>, ink: Ink) {
        let text = text.into();
        if !text.is_empty() {
            let rect = Rect::new(x, y, style.width(&text), style.line());
            self.texts.push(Text {
                rect,
                text,
                style,
                ink,
                turned: false,
            });
        }
    }

    /// Adds a line of text that reads upwards, with its first letter at the lower end.
    pub fn turned_text(
        &mut self,
        x: u32,
        y: u32,
        text: impl Into<String>,
        style: Style<'f>,
        ink: Ink,
    ) {
        let text = text.into();
        if !text.is_empty() {
            let rect = Rect::new(x, y, style.line(), style.width(&text));
            self.texts.push(Text {
                rect,
                text,
                style,
                ink,
                turned: true,
            });
        }
    }
}
