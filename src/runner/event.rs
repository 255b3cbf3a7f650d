//! What a run tells while it goes on: the engine's events, and what happens around the engine.

use crate::engine;
use crate::vocabulary::ClipMeasures;

/// Something that happened. Cells are indices into [`crate::plan::Plan::cells`].
#[derive(Debug, Clone)]
pub enum Event {
    /// The engine says so.
    Engine(engine::Event),
    /// A stage of a chain begins, as an index into [`crate::plan::Plan::stages`]. Sweeps of one stage tell nothing.
    Stage(usize),
    /// CLIP is loaded, to measure finished cells.
    Measuring {
        /// Cells to be measured.
        of: usize,
    },
    /// A cell that is done was measured with CLIP, after all cells.
    Measured {
        /// Which.
        cell: usize,
        /// What was measured.
        measures: ClipMeasures,
        /// Cells measured, from 1.
        done: usize,
        /// Cells to be measured.
        of: usize,
    },
    /// Something the user should know.
    Note(String),
}
