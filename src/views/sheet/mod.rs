//! Contact sheets: labelled grids of a run's images.
//!
//! A plan and [`SheetOptions`] are turned into a layout by pure functions (`axes`, `labels`, `grid`, `strip`, `block`,
//! `head`, `layout`); this is drawn page by page with the pictures of the run folder (`draw`) and written into it
//! (`write`).

mod axes;
mod block;
mod chain;
mod draw;
mod error;
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
pub use error::SheetError;
pub use layout::{SheetSize, sizes};
pub use options::SheetOptions;
pub use write::{Sheets, check_font};
