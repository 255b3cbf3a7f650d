//! What stands on a sheet, and where.

use super::rect::Rect;
use super::text::Style;

/// How dark text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Values and titles.
    Dark,
    /// Names.
    Muted,
}

/// One line of text.
#[derive(Debug, Clone, PartialEq)]
pub struct Text<'f> {
    /// What it covers.
    pub rect: Rect,
    /// Without line breaks, and with glyphs for every character.
    pub text: String,
    /// Font and size.
    pub style: Style<'f>,
    /// Colour.
    pub ink: Ink,
    /// Reads from bottom to top.
    pub turned: bool,
}

/// Everything on one sheet, or on a part of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Items<'f, K> {
    /// Pictures by what their source knows them by; each is centred in its box.
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
    /// Adds others, moved by this much.
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

    /// Adds one line of text at a place.
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

    /// Adds one line of text that reads upwards, its first letter at the lower end.
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
