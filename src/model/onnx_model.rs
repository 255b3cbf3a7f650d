//! A model folder that runs: [`Denoiser`] through ONNX Runtime.

use std::sync::Arc;

use ndarray::{Array3, Array4, ArrayView3, ArrayView4, Axis, Slice, concatenate};

use super::graph::TimestepShape;
use super::runtime::{ExecutionDevice, Runtime};
use super::session::Session;
use super::{ModelError, ModelFolder, Tokenizer, tensors};
use crate::engine::{Component, Denoiser};

/// An InstructPix2Pix model on a device. Components are loaded when asked for, or first needed.
#[derive(Debug)]
pub struct OnnxModel {
    folder: Arc<ModelFolder>,
    tokenizer: Tokenizer,
    runtime: Runtime,
    device: ExecutionDevice,
    threads: usize,
    sessions: [Option<Session>; 4],
}

impl OnnxModel {
    /// Makes a model of a folder; no component is loaded yet. `threads` is for the CPU; 0 is the
    /// physical cores.
    ///
    /// # Errors
    /// If the tokenizer's files do not make a tokenizer.
    pub fn new(
        folder: Arc<ModelFolder>,
        runtime: Runtime,
        device: ExecutionDevice,
        threads: usize,
    ) -> Result<Self, ModelError> {
        let tokenizer = folder.tokenizer()?;
        Ok(Self {
            folder,
            tokenizer,
            runtime,
            device,
            threads,
            sessions: [const { None }; 4],
        })
    }

    /// What it was made of.
    pub fn folder(&self) -> &ModelFolder {
        &self.folder
    }

    /// The model's tokenizer, which also tells what of a text is cut off.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Where it runs.
    pub fn device(&self) -> ExecutionDevice {
        self.device
    }

    fn session(&mut self, component: Component) -> Result<&mut Session, ModelError> {
        let slot = &mut self.sessions[component as usize];
        if let Some(session) = slot {
            return Ok(session);
        }
        Ok(slot.insert(Session::load(
            &self.runtime,
            component,
            &self.folder.model_file(component),
            self.device,
            self.threads,
        )?))
    }

    fn predict_rows(
        &mut self,
        sample: ArrayView4<f32>,
        timestep: f32,
        text: ArrayView3<f32>,
    ) -> Result<Array4<f32>, ModelError> {
        let call = self.folder.graphs().unet.clone();
        let rows = sample.len_of(Axis(0));
        let shape = match call.timestep_shape {
            TimestepShape::Scalar => vec![],
            TimestepShape::One => vec![1],
            TimestepShape::Rows => vec![rows],
        };
        let inputs = vec![
            (
                call.sample.name.as_str(),
                tensors::input(sample, call.sample.element),
            ),
            (
                call.timestep.name.as_str(),
                tensors::timestep(timestep, call.timestep.element, shape),
            ),
            (
                call.text.name.as_str(),
                tensors::input(text, call.text.element),
            ),
        ];
        self.session(Component::Unet)?.run(inputs, &call.output)
    }
}

impl Denoiser for OnnxModel {
    type Error = ModelError;

    fn is_loaded(&self, component: Component) -> bool {
        self.sessions[component as usize].is_some()
    }

    fn load(&mut self, component: Component) -> Result<(), ModelError> {
        self.session(component).map(|_| ())
    }

    fn unload(&mut self, component: Component) {
        self.sessions[component as usize] = None;
    }

    fn encode_text(&mut self, text: &str) -> Result<Array3<f32>, ModelError> {
        let encoded = self.tokenizer.encode(text)?;
        let call = self.folder.graphs().text_encoder.clone();
        let ids = tensors::token_ids(&encoded.ids, call.input.element);
        self.session(Component::TextEncoder)?
            .run(vec![(call.input.name.as_str(), ids)], &call.output)
    }

    fn encode_image(&mut self, pixels: ArrayView4<f32>) -> Result<Array4<f32>, ModelError> {
        let call = self.folder.graphs().vae_encoder.clone();
        let channels = self.folder.latent_channels();
        let input = tensors::input(pixels, call.input.element);
        let session = self.session(Component::VaeEncoder)?;
        let output: Array4<f32> =
            session.run(vec![(call.input.name.as_str(), input)], &call.output)?;
        let given = output.len_of(Axis(1));
        if given == channels {
            Ok(output)
        } else if given == 2 * channels {
            // Mean, then logarithm of the variance (diffusers' `DiagonalGaussianDistribution`).
            Ok(output
                .slice_axis(Axis(1), Slice::from(..channels))
                .to_owned())
        } else {
            Err(session.wrong(format!(
                "{:?} has {given} channels, not {channels} or {}",
                call.output,
                2 * channels
            )))
        }
    }

    fn predict(
        &mut self,
        sample: ArrayView4<f32>,
        timestep: f32,
        text: ArrayView3<f32>,
    ) -> Result<Array4<f32>, ModelError> {
        let rows = sample.len_of(Axis(0));
        if rows <= 1 || !self.folder.graphs().unet.single_row {
            return self.predict_rows(sample, timestep, text);
        }
        let predicted = (0..rows)
            .map(|row| {
                let row = Slice::from(row..row + 1);
                let sample = sample.slice_axis(Axis(0), row);
                let text = text.slice_axis(Axis(0), row);
                self.predict_rows(sample, timestep, text)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let views: Vec<_> = predicted.iter().map(|row| row.view()).collect();
        let joined = concatenate(Axis(0), &views);
        joined.map_err(|error| ModelError::Inference {
            component: Component::Unet,
            message: error.to_string(),
            out_of_memory: false,
        })
    }

    fn decode(&mut self, latents: ArrayView4<f32>) -> Result<Array4<f32>, ModelError> {
        let call = self.folder.graphs().vae_decoder.clone();
        let input = tensors::input(latents, call.input.element);
        self.session(Component::VaeDecoder)?
            .run(vec![(call.input.name.as_str(), input)], &call.output)
    }
}
