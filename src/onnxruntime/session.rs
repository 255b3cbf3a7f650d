//! One component as an ONNX Runtime session on the chosen device.

use std::path::Path;
use std::time::Instant;

use ndarray::{Array, Dimension};
use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::memory::Allocator;
use ort::session::Session as OrtSession;
use ort::session::builder::{BuilderResult, GraphOptimizationLevel, SessionBuilder};

use super::arena::{SharedArena, statistics as arena_statistics};
use super::bound::{Bound, Input};
use super::load::take_device_error;
use super::provider::{ProviderSettings, provider};
use super::tensors::{self, InputValue};
use super::{ArenaStatistics, ExecutionDevice, Runtime, SessionError};
use crate::meter::milliseconds;
use crate::vocabulary::Arithmetic;

/// The options of a session.
#[derive(Debug, Clone, Copy)]
pub struct SessionOptions {
    /// The device it runs on.
    pub device: ExecutionDevice,
    /// Number of CPU threads; 0 for the number of physical cores.
    pub threads: usize,
    /// Whether it takes its memory from the existing `SharedArena`, which has a limit, instead of an arena of its own.
    pub shared_arena: bool,
    /// The number formats it may compute in.
    pub arithmetic: Arithmetic,
}

/// A loaded component. Dropping it frees its memory.
#[derive(Debug)]
pub struct Session {
    /// Its name in errors.
    part: &'static str,
    /// The allocator of the device's memory, for its statistics.
    arena: Option<Allocator>,
    device: ExecutionDevice,
    /// The tensors of the last [`Session::run_bound`].
    bound: Option<Bound>,
    /// Milliseconds spent in ONNX Runtime's calls.
    called_ms: f64,
    inner: OrtSession,
}

impl Session {
    /// Loads the graph at `path`; `part` is its name in errors.
    ///
    /// # Errors
    /// [`SessionError::Load`].
    pub fn load(
        runtime: &Runtime,
        part: &'static str,
        path: &Path,
        options: SessionOptions,
    ) -> Result<Self, SessionError> {
        let inner = SessionBuilder::new(runtime.environment())
            .and_then(|builder| Ok(configure(builder, runtime.environment(), options)?))
            .and_then(|mut builder| builder.commit_from_file(path))
            .map_err(|error| SessionError::load(path, &error))?;
        Ok(Self::of(inner, part, options))
    }

    fn of(inner: OrtSession, part: &'static str, options: SessionOptions) -> Self {
        let arena = provider(options.device)
            .memory()
            .and_then(|place| Allocator::new(&inner, place))
            .ok();
        Self {
            part,
            arena,
            device: options.device,
            bound: None,
            called_ms: 0.0,
            inner,
        }
    }

    /// Milliseconds spent in ONNX Runtime's own calls so far.
    pub fn called_ms(&self) -> f64 {
        self.called_ms
    }

    /// Statistics of the arena on this session's device; `None` if it has none.
    pub fn arena(&self) -> Option<ArenaStatistics> {
        arena_statistics(self.arena.as_ref()?)
    }

    /// Runs the graph and returns the output with this name as float32.
    pub(crate) fn run<D: Dimension>(
        &mut self,
        inputs: Vec<(&str, InputValue<'_>)>,
        output: &str,
    ) -> Result<Array<f32, D>, SessionError> {
        let part = self.part;
        let failed = |error| SessionError::run(part, &error);
        let inputs = inputs
            .into_iter()
            .map(|(name, value)| Ok((name, value.0?)))
            .collect::<ort::Result<Vec<_>>>()
            .map_err(failed)?;
        let begun = Instant::now();
        let outputs = self.inner.run(inputs);
        self.called_ms += milliseconds(begun);
        let outputs = outcome(part, outputs)?;
        let value = outputs
            .get(output)
            .ok_or_else(|| SessionError::wrong(part, format!("it gave no {output:?}")))?;
        let (shape, values) = tensors::output(value).map_err(failed)?;
        let rank = shape.len();
        let wrong = |_| {
            let message = format!("{output:?} has {rank} axes, which is unexpected");
            SessionError::wrong(part, message)
        };
        Array::from_shape_vec(shape, values)
            .and_then(Array::into_dimensionality)
            .map_err(wrong)
    }

    /// Like `Session::run`, for an output of the shape of `values`, with tensors that are reused from call to call.
    ///
    /// # Errors
    /// [`SessionError::Run`].
    pub fn run_bound<D: Dimension>(
        &mut self,
        inputs: &[Input],
        output: &str,
        values: &mut Array<f32, D>,
    ) -> Result<(), SessionError> {
        let part = self.part;
        let shape = values.shape().to_owned();
        let output = (output, shape.as_slice());
        let kept = self.bound.take();
        let mut bound = match kept.filter(|bound| bound.fits(inputs, output)) {
            Some(bound) => bound,
            None => outcome(part, Bound::new(&self.inner, self.device, inputs, output))?,
        };
        // After a failure the tensors are dropped, because it is unknown what the device has of them.
        let values = values.as_slice_mut().unwrap_or_default();
        self.called_ms += outcome(part, bound.run(&mut self.inner, inputs, values))?;
        self.bound = Some(bound);
        Ok(())
    }

    /// An error of this component with our own message.
    pub(crate) fn wrong(&self, message: String) -> SessionError {
        SessionError::wrong(self.part, message)
    }
}

/// The outcome of a call. An error that the device has reported meanwhile is an error even if ONNX Runtime considers the
/// call successful, and the cause of ONNX Runtime's own error.
fn outcome<T>(part: &'static str, called: ort::Result<T>) -> Result<T, SessionError> {
    let told = take_device_error().map(ort::Error::new);
    let called = told.map_or(called, Err);
    called.map_err(|error| SessionError::run(part, &error))
}

/// An arena of at most `bytes` bytes for the sessions loaded while it exists. `path` is the graph of the first session,
/// for errors.
pub(crate) fn shared_arena(
    runtime: &Runtime,
    device: ExecutionDevice,
    limit_bytes: usize,
    path: &Path,
) -> Result<SharedArena, SessionError> {
    SharedArena::new(runtime, device, limit_bytes).map_err(|error| SessionError::load(path, &error))
}

#[expect(
    clippy::result_large_err,
    reason = "the type is ort's, whose steps all give it"
)]
fn configure(
    builder: SessionBuilder,
    environment: &Environment,
    options: SessionOptions,
) -> BuilderResult {
    let builder = builder
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_log_level(LogLevel::Warning)?
        .with_intra_threads(options.threads)?;
    let settings = ProviderSettings {
        shared_arena: options.shared_arena,
        threads: options.threads,
        arithmetic: options.arithmetic,
    };
    provider(options.device).register(builder, environment, settings)
}
