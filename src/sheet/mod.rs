//! Contact sheets: labelled grids of a run's images.
//!
//! A plan and [`SheetOptions`] become a layout (pure: `axes`, `labels`, `grid`, `strip`,
//! `block`, `head`, `layout`), which is drawn page by page (`draw`, from the images that `picture`
//! reads), encoded and put into the run folder (`write`).

mod axes;
mod block;
pub(crate) mod draw;
pub(crate) mod encode;
pub(crate) mod font;
mod grid;
mod head;
mod labels;
mod layout;
pub(crate) mod metrics;
mod options;
pub(crate) mod picture;
#[cfg(test)]
pub(crate) mod samples;
mod strip;
#[cfg(test)]
mod tests;
pub(crate) mod text;
mod write;

pub(crate) use font::Face;
pub use layout::sizes;
pub use options::{Format, SheetOptions};
pub(crate) use picture::scaled;
pub(crate) use text::{Shorten, Style};
pub use write::{SheetError, SheetFile, check_font, find_sheets, write_sheets};
