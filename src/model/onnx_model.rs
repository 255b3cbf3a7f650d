//! Runs a model folder: implements [`Denoiser`] with ONNX Runtime.

use std::sync::Arc;

use ndarray::{Array, Array3, Array4, ArrayView4, Axis, Dimension, Slice};

use super::graph::TimestepShape;
use super::{ModelError, ModelFolder, Tokenizer};
use crate::diffusion::{Component, Denoiser, Headroom, Texts};
use crate::meter::free_bytes;
use crate::onnxruntime::{
    ArenaStatistics, ExecutionDevice, Input, InputValue, Runtime, Session, SessionOptions,
    SharedArena, shared_arena,
};
use crate::vocabulary::Arithmetic;

/// A model on a device. Components are loaded on request or when they are first needed.
#[derive(Debug)]
pub struct OnnxModel {
    folder: Arc<ModelFolder>,
    tokenizer: Tokenizer,
    runtime: Runtime,
    device: ExecutionDevice,
    threads: usize,
    limit_bytes: Option<usize>,
    arithmetic: Arithmetic,
    /// The arena that enforces the memory limit; it exists while a component is loaded.
    arena: Option<SharedArena>,
    sessions: [Option<Session>; 4],
    /// Milliseconds spent in ONNX Runtime's calls by components that have been unloaded.
    called_ms: f64,
}

impl OnnxModel {
    /// Makes a model from a folder; no component is loaded yet. `threads` is the number of CPU threads (0 for the
    /// number of physical cores).
    ///
    /// # Errors
    /// If the tokenizer's files are not valid.
    pub fn new(
        folder: Arc<ModelFolder>,
        runtime: Runtime,
        device: ExecutionDevice,
        threads: usize,
    ) -> Result<Self, ModelError> {
        let tokenizer = folder.tokenizer()?;
        folder.unchanged()?;
        Ok(Self {
            folder,
            tokenizer,
            runtime,
            device,
            threads,
            limit_bytes: None,
            arithmetic: Arithmetic::default(),
            arena: None,
            sessions: [const { None }; 4],
            called_ms: 0.0,
        })
    }

    /// Limits the device memory that ONNX Runtime takes, weights included. All components then share one arena.
    #[must_use]
    pub fn with_memory_limit(mut self, bytes: Option<u64>) -> Self {
        self.limit_bytes = bytes.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        self
    }

    /// Sets the number formats that the device may compute in.
    #[must_use]
    pub fn with_arithmetic(mut self, arithmetic: Arithmetic) -> Self {
        self.arithmetic = arithmetic;
        self
    }

    /// Milliseconds spent in ONNX Runtime's own calls; the rest of the time is this program's.
    pub fn called_ms(&self) -> f64 {
        let loaded = self.sessions.iter().flatten().map(Session::called_ms);
        self.called_ms + loaded.sum::<f64>()
    }

    fn session(&mut self, component: Component) -> Result<&mut Session, ModelError> {
        let session = match self.sessions[component as usize].take() {
            Some(session) => session,
            None => self.open(component)?,
        };
        Ok(self.sessions[component as usize].insert(session))
    }

    fn open(&mut self, component: Component) -> Result<Session, ModelError> {
        let path = self.folder.model_file(component);
        if self.sessions.iter().all(Option::is_none) {
            // Use a new arena, because the old one keeps memory it once took, in fragments.
            self.arena = None;
            let limit = self.limit_bytes;
            let shared = |limit| shared_arena(&self.runtime, self.device, limit, &path);
            self.arena = limit.map(shared).transpose()?;
        }
        let options = SessionOptions {
            device: self.device,
            threads: self.threads,
            shared_arena: self.arena.is_some(),
            arithmetic: Arithmetic {
                tf32: self.arithmetic.tf32 && component == Component::VaeDecoder,
                ..self.arithmetic
            },
        };
        let session = Session::load(&self.runtime, component.folder(), &path, options)?;
        // Ensures that the files loaded are those of the digest.
        self.folder.unchanged()?;
        Ok(session)
    }

    /// The arenas of the loaded components, without duplicates.
    fn arenas(&self) -> impl Iterator<Item = ArenaStatistics> {
        let all = self.sessions.iter().flatten().filter_map(Session::arena);
        all.take(if self.arena.is_some() { 1 } else { usize::MAX })
    }

    fn predict_rows(
        &mut self,
        sample: ArrayView4<f32>,
        timestep: f32,
        texts: Texts,
        prediction: &mut Array4<f32>,
    ) -> Result<(), ModelError> {
        let folder = Arc::clone(&self.folder);
        let session = self.session(Component::Unet)?;
        predict(session, &folder, sample, timestep, texts, prediction)
    }
}

/// Calls a folder's UNet once.
fn predict(
    session: &mut Session,
    folder: &ModelFolder,
    sample: ArrayView4<f32>,
    timestep: f32,
    texts: Texts,
    prediction: &mut Array4<f32>,
) -> Result<(), ModelError> {
    let call = &folder.graphs().unet;
    let rows = sample.len_of(Axis(0));
    let shape = match call.timestep_shape {
        TimestepShape::Scalar => vec![],
        TimestepShape::One => vec![1],
        TimestepShape::Rows => vec![rows],
    };
    let (_, _, height, width) = sample.dim();
    fit(prediction, (rows, folder.latent_channels(), height, width));
    let (sample, text) = (
        sample.as_standard_layout(),
        texts.values.as_standard_layout(),
    );
    let timestep = [timestep];
    let inputs = [
        Input {
            name: &call.sample.name,
            element: call.sample.element,
            shape: sample.shape().to_owned(),
            values: sample.as_slice().unwrap_or_default(),
            version: None,
        },
        Input {
            name: &call.timestep.name,
            element: call.timestep.element,
            shape,
            values: &timestep,
            version: Some(timestep[0].to_bits().into()),
        },
        Input {
            name: &call.text.name,
            element: call.text.element,
            shape: text.shape().to_owned(),
            values: text.as_slice().unwrap_or_default(),
            version: Some(texts.version),
        },
    ];
    Ok(session.run_bound(&inputs, &call.output, prediction)?)
}

