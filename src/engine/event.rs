//! What the engine tells while it works: the only thing between running and reporting.

use std::ops::ControlFlow;
use std::sync::Arc;

use image::RgbImage;

use super::Component;
use crate::vocabulary::Record;

/// Something that happened. Cells are indices into [`crate::plan::Plan::cells`].
#[derive(Debug, Clone)]
pub enum Event {
    /// Another phase begins.
    Began(Phase),
    /// A component is ready.
    Loaded {
        /// Which.
        component: Component,
        /// Milliseconds it took.
        ms: f64,
    },
    /// A denoising step of a batch is done.
    Stepped {
        /// The cells of the batch.
        cells: Vec<usize>,
        /// Steps done, from 1.
        done: usize,
        /// Steps done since the last such event of these cells: several where they take over the
        /// trajectory of an earlier cell.
        advanced: usize,
        /// Steps in all.
        of: usize,
        /// Milliseconds it took.
        ms: f64,
    },
    /// A cell has its image, or failed.
    Finished {
        /// Which.
        cell: usize,
        /// What was measured.
        record: Box<Record>,
        /// The image, unless it failed.
        image: Option<Arc<RgbImage>>,
        /// The input that it was made from, at its size, to be measured against beside the inference.
        input: Option<Arc<RgbImage>>,
    },
    /// Something the user should know.
    Note(String),
}

/// What the engine is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// A component is read and made ready.
    Loading {
        /// Which.
        component: Component,
        /// The size of its files.
        bytes: u64,
    },
    /// Prompts become embeddings.
    EncodingText,
    /// Images become latents.
    EncodingImage,
    /// Cells go through their steps.
    Denoising,
    /// Latents become images.
    Decoding,
}

/// Takes events; breaking stops the engine, as an interruption does.
pub type Observer<'a> = dyn FnMut(Event) -> ControlFlow<()> + 'a;

/// How the engine ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Every cell was finished or failed.
    Complete,
    /// The observer or the cancel flag stopped it; nothing that was emitted is lost.
    Stopped,
}
