//! Runs a CLIP folder, with one encoder in memory at a time.

use std::sync::Arc;

use image::RgbImage;
use ndarray::{Array1, Array2, Axis};

use super::{ClipFolder, Encoder};
use crate::model::ModelError;
use crate::model::graph::Call;
use crate::model::tokenizer::Tokenizer;
use crate::onnxruntime::{
    ExecutionDevice, InputValue, Runtime, Session, SessionOptions, SharedArena, shared_arena,
};
use crate::vocabulary::Arithmetic;

/// CLIP on a device. An encoder is loaded when it is first needed and replaces the other.
#[derive(Debug)]
pub struct ClipModel {
    folder: Arc<ClipFolder>,
    tokenizer: Tokenizer,
    runtime: Runtime,
    device: ExecutionDevice,
    threads: usize,
    limit_bytes: Option<usize>,
    /// The arena that enforces the memory limit, if there is one.
    arena: Option<SharedArena>,
    loaded: Option<(Encoder, Session)>,
}

impl ClipModel {
    /// Makes a model from a folder; no encoder is loaded yet. `threads` is the number of CPU threads (0 for the number
    /// of physical cores); `limit_bytes` limits the device memory of ONNX Runtime's arena, weights included.
    ///
    /// # Errors
    /// If the tokenizer's files are not valid.
    pub fn new(
        folder: Arc<ClipFolder>,
        runtime: Runtime,
        device: ExecutionDevice,
        threads: usize,
        limit_bytes: Option<u64>,
    ) -> Result<Self, ModelError> {
        let tokenizer = folder.tokenizer()?;
        folder.unchanged()?;
        Ok(Self {
            folder,
            tokenizer,
            runtime,
            device,
            threads,
            limit_bytes: limit_bytes.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            arena: None,
            loaded: None,
        })
    }

    /// The projected embedding of a text, not normalised.
    ///
    /// # Errors
    /// If the encoder cannot be loaded or fails.
    pub fn embed_text(&mut self, text: &str) -> Result<Array1<f32>, ModelError> {
        let ids = self.tokenizer.encode(text)?.ids;
        let call = self.folder.calls().text.clone();
        let input = InputValue::token_ids(&ids, call.input.element);
        self.embed(Encoder::Text, &call, input)
    }

    /// The projected embedding of an image, not normalised.
    ///
    /// # Errors
    /// If the encoder cannot be loaded or fails.
    pub fn embed_image(&mut self, image: &RgbImage) -> Result<Array1<f32>, ModelError> {
        let pixels = self.folder.preprocessing().pixels(image);
        let call = self.folder.calls().image.clone();
        let input = InputValue::array(pixels.view(), call.input.element);
        self.embed(Encoder::Image, &call, input)
    }

    fn embed(
        &mut self,
        encoder: Encoder,
        call: &Call,
        input: InputValue<'_>,
    ) -> Result<Array1<f32>, ModelError> {
        let session = self.session(encoder)?;
        let rows: Array2<f32> = session.run(vec![(&call.input.name, input)], &call.output)?;
        match rows.len_of(Axis(0)) {
            1 => Ok(rows.index_axis_move(Axis(0), 0)),
            rows => {
                let message = format!("{:?} has {rows} rows, not one", call.output);
                Err(session.wrong(message).into())
            }
        }
    }

    fn session(&mut self, encoder: Encoder) -> Result<&mut Session, ModelError> {
        let loaded = self.loaded.take().filter(|(which, _)| *which == encoder);
        let session = match loaded {
            Some((_, session)) => session,
            None => self.load(encoder)?,
        };
        Ok(&mut self.loaded.insert((encoder, session)).1)
    }

    fn load(&mut self, encoder: Encoder) -> Result<Session, ModelError> {
        let path = self.folder.model_file(encoder);
        self.arena = None;
        let shared = |limit| shared_arena(&self.runtime, self.device, limit, path);
        self.arena = self.limit_bytes.map(shared).transpose()?;
        let options = SessionOptions {
            device: self.device,
            threads: self.threads,
            shared_arena: self.arena.is_some(),
            arithmetic: Arithmetic::EXACT,
        };
        let session = Session::load(&self.runtime, encoder.name(), path, options)?;
        // Ensures that the files loaded are those of the digest.
        self.folder.unchanged()?;
        Ok(session)
    }
}
