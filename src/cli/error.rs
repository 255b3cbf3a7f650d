//! All errors that a command can end with.

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
use miette::Diagnostic;

/// Any error of the library; each says what is wrong, and its `help` says what to do.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error(transparent)]
#[diagnostic(transparent)]
pub enum Error {
    /// Preparing, running or merging a sweep failed.
    Runner(#[from] RunnerError),
    /// The sweep file.
    Spec(#[from] SpecError),
    /// An image that a command was given.
    Image(#[from] ImageError),
    /// A cluster scheduler's environment does not identify a part.
    Array(#[from] ArrayError),
    /// A model folder.
    Model(#[from] ModelError),
    /// ONNX Runtime or a device.
    Runtime(#[from] RuntimeError),
    /// Bundled files could not be unpacked into the cache.
    Bundled(#[from] BundledError),
    /// An export could not begin.
    Export(#[from] ExportError),
    /// The run folder.
    Store(#[from] StoreError),
    /// Sheets could not be drawn.
    Sheet(#[from] SheetError),
    /// Baselines and checks.
    Judge(#[from] JudgeError),
    /// The report could not be written.
    Report(#[from] ReportError),
    /// A finer sweep could not be made.
    Refine(#[from] RefineError),
    /// An animation could not be made.
    Animation(#[from] AnimationError),
    /// Two runs could not be compared.
    Compare(#[from] CompareError),
    /// A benchmark could not be made.
    Bench(#[from] BenchError),
}

impl Error {
    /// Other errors found together with this one.
    pub fn others(&self) -> &[SpecError] {
        self.of_sweep_file().map_or(&[], SpecError::others)
    }

    /// File, line and column, if the error has a location in a file.
    pub fn location(&self) -> Option<(&Path, usize, usize)> {
        self.of_sweep_file()?.location()
    }

    /// The error of the sweep file, if it is one.
    pub fn of_sweep_file(&self) -> Option<&SpecError> {
        let (Self::Spec(error) | Self::Runner(RunnerError::Spec(error))) = self else {
            return None;
        };
        Some(error)
    }
}

/// What to do about an error, if known.
pub fn remedy(error: &dyn Diagnostic) -> Option<String> {
    let inner = error.diagnostic_source();
    let help = error.help().or_else(|| inner.and_then(Diagnostic::help));
    help.map(|help| help.to_string())
}
