//! Contact sheets: labelled grids of a run's images.
//!
//! A plan and [`SheetOptions`] become a layout (pure: [`axes`], [`labels`], [`grid`], [`strip`],
//! [`block`], [`head`], [`layout`]), which is then drawn page by page and written into the run folder.

mod axes;
mod block;
mod font;
mod grid;
mod head;
mod labels;
mod layout;
mod metrics;
mod options;
#[cfg(test)]
mod samples;
mod strip;
mod text;

pub use layout::sizes;
pub use options::{Format, SheetOptions};
