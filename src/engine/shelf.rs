//! Where denoised latents wait for the decoder.

use std::collections::HashMap;

use ndarray::Array4;

use crate::vocabulary::{CellKey, Record};

/// A cell between denoising and decoding.
#[derive(Debug, Clone, PartialEq)]
pub struct Denoised {
    /// Latents (1, channels, h, w) after the last step.
    pub latents: Array4<f32>,
    /// Its record so far.
    pub record: Record,
}

/// Stores latents by cell. A shelf on disk lets a killed run continue with the decoder.
pub trait Shelf {
    /// Whether the cell's latents are stored.
    fn holds(&self, cell: &CellKey) -> bool;
    /// Stores latents.
    fn put(&mut self, denoised: Denoised) -> Result<(), ShelfError>;
    /// Reads latents without removing them.
    fn get(&mut self, cell: &CellKey) -> Result<Denoised, ShelfError>;
    /// Removes latents, if there are any.
    fn remove(&mut self, cell: &CellKey) -> Result<(), ShelfError>;
}

/// Latents could not be stored or read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot keep the latents of cell {cell}: {reason}")]
#[diagnostic(help("free some space in the run folder and run again"))]
pub struct ShelfError {
    /// The cell.
    pub cell: CellKey,
    /// The operating system's message.
    pub reason: String,
}

/// A shelf in memory, for tests and resident runs.
#[derive(Debug, Default)]
pub struct MemoryShelf(HashMap<CellKey, Denoised>);

impl Shelf for MemoryShelf {
    fn holds(&self, cell: &CellKey) -> bool {
        self.0.contains_key(cell)
    }

    fn put(&mut self, denoised: Denoised) -> Result<(), ShelfError> {
        self.0.insert(denoised.record.cell.clone(), denoised);
        Ok(())
    }

    fn get(&mut self, cell: &CellKey) -> Result<Denoised, ShelfError> {
        self.0.get(cell).cloned().ok_or_else(|| ShelfError {
            cell: cell.clone(),
            reason: "they are not there".to_owned(),
        })
    }

    fn remove(&mut self, cell: &CellKey) -> Result<(), ShelfError> {
        self.0.remove(cell);
        Ok(())
    }
}
