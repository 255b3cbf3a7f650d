//! CLIP: turns images and texts into vectors that can be compared, for the measures of the InstructPix2Pix paper.
//!
//! A [`ClipFolder`] is what `ip2p export --clip` writes, checked without a runtime; a [`ClipModel`] runs it.

mod folder;
mod model;
mod preprocessing;

pub use folder::{ClipFolder, Encoder};
pub use model::ClipModel;
pub use preprocessing::Preprocessing;
