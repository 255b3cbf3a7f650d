//! Contact sheets: labelled grids of a run's images.
//!
//! A plan and [`SheetOptions`] become a layout (pure: `axes`, `labels`, `grid`, `strip`,
//! `block`, `head`, `layout`), which is drawn page by page from the pictures of the run folder (`draw`),
//! and put there (`write`).

mod axes;
mod block;
mod chain;
mod draw;
mod grid;
mod head;
mod labels;
mod layout;
mod metrics;
mod options;
#[cfg(test)]
pub(crate) mod samples;
mod strip;
#[cfg(test)]
mod tests;
mod write;

pub use chain::ChainSheets;
pub use layout::{SheetSize, sizes};
pub use options::SheetOptions;
pub use write::{SheetError, Sheets, check_font};
