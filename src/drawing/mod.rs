//! Sheets of pictures and text: a layout ([`Items`]) is drawn by one [`Drawer`], whatever its pictures are, and
//! encoded.
//!
//! A [`Source`] provides the pictures one by one, so that a sheet of thousands never holds more than a few at full
//! size.

mod canvas;
mod drawer;
mod encode;
mod font;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod items;
mod picture;
mod rect;
mod text;

pub use drawer::Drawer;
pub use encode::{Format, encode, is_png_of};
pub use font::{Face, Glyphs, OtherFont};
pub use items::{Ink, Items, Text};
pub use picture::{Caption, Marks, Picture, Source, scaled};
pub use rect::{Rect, shape};
pub use text::{Shorten, Style, slug};
