//! Every error that a command can end with.

use std::path::Path;

use ip2p_sweep::bench::BenchError;
use ip2p_sweep::bundled::BundledError;
use ip2p_sweep::export::ExportError;
use ip2p_sweep::image::ImageError;
use ip2p_sweep::judge::JudgeError;
use ip2p_sweep::model::ModelError;
use ip2p_sweep::onnxruntime::RuntimeError;
use ip2p_sweep::runner::{ArrayError, RunnerError};
use ip2p_sweep::spec::SpecError;
use ip2p_sweep::store::StoreError;
use ip2p_sweep::views::animation::AnimationError;
use ip2p_sweep::views::compare::CompareError;
use ip2p_sweep::views::refine::RefineError;
use ip2p_sweep::views::report::ReportError;
use ip2p_sweep::views::sheet::SheetError;

/// Any error of the library; each says what is wrong with what, and its `help` what to do.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error(transparent)]
#[diagnostic(transparent)]
pub enum Error {
    /// Preparing, running or merging a sweep.
    Runner(#[from] RunnerError),
    /// The sweep file.
    Spec(#[from] SpecError),
    /// An image that a command was given.
    Image(#[from] ImageError),
    /// The part of a sweep that a scheduler gives.
    Array(#[from] ArrayError),
    /// A model folder.
    Model(#[from] ModelError),
    /// ONNX Runtime or a device.
    Runtime(#[from] RuntimeError),
    /// What the program carries inside, on its way to the cache.
    Bundled(#[from] BundledError),
    /// An export that could not begin.
    Export(#[from] ExportError),
    /// The run folder.
    Store(#[from] StoreError),
    /// Sheets.
    Sheet(#[from] SheetError),
    /// Baselines and checks.
    Judge(#[from] JudgeError),
    /// The report.
    Report(#[from] ReportError),
    /// A sweep around a cell.
    Refine(#[from] RefineError),
    /// An axis that moves.
    Animation(#[from] AnimationError),
    /// Two runs against each other.
    Compare(#[from] CompareError),
    /// A benchmark.
    Bench(#[from] BenchError),
}

impl Error {
    /// Further problems that were found with this one.
    pub fn others(&self) -> &[SpecError] {
        self.of_sweep_file().map_or(&[], SpecError::others)
    }

    /// File, line and column, where the error has a place in a file.
    pub fn location(&self) -> Option<(&Path, usize, usize)> {
        self.of_sweep_file()?.location()
    }

    /// What is wrong with the sweep file, if that is it.
    pub fn of_sweep_file(&self) -> Option<&SpecError> {
        let (Self::Spec(error) | Self::Runner(RunnerError::Spec(error))) = self else {
            return None;
        };
        Some(error)
    }
}
