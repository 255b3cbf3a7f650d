//! What can go wrong between a sweep file and a run folder.

use super::MergeError;
use crate::diffusion::SchedulerError;
use crate::engine::{EngineError, ShelfError};
use crate::image::ImageError;
use crate::model::ModelError;
use crate::onnxruntime::RuntimeError;
use crate::plan::PlanError;
use crate::spec::SpecError;
use crate::store::StoreError;

/// Why a sweep cannot be prepared, run or merged: an error of a lower layer, passed on unchanged.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error(transparent)]
#[diagnostic(transparent)]
pub enum RunnerError {
    /// The sweep file.
    Spec(#[from] SpecError),
    /// An image that the sweep file names.
    Image(#[from] ImageError),
    /// The sweep file does not fit its images and models.
    Plan(#[from] PlanError),
    /// A scheduler cannot be made from a model's configuration.
    Scheduler(#[from] SchedulerError),
    /// A model folder or a component's inference.
    Model(#[from] ModelError),
    /// ONNX Runtime or a device.
    Runtime(#[from] RuntimeError),
    /// The run folder.
    Store(#[from] StoreError),
    /// Latents in the run folder.
    Shelf(#[from] ShelfError),
    /// Run folders that cannot be merged.
    Merge(#[from] MergeError),
}

impl From<EngineError<ModelError>> for RunnerError {
    fn from(error: EngineError<ModelError>) -> Self {
        match error {
            EngineError::Model(error) => Self::Model(error),
            EngineError::Shelf(error) => Self::Shelf(error),
        }
    }
}
