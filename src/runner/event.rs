//! The events of a run: those of the engine, and what happens around it.

use crate::engine;
use crate::vocabulary::ClipMeasures;

/// An event. Cells are indices into [`crate::plan::Plan::cells`].
#[derive(Debug, Clone)]
pub enum Event {
    /// An event of the engine.
    Engine(engine::Event),
    /// A stage of a chain began: its index into [`crate::plan::Plan::stages`]. Not emitted for sweeps with a single
    /// stage.
    Stage(usize),
    /// CLIP is being loaded, to measure finished cells.
    Measuring {
        /// Number of cells to be measured.
        of: usize,
    },
    /// A finished cell was measured with CLIP.
    Measured {
        /// The cell.
        cell: usize,
        /// Its measures.
        measures: ClipMeasures,
    },
    /// A note for the user.
    Note(String),
}
