//! Measuring with CLIP after the cells are done: every input, output and caption is embedded once, and measured cells
//! are not measured again.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use image::RgbImage;

use super::timings::Timings;
use super::{Backend, Event, Prepared, RunnerError};
use crate::image::{ImageError, read};
use crate::judge::clip::{Embedding, direction_similarity, image_similarity};
use crate::meter::milliseconds;
use crate::model::ModelError;
use crate::model::clip::{ClipFolder, ClipModel};
use crate::plan::{Cell, Fitted};
use crate::store::{Inputs, MissingInput, RunFolder};
use crate::vocabulary::{CellKey, ClipMeasures, EditCaptions, Record, Status};

/// A CLIP folder that has been read.
#[derive(Debug)]
pub struct Clip {
    /// The folder.
    pub folder: Arc<ClipFolder>,
    /// Its name in the sweep file.
    pub name: String,
    /// SHA-256 over the whole folder, in hexadecimal.
    pub sha256: String,
}

impl Prepared {
    /// The finished cells whose records lack a measure that the sweep file asks for, in the order of the plan.
    pub(super) fn unmeasured<'r>(
        &self,
        cells: &HashSet<usize>,
        record_of: impl Fn(usize) -> Option<&'r Record>,
    ) -> Vec<usize> {
        let Some(clip) = &self.clip else {
            return Vec::new();
        };
        let is_left = |cell: &usize| {
            let captions = self.captions(&self.plan.cells[*cell]);
            record_of(*cell).is_some_and(|record| {
                let known = record.clip.as_ref();
                record.status == Status::Done
                    && known.is_none_or(|known| !known.was_made_with(&clip.sha256, &captions))
            })
        };
        (0..self.plan.cells.len())
            .filter(|cell| cells.contains(cell))
            // A cell made from no image has nothing to be compared with.
            .filter(|&cell| self.plan.cells[cell].fitted().is_some())
            .filter(is_left)
            .collect()
    }

    /// The captions of a cell's input and output, if the sweep file gives them.
    pub(super) fn captions(&self, cell: &Cell) -> Option<EditCaptions> {
        let parameters = &cell.parameters;
        let caption = self
            .spec
            .caption(&parameters.instruction, &parameters.image)?;
        Some(EditCaptions {
            caption_before: caption.before.clone(),
            caption_after: caption.after.clone(),
        })
    }
}

/// Measures finished cells until all are done or it is cancelled. If the images of a cell cannot be measured, a note
/// says so, and the cell is left as it is.
///
/// # Errors
/// If an encoder cannot be loaded or fails, or the journal cannot be written; earlier measures are kept.
pub(super) fn measure<B: Backend>(
    prepared: &Prepared,
    backend: &B,
    folder: &mut RunFolder,
    cells: &[usize],
    cache: Option<&PathBuf>,
    cancel: &AtomicBool,
    observer: &mut dyn FnMut(&Event),
) -> Result<(), RunnerError> {
    let Some(clip) = &prepared.clip else {
        return Ok(());
    };
    if !cells.is_empty() {
        observer(&Event::Measuring { of: cells.len() });
    }
    let mut pass = Pass {
        prepared,
        clip,
        model: backend.open_clip(clip, &prepared.spec.runtime)?,
        captions: HashMap::new(),
        inputs: HashMap::new(),
        measured: HashMap::new(),
        image_ms: Vec::new(),
    };
    let path = folder.run().folder.clone();
    pass.embed_captions(cells, cancel)?;
    for &cell in cells {
        if cancel.load(Ordering::Relaxed) {
            break;
        }
        let planned = &prepared.plan.cells[cell];
        match pass.measure(planned, &path) {
            Ok(measures) => {
                folder.add_measures(cell, measures.clone())?;
                observer(&Event::Measured { cell, measures });
            }
            Err(Failure::Cell(reason)) => observer(&Event::Note(format!(
                "cell {} is not measured with CLIP: {reason}",
                planned.key
            ))),
            Err(Failure::Model(error)) => return Err(error.into()),
        }
    }
    let mut timings = Timings::read(cache);
    timings.learn_clip(&clip.sha256, &backend.device().to_string(), pass.image_ms);
    timings.write(cache);
    Ok(())
}

