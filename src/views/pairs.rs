//! Sheets of pairs for comparisons and checks: two pictures and their difference, side by side.

use std::collections::BTreeSet;

use image::RgbImage;

use crate::drawing::{
    Drawer, Face, Glyphs, Ink, Items, OtherFont, Picture, Rect, Shorten, Source, Style,
};

/// The most columns of pairs on a sheet, and rows; about 60 megapixels with the largest cells.
const MOST_ACROSS: usize = 4;
const MOST_DOWN: usize = 16;
/// The smallest and largest side of a picture; the sweep file's cell size is clamped to these.
const SIDES: (u32, u32) = (128, 512);
/// The preferred ratio of a sheet's width to its height.
const PROPORTIONS: f64 = 1.4;
/// The most lines of a pair's label.
const LABEL_LINES: usize = 3;

/// One of the three pictures of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The first run's, or the expected one.
    A,
    /// The second run's, or the actual one.
    B,
    /// Their difference.
    Difference,
}

impl Side {
    /// The order in which they stand on a sheet.
    pub const ALL: [Self; 3] = [Self::A, Self::B, Self::Difference];
}

/// The texts and size of a pair on a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// A label that distinguishes it from other pairs.
    pub label: String,
    /// Its measures, in one line.
    pub detail: String,
    /// Size of its pictures in pixels.
    pub size: (u32, u32),
}

/// A source of pictures; pairs are identified by their index in the list.
pub trait Pairs: Sync {
    /// A picture of a pair, if there is one.
    fn picture(&self, pair: usize, side: Side) -> Option<RgbImage>;
}

/// The head of every sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The title, in large type.
    pub title: String,
    /// Lines that explain how to read the sheet.
    pub texts: Vec<String>,
    /// Captions of the three pictures.
    pub captions: [&'static str; 3],
}

/// Sheets of a list of pairs, all laid out with the same sizes.
pub struct PairSheets<'a> {
    pairs: &'a [Described],
    head: &'a Head,
    glyphs: Glyphs<'a>,
    /// Width of a picture.
    width: u32,
    height: u32,
    gap: u32,
    margin: u32,
    label: Style<'a>,
    small: Style<'a>,
    title: Style<'a>,
    /// Number of lines of the longest label.
    lines: u32,
    /// Number of pairs side by side.
    across: usize,
}