/// Gives an array another shape, unless it has this one.
fn fit(array: &mut Array4<f32>, shape: (usize, usize, usize, usize)) {
    if array.dim() != shape {
        *array = Array4::zeros(shape);
    }
}

/// Checks that an output has the shape that follows from the configurations, because graphs leave most of theirs open.
fn shaped<D: Dimension>(
    session: &Session,
    name: &str,
    output: Array<f32, D>,
    expected: impl AsRef<[usize]>,
) -> Result<Array<f32, D>, ModelError> {
    let (given, expected) = (output.shape(), expected.as_ref());
    match given == expected {
        true => Ok(output),
        false => Err(session
            .wrong(format!(
                "{name:?} has the shape {given:?} where the configurations say {expected:?}"
            ))
            .into()),
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
        if let Some(session) = self.sessions[component as usize].take() {
            self.called_ms += session.called_ms();
        }
        if self.sessions.iter().all(Option::is_none) {
            self.arena = None;
        }
    }

    fn arena_peak_bytes(&self) -> Option<u64> {
        // Components work one at a time; meanwhile the others only hold their weights.
        let (in_use, rise) = self
            .arenas()
            .map(|arena| (arena.in_use, arena.max_in_use.saturating_sub(arena.in_use)))
            .reduce(|sum, arena| (sum.0 + arena.0, sum.1.max(arena.1)))?;
        Some(in_use + rise)
    }

    fn headroom(&self, component: Component) -> Option<Headroom> {
        if !self.device.facts().is_gpu {
            return None;
        }
        let session = self.sessions[component as usize].as_ref()?;
        let limit = self.limit_bytes.map(|limit| {
            let taken: u64 = self.arenas().map(|arena| arena.total_allocated).sum();
            (limit as u64).saturating_sub(taken)
        });
        Some(Headroom {
            peak_bytes: session.arena()?.max_in_use,
            free_bytes: free_bytes(self.device).into_iter().chain(limit).min()?,
        })
    }

    fn most_rows(&self, height: usize, width: usize) -> Option<usize> {
        let most = self.device.facts().most_elements?;
        let scores = self.folder.attention_scores(height, width)?.max(1);
        // The tensor must have fewer than `most` elements.
        usize::try_from((most - 1) / scores).ok()
    }

    fn encode_text(&mut self, text: &str) -> Result<Array3<f32>, ModelError> {
        let encoded = self.tokenizer.encode(text)?;
        let call = self.folder.graphs().text_encoder.clone();
        let expected = [1, encoded.ids.len(), self.folder.text_width()];
        let ids = InputValue::token_ids(&encoded.ids, call.input.element);
        let session = self.session(Component::TextEncoder)?;
        let output = session.run(vec![(call.input.name.as_str(), ids)], &call.output)?;
        shaped(session, &call.output, output, expected)
    }

    fn encode_image(&mut self, pixels: ArrayView4<f32>) -> Result<Array4<f32>, ModelError> {
        let call = self.folder.graphs().vae_encoder.clone();
        let channels = self.folder.latent_channels();
        let factor = self.folder.vae_factor() as usize;
        let (rows, _, height, width) = pixels.dim();
        let input = InputValue::array(pixels, call.input.element);
        let session = self.session(Component::VaeEncoder)?;
        let output: Array4<f32> =
            session.run(vec![(call.input.name.as_str(), input)], &call.output)?;
        let given = output.len_of(Axis(1));
        if given != channels && given != 2 * channels {
            let (one, two) = (channels, 2 * channels);
            let message = format!("{:?} has {given} channels, not {one} or {two}", call.output);
            return Err(session.wrong(message).into());
        }
        let expected = [rows, given, height / factor, width / factor];
        shaped(session, &call.output, output, expected)
    }

    fn predict(
        &mut self,
        sample: ArrayView4<f32>,
        timestep: f32,
        texts: Texts,
        prediction: &mut Array4<f32>,
    ) -> Result<(), ModelError> {
        let (rows, _, height, width) = sample.dim();
        if rows <= 1 || !self.folder.graphs().unet.single_row {
            return self.predict_rows(sample, timestep, texts, prediction);
        }
        let channels = self.folder.latent_channels();
        fit(prediction, (rows, channels, height, width));
        let mut alone = Array4::zeros((0, 0, 0, 0));
        for (row, mut place) in prediction.outer_iter_mut().enumerate() {
            let row = Slice::from(row..row + 1);
            let sample = sample.slice_axis(Axis(0), row);
            let text = texts.values.slice_axis(Axis(0), row);
            self.predict_rows(sample, timestep, text.into(), &mut alone)?;
            place.assign(&alone.index_axis(Axis(0), 0));
        }
        Ok(())
    }

    fn decode(&mut self, latents: ArrayView4<f32>) -> Result<Array4<f32>, ModelError> {
        let call = self.folder.graphs().vae_decoder.clone();
        let factor = self.folder.vae_factor() as usize;
        let (rows, _, height, width) = latents.dim();
        let input = InputValue::array(latents, call.input.element);
        let session = self.session(Component::VaeDecoder)?;
        let output = session.run(vec![(call.input.name.as_str(), input)], &call.output)?;
        let expected = [rows, 3, height * factor, width * factor];
        shaped(session, &call.output, output, expected)
    }
}
