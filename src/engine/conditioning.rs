//! The first two phases: each distinct text and each distinct image is encoded once.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use image::RgbImage;
use ndarray::{Array3, Array4};

use super::cost::EncodingCost;
use super::masked::Encodable;
use super::{Component, Denoiser, Engine, Event, Halt, Outcome, Phase, Task, encode_image};
use crate::image::read;
use crate::plan::{Condition, Fitted, Start};

/// The encoded texts and images that condition the UNet. A failure is kept with the text or image that caused it.
#[derive(Debug, Default)]
pub(super) struct Conditioning<'a> {
    texts: HashMap<&'a str, Encoded<Array3<f32>>>,
    images: HashMap<Encodable<'a>, Encoded<Array4<f32>>>,
    /// The last input that was read, because cells with the same image follow one another.
    input: Option<(Fitted<'a>, Arc<RgbImage>)>,
}

/// For every input, the file that holds it at the size of its cells, or why there is none.
pub type InputFiles<'a> = HashMap<Fitted<'a>, Result<PathBuf, String>>;

/// An encoded text or image, or why there is none.
#[derive(Debug)]
struct Encoded<T> {
    value: Result<T, String>,
    /// What the encoding cost, until the first cell that needs it takes this into its record.
    cost: Option<EncodingCost>,
}

impl<'a> Conditioning<'a> {
    /// The embedding (1, tokens, hidden) of a text.
    pub(super) fn text(&self, text: &str) -> Result<&Array3<f32>, String> {
        value(self.texts.get(text))
    }

    /// Tokens and hidden size of the text embeddings; `None` before there is one.
    pub(super) fn shape_of_texts(&self) -> Option<(usize, usize)> {
        let mut encoded = self.texts.values();
        let (_, tokens, hidden) = encoded.find_map(|text| text.value.as_ref().ok())?.dim();
        Some((tokens, hidden))
    }

    /// The VAE encoder's output for an image: (1, output channels, h, w).
    pub(super) fn image(&self, image: Encodable<'a>) -> Result<&Array4<f32>, String> {
        value(self.images.get(&image))
    }

    /// The cost of encoding a text, unless a cell has taken it already.
    pub(super) fn take_text_cost(&mut self, text: &str) -> Option<EncodingCost> {
        self.texts.get_mut(text)?.cost.take()
    }

    /// The cost of encoding an image, unless a cell has taken it already.
    pub(super) fn take_image_cost(&mut self, image: Encodable<'a>) -> Option<EncodingCost> {
        self.images.get_mut(&image)?.cost.take()
    }

    /// The pixels of an input.
    pub(super) fn pixels(
        &mut self,
        files: &InputFiles,
        input: Fitted<'a>,
    ) -> Result<Arc<RgbImage>, String> {
        if let Some((known, pixels)) = &self.input
            && *known == input
        {
            return Ok(Arc::clone(pixels));
        }
        let file = files.get(&input).ok_or("it has no file")?;
        let (pixels, _) = read(file.as_ref()?).map_err(|error| error.to_string())?;
        let pixels = Arc::new(pixels);
        self.input = Some((input, Arc::clone(&pixels)));
        Ok(pixels)
    }
}

fn value<T>(encoded: Option<&Encoded<T>>) -> Result<&T, String> {
    match encoded {
        Some(Encoded { value, .. }) => value.as_ref().map_err(String::clone),
        None => Err("it was not encoded".to_owned()),
    }
}

impl<'a, D: Denoiser> Engine<'a, '_, D> {
    /// Encodes the texts that the tasks need, then frees the text encoder, which is not needed again.
    pub(super) fn encode_texts(&mut self, tasks: &[Task<'a>]) -> Outcome<D> {
        for task in tasks {
            if self.shelf.holds(self.key(task)) {
                continue;
            }
            for Condition { text, .. } in task.work.guidance.conditions() {
                if self.conditioning.texts.contains_key(text) {
                    continue;
                }
                self.begin(Component::TextEncoder)?;
                self.emit(Event::Began(Phase::EncodingText))?;
                let begun = Instant::now();
                let value = match self.model.encode_text(text) {
                    Ok(embedding) => Ok(embedding),
                    Err(error) => Err(self.reason(error)?),
                };
                let cost = Some(self.cost_since(begun));
                let encoded = Encoded { value, cost };
                self.conditioning.texts.insert(text, encoded);
            }
        }
        self.model.unload(Component::TextEncoder);
        Ok(())
    }

    /// Encodes the images that a task needs, if that has not been done.
    pub(super) fn encode_image(&mut self, task: &Task<'a>) -> Outcome<D> {
        if self.shelf.holds(self.key(task)) {
            return Ok(());
        }
        for image in self.encodables(task.start) {
            if !self.conditioning.images.contains_key(&image) {
                self.encode(image, task.start)?;
            }
        }
        Ok(())
    }

    fn encode(&mut self, image: Encodable<'a>, start: Start) -> Outcome<D> {
        self.begin(Component::VaeEncoder)?;
        self.emit(Event::Began(Phase::EncodingImage))?;
        let begun = Instant::now();
        let tiling = self.tiling(start);
        let value = match self.pixels_of(image) {
            Ok(pixels) => {
                match encode_image(self.model, pixels.view(), tiling.as_ref(), self.cancel) {
                    Ok(Some(latents)) => Ok(latents),
                    Ok(None) => return Err(Halt::Stopped),
                    Err(error) => Err(self.coding_reason(error, start)?),
                }
            }
            Err(reason) => Err(reason),
        };
        let cost = Some(self.cost_since(begun));
        let encoded = Encoded { value, cost };
        self.conditioning.images.insert(image, encoded);
        Ok(())
    }
}
