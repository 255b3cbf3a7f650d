//! Wires the parts together: a sweep file is prepared, then executed into a run folder.

mod execute;
mod memory;
mod prepare;

pub use execute::{Outcome, execute};
pub use prepare::{Prepared, prepare};