/// Why a cell was not measured.
enum Failure {
    /// The cell's own images are the cause.
    Cell(String),
    Model(ModelError),
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        Self::Model(error)
    }
}

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        Self::Cell(error.to_string())
    }
}

impl From<MissingInput> for Failure {
    fn from(error: MissingInput) -> Self {
        Self::Cell(error.to_string())
    }
}

/// The state of measuring: what has been embedded and measured so far.
struct Pass<'a> {
    prepared: &'a Prepared,
    clip: &'a Clip,
    model: ClipModel,
    captions: HashMap<String, Embedding>,
    inputs: HashMap<Fitted<'a>, Embedding>,
    /// Measures of cells done so far, for other cells with the same pixels.
    measured: HashMap<&'a CellKey, ClipMeasures>,
    /// The milliseconds that each image took to embed.
    image_ms: Vec<f64>,
}

impl<'a> Pass<'a> {
    /// Embeds each caption once, before the image encoder replaces the text encoder in memory.
    fn embed_captions(&mut self, cells: &[usize], cancel: &AtomicBool) -> Result<(), ModelError> {
        let cells = cells.iter().map(|&cell| &self.prepared.plan.cells[cell]);
        let captions = cells.filter_map(|cell| self.prepared.captions(cell));
        let texts: HashSet<String> = captions
            .flat_map(|captions| [captions.caption_before, captions.caption_after])
            .collect();
        for text in texts {
            if cancel.load(Ordering::Relaxed) {
                break;
            }
            // Without an embedding of its caption, no cell gets a direction similarity.
            if let Some(embedding) = Embedding::new(self.model.embed_text(&text)?.view()) {
                self.captions.insert(text, embedding);
            }
        }
        Ok(())
    }

    fn measure(&mut self, cell: &'a Cell, run: &Path) -> Result<ClipMeasures, Failure> {
        let captions = self.prepared.captions(cell);
        let twin = cell.same_as.as_ref().and_then(|key| self.measured.get(key));
        if let Some(measures) = twin.filter(|twin| twin.captions == captions) {
            return Ok(measures.clone());
        }
        let (image, _) = read(&run.join(cell.key.image_path()))?;
        let output = self.embed(&image)?;
        let without_input = || Failure::Cell("it was made of no image".to_owned());
        let input = self.input(cell.fitted().ok_or_else(without_input)?, run)?;
        let direction = captions.as_ref().and_then(|captions| {
            let before = self.captions.get(&captions.caption_before)?;
            let after = self.captions.get(&captions.caption_after)?;
            direction_similarity([&input, &output], [before, after])
        });
        let measures = ClipMeasures {
            clip_image_similarity: image_similarity(&input, &output),
            clip_direction_similarity: direction,
            clip_sha256: self.clip.sha256.clone(),
            captions,
        };
        self.measured.insert(&cell.key, measures.clone());
        Ok(measures)
    }

    /// The embedding of a cell's input as the model saw it.
    fn input(&mut self, fitted: Fitted<'a>, run: &Path) -> Result<Embedding, Failure> {
        if let Some(known) = self.inputs.get(&fitted) {
            return Ok(known.clone());
        }
        let image = Inputs::of(&self.prepared.plan, run).read(fitted)?;
        let embedding = self.embed(&image)?;
        self.inputs.insert(fitted, embedding.clone());
        Ok(embedding)
    }

    fn embed(&mut self, image: &RgbImage) -> Result<Embedding, Failure> {
        let begun = Instant::now();
        let values = self.model.embed_image(image)?;
        self.image_ms.push(milliseconds(begun));
        let none = || Failure::Cell("its embedding is zero or not finite".to_owned());
        Embedding::new(values.view()).ok_or_else(none)
    }
}
