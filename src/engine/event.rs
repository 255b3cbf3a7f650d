//! The events that the engine emits: its only output besides the shelf.

use std::ops::ControlFlow;
use std::sync::Arc;

use image::RgbImage;

use super::Component;
use crate::vocabulary::Record;

/// An event. Cells are indices into [`crate::plan::Plan::cells`].
#[derive(Debug, Clone)]
pub enum Event {
    /// A phase began.
    Began(Phase),
    /// A component was loaded.
    Loaded {
        /// Which.
        component: Component,
        /// How long loading took, in milliseconds.
        ms: f64,
    },
    /// A batch took a denoising step.
    Stepped {
        /// The cells of the batch.
        cells: Vec<usize>,
        /// Steps done so far, from 1.
        done: usize,
        /// Steps done since the last such event for these cells: more than one if they took over the trajectory of an
        /// earlier cell.
        advanced: usize,
        /// Total number of steps.
        of: usize,
        /// How long the step took, in milliseconds.
        ms: f64,
    },
    /// A cell succeeded or failed.
    Finished {
        /// Which.
        cell: usize,
        /// Its measurements.
        record: Box<Record>,
        /// Its image; `None` if the cell failed.
        image: Option<Arc<RgbImage>>,
        /// The input it was made from, fitted to its size, against which it is measured while inference goes on.
        input: Option<Arc<RgbImage>>,
    },
    /// A note for the user.
    Note(String),
}

/// What the engine is working on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Reading and preparing a component.
    Loading {
        /// Which.
        component: Component,
        /// The size of its files in bytes.
        bytes: u64,
    },
    /// Turning prompts into embeddings.
    EncodingText,
    /// Turning images into latents.
    EncodingImage,
    /// Taking cells through their denoising steps.
    Denoising,
    /// Turning latents into images.
    Decoding,
}

/// Receives the events; returning `Break` stops the engine like an interruption.
pub type Observer<'a> = dyn FnMut(Event) -> ControlFlow<()> + 'a;

/// How the engine ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Every cell has succeeded or failed.
    Complete,
    /// The observer or the cancel flag stopped it; everything emitted until then is valid.
    Stopped,
}
