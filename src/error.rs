//! Every error of the library, and the exit code each stands for.

use std::path::Path;

use crate::bench::BenchError;
use crate::bundled::BundledError;
use crate::diffusion::SchedulerError;
use crate::engine::{EngineError, ShelfError};
use crate::export::ExportError;
use crate::image::ImageError;
use crate::judge::JudgeError;
use crate::model::ModelError;
use crate::onnxruntime::RuntimeError;
use crate::plan::PlanError;
use crate::runner::{ArrayError, MergeError};
use crate::spec::SpecError;
use crate::store::StoreError;
use crate::views::compare::CompareError;
use crate::views::report::ReportError;
use crate::views::sheet::SheetError;

/// Any error of the library; each says what is wrong with what, and its `help` what to do.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error(transparent)]
#[diagnostic(transparent)]
pub enum Error {
    /// The sweep file.
    Spec(#[from] SpecError),
    /// An image that the sweep file names.
    Image(#[from] ImageError),
    /// The sweep file together with its images and models.
    Plan(#[from] PlanError),
    /// The part of a sweep that a scheduler gives.
    Array(#[from] ArrayError),
    /// Run folders that are to be one.
    Merge(#[from] MergeError),
    /// A scheduler that cannot be made of a model's configuration.
    Scheduler(#[from] SchedulerError),
    /// A model folder, or a component at work.
    Model(#[from] ModelError),
    /// ONNX Runtime or a device.
    Runtime(#[from] RuntimeError),
    /// What the program carries inside, on its way to the cache.
    Bundled(#[from] BundledError),
    /// An export that could not begin.
    Export(#[from] ExportError),
    /// The run folder.
    Store(#[from] StoreError),
    /// Latents in the run folder.
    Shelf(#[from] ShelfError),
    /// Sheets.
    Sheet(#[from] SheetError),
    /// Baselines and checks.
    Judge(#[from] JudgeError),
    /// The report.
    Report(#[from] ReportError),
    /// Two runs against each other.
    Compare(#[from] CompareError),
    /// A benchmark that does not suit the model.
    Bench(#[from] BenchError),
}

impl Error {
    /// Exit code: done.
    pub const DONE: u8 = 0;
    /// Exit code: a failure in running.
    pub const FAILED: u8 = 1;
    /// Exit code: bad usage or sweep file.
    pub const BAD_SWEEP: u8 = 2;
    /// Exit code: runtime, device or model not usable.
    pub const NOT_USABLE: u8 = 3;
    /// Exit code: some cells failed, the rest are there.
    pub const SOME_CELLS_FAILED: u8 = 12;

    /// What the program exits with.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Spec(_)
            | Self::Image(_)
            | Self::Plan(_)
            | Self::Scheduler(_)
            | Self::Bench(_)
            | Self::Store(
                StoreError::UnknownCell { .. }
                | StoreError::UnknownStage { .. }
                | StoreError::NotARun { .. }
                | StoreError::OtherSweep { .. },
            )
            | Self::Array(_)
            | Self::Export(ExportError::Exists { .. })
            | Self::Merge(_)
            | Self::Store(StoreError::OtherPlan { .. })
            | Self::Sheet(SheetError::Font { .. }) => Self::BAD_SWEEP,
            Self::Model(_) | Self::Runtime(_) | Self::Export(_) => Self::NOT_USABLE,
            Self::Compare(CompareError::NothingInCommon { .. } | CompareError::Foreign { .. }) => {
                Self::BAD_SWEEP
            }
            Self::Judge(error) => error.exit_code(),
            Self::Compare(_)
            | Self::Store(_)
            | Self::Shelf(_)
            | Self::Sheet(_)
            | Self::Report(_)
            | Self::Bundled(_) => Self::FAILED,
        }
    }

    /// Further problems that were found with this one.
    pub fn others(&self) -> &[SpecError] {
        match self {
            Self::Spec(error) => error.others(),
            _ => &[],
        }
    }

    /// File, line and column, where the error has a place in a file.
    pub fn location(&self) -> Option<(&Path, usize, usize)> {
        match self {
            Self::Spec(error) => error.location(),
            _ => None,
        }
    }
}

impl From<EngineError<ModelError>> for Error {
    fn from(error: EngineError<ModelError>) -> Self {
        match error {
            EngineError::Model(error) => Self::Model(error),
            EngineError::Shelf(error) => Self::Shelf(error),
        }
    }
}