impl<'a> PairSheets<'a> {
    /// Lays out pairs; the longest side of their pictures is given.
    pub fn new(
        head: &'a Head,
        pairs: &'a [Described],
        side: u32,
        other: Option<&'a OtherFont>,
    ) -> Self {
        let side = side.clamp(SIDES.0, SIDES.1);
        let boxes = pairs
            .iter()
            .map(|pair| Rect::new(0, 0, side, side).fitted(pair.size.0, pair.size.1));
        let (width, height) = boxes.fold((1, 1), |(w, h), b| (b.width.max(w), b.height.max(h)));
        let em = (side as f32 / 16.0).clamp(12.0, 24.0);
        let style = |face: Face<'static>, em| Style {
            face: face.or(other),
            em,
        };
        let mut sheets = Self {
            pairs,
            head,
            glyphs: Glyphs::new(other),
            width,
            height,
            gap: (side / 48).max(2),
            margin: (em * 1.6) as u32,
            label: style(Face::BOLD, em),
            small: style(Face::REGULAR, (em * 0.9).max(12.0)),
            title: style(Face::BOLD, em * 1.5),
            lines: 1,
            across: 1,
        };
        let lines = pairs.iter().map(|pair| sheets.label_of(pair).len() as u32);
        sheets.lines = lines.max().unwrap_or(1);
        sheets.across = sheets.best_across();
        sheets
    }

    /// The number of sheets.
    pub fn pages(&self) -> usize {
        self.pairs.len().div_ceil(self.on_a_page())
    }

    /// The pairs on a sheet, as indices into the list.
    pub fn shown_on(&self, page: usize) -> std::ops::Range<usize> {
        let first = page * self.on_a_page();
        first..self.pairs.len().min(first + self.on_a_page())
    }

    /// Draws a sheet.
    pub fn draw(&self, page: usize, pairs: &impl Pairs) -> RgbImage {
        let shown = self.shown_on(page);
        let across = self.across.min(shown.len()).max(1) as u32;
        let down = (shown.len() as u32).div_ceil(across);
        let body = across * (self.block_width() + self.margin) - self.margin;
        let mut items = Items::default();
        let top = self.place_head(&mut items, body, page);
        let left = |column: u32| self.margin + column * (self.block_width() + self.margin);
        for column in 0..across {
            self.place_captions(&mut items, left(column), top);
        }
        let top = top + self.small.line() + self.gap;
        for (index, pair) in (0..).zip(shown) {
            let (column, row) = (index % across, index / across);
            self.place_pair(
                &mut items,
                (left(column), top + row * self.block_height()),
                pair,
            );
        }
        let size = (body + 2 * self.margin, top + down * self.block_height());
        let drawer = Drawer {
            source: &Pictures {
                pairs,
                described: self.pairs,
            },
            small: self.small,
            glyphs: self.glyphs.clone(),
            outline: 0,
        };
        drawer.draw(size, &items, &mut BTreeSet::new())
    }

    fn on_a_page(&self) -> usize {
        self.across * MOST_DOWN
    }

    /// The number of pairs side by side that gives the sheet the best proportions.
    fn best_across(&self) -> usize {
        let block = f64::from(self.block_height()) / f64::from(self.block_width());
        let across = (self.pairs.len() as f64 * block * PROPORTIONS).sqrt();
        (across.round() as usize).clamp(1, MOST_ACROSS)
    }

    fn block_width(&self) -> u32 {
        3 * self.width + 2 * self.gap
    }

    /// Height of label, measures, pictures, and the space below them.
    fn block_height(&self) -> u32 {
        self.lines * self.label.line() + self.small.line() + self.gap + self.height + self.margin
    }

    fn shown(&self, text: &str) -> String {
        self.glyphs.clone().showable(text)
    }

    fn label_of(&self, pair: &Described) -> Vec<String> {
        let shown = self.shown(&pair.label);
        let width = self.block_width();
        self.label
            .wrap(&shown, width, LABEL_LINES, Shorten::End)
            .lines
    }

    /// Places title, explanations and a rule; returns the upper edge of what follows.
    fn place_head<'b>(&'b self, items: &mut Items<'b, Key>, width: u32, page: usize) -> u32 {
        let at = (self.margin, self.margin / 2);
        self.place_line(items, self.title, at, &self.head.title, width);
        let page = match self.pages() {
            1 => String::new(),
            all => format!("page {} of {all}", page + 1),
        };
        let texts = self.head.texts.iter().chain([&page]);
        let shown = texts
            .map(|text| self.shown(text))
            .filter(|text| !text.is_empty());
        let lines: Vec<String> = shown
            .flat_map(|text| self.wrapped_in_head(&text, width))
            .collect();
        let mut y = self.margin / 2 + self.title.line();
        let height = self.title.line() + lines.len() as u32 * self.small.line();
        for line in lines {
            items.text(self.margin, y, line, self.small, Ink::Muted);
            y += self.small.line();
        }
        let top = self.margin + height + self.margin;
        let rule = Rect::new(self.margin, top - self.margin / 2, width, 1);
        items.rules.push(rule);
        top
    }

    fn wrapped_in_head(&self, text: &str, width: u32) -> Vec<String> {
        self.small
            .wrap(text, width, LABEL_LINES, Shorten::End)
            .lines
    }

    fn place_captions<'b>(&'b self, items: &mut Items<'b, Key>, left: u32, y: u32) {
        for (index, caption) in (0..).zip(self.head.captions) {
            let x = left + index * (self.width + self.gap);
            let x = x + self.width.saturating_sub(self.small.width(caption)) / 2;
            items.text(x, y, caption, self.small, Ink::Muted);
        }
    }

    /// Places one line, shortened to a width.
    fn place_line<'b>(
        &'b self,
        items: &mut Items<'b, Key>,
        style: Style<'b>,
        (x, y): (u32, u32),
        text: &str,
        width: u32,
    ) {
        let shown = self.shown(text);
        for line in style.wrap(&shown, width, 1, Shorten::Middle).lines {
            items.text(x, y, line, style, Ink::Dark);
        }
    }

    fn place_pair<'b>(&'b self, items: &mut Items<'b, Key>, (x, y): (u32, u32), pair: usize) {
        let described = &self.pairs[pair];
        let lines = self.label_of(described);
        // Short labels stand just above their pictures.
        let mut y = y + (self.lines - lines.len() as u32) * self.label.line();
        for line in lines {
            items.text(x, y, line, self.label, Ink::Dark);
            y += self.label.line();
        }
        let detail = self.shown(&described.detail);
        let width = self.block_width();
        for line in self.small.wrap(&detail, width, 1, Shorten::End).lines {
            items.text(x, y, line, self.small, Ink::Muted);
        }
        y += self.small.line() + self.gap;
        for (index, side) in (0..).zip(Side::ALL) {
            let x = x + index * (self.width + self.gap);
            let place = Rect::new(x, y, self.width, self.height);
            items.pictures.push((place, (pair, side)));
        }
    }
}

type Key = (usize, Side);

/// The pictures of pairs as a source for a sheet.
struct Pictures<'a, P> {
    pairs: &'a P,
    described: &'a [Described],
}

impl<P: Pairs> Source for Pictures<'_, P> {
    type Key = Key;

    fn picture(&self, (pair, side): Key) -> Picture {
        let picture = self.pairs.picture(pair, side);
        picture.map_or(Picture::Missing(None), Picture::Image)
    }

    fn size(&self, (pair, _): Key) -> (u32, u32) {
        self.described[pair].size
    }
}
