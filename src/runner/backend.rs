//! What makes models ready to run: ONNX Runtime, or a benchmark's replacement for it.

use std::sync::Arc;

use super::memory::limit_bytes;
use super::{Clip, Model, Place, RunnerError};
use crate::engine::Denoiser;
use crate::model::clip::ClipModel;
use crate::model::{ModelError, OnnxModel};
use crate::onnxruntime::ExecutionDevice;
use crate::spec::Runtime;
use crate::store::Environment;

/// Opens the models of a sweep.
pub trait Backend {
    /// An opened model folder.
    type Model: Denoiser<Error = ModelError>;

    /// The device it runs on.
    fn device(&self) -> ExecutionDevice;

    /// Its description in the run folder, with the settings it was asked to run with.
    fn environment(&self, runtime: &Runtime) -> Environment;

    /// Opens a model; its components are loaded when they are needed.
    ///
    /// # Errors
    /// If the folder's files are not a valid model.
    fn open(&self, model: &Model, runtime: &Runtime) -> Result<Self::Model, RunnerError>;

    /// Opens CLIP; its encoders are loaded when they are needed.
    ///
    /// # Errors
    /// If the folder's files are not a valid model.
    fn open_clip(&self, clip: &Clip, runtime: &Runtime) -> Result<ClipModel, RunnerError>;
}

impl Backend for Place {
    type Model = OnnxModel;

    fn device(&self) -> ExecutionDevice {
        self.device
    }

    fn environment(&self, runtime: &Runtime) -> Environment {
        self.environment(runtime)
    }

    fn open(&self, model: &Model, runtime: &Runtime) -> Result<OnnxModel, RunnerError> {
        let limit = limit_bytes(runtime);
        self.check_limit(limit)?;
        let opened = OnnxModel::new(
            Arc::clone(&model.folder),
            self.runtime.clone(),
            self.device,
            runtime.threads,
        )?;
        Ok(opened
            .with_memory_limit(limit)
            .with_arithmetic(runtime.arithmetic))
    }

    fn open_clip(&self, clip: &Clip, runtime: &Runtime) -> Result<ClipModel, RunnerError> {
        let opened = ClipModel::new(
            Arc::clone(&clip.folder),
            self.runtime.clone(),
            self.device,
            runtime.threads,
            limit_bytes(runtime),
        )?;
        Ok(opened)
    }
}
