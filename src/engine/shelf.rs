//! Where denoised latents wait for the decoder.

use std::collections::HashMap;

use ndarray::Array4;

use crate::vocabulary::{CellKey, Record};

/// A cell between denoising and decoding.
#[derive(Debug, Clone, PartialEq)]
pub struct Denoised {
    /// Latents (1, channels, h, w) after the last step.
    pub latents: Array4<f32>,
    /// What was measured so far.
    pub record: Record,
}

/// Keeps latents by cell. One on disk lets a killed run go on with the decoder.
pub trait Shelf {
    /// Whether the cell's latents are there.
    fn holds(&self, cell: &CellKey) -> bool;
    /// Keeps latents.
    fn put(&mut self, denoised: Denoised) -> Result<(), ShelfError>;
    /// Reads latents; they stay.
    fn get(&mut self, cell: &CellKey) -> Result<Denoised, ShelfError>;
    /// Drops latents, if they are there.
    fn remove(&mut self, cell: &CellKey) -> Result<(), ShelfError>;
}

/// Latents that could not be kept or read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot keep the latents of cell {cell}: {reason}")]
#[diagnostic(help("free some space in the run folder and run again"))]
pub struct ShelfError {
    /// Which cell.
    pub cell: CellKey,
    /// The system's words.
    pub reason: String,
}

/// A shelf in memory.
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
