//! One component as an ONNX Runtime session on the chosen device.

use std::path::Path;
use std::time::Instant;

use ndarray::{Array, Dimension};
use ort::ep::{self, ArenaExtendStrategy, ExecutionProviderDispatch};
use ort::logging::LogLevel;
use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::Session as OrtSession;
use ort::session::builder::{BuilderResult, GraphOptimizationLevel, SessionBuilder};

use super::arena::{cap_cpu, statistics as arena_statistics};
use super::bound::{Bound, Input};
use super::tensors::{self, InputValue};
use super::{ArenaStatistics, ExecutionDevice, Runtime, SessionError};
use crate::meter::milliseconds;

/// How a session is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionOptions {
    pub device: ExecutionDevice,
    /// For the CPU; 0 is the physical cores.
    pub threads: usize,
    /// On CUDA, the most that this session's arena may take. On the CPU, whether the environment's arena is
    /// used, which has the limit.
    pub limit_bytes: Option<usize>,
}

/// A loaded component. Dropping it frees its memory.
#[derive(Debug)]
pub(crate) struct Session {
    /// What errors call it.
    part: &'static str,
    /// The allocator of the device's memory, to be asked what it holds.
    arena: Option<Allocator>,
    device: ExecutionDevice,
    /// The tensors of the last [`Session::run_bound`].
    bound: Option<Bound>,
    /// Milliseconds in ONNX Runtime's calls.
    called_ms: f64,
    inner: OrtSession,
}

impl Session {
    /// Loads the graph at `path`.
    pub fn load(
        runtime: &Runtime,
        part: &'static str,
        path: &Path,
        options: SessionOptions,
    ) -> Result<Self, SessionError> {
        let inner = SessionBuilder::new(runtime.environment())
            .and_then(|builder| Ok(configure(builder, options)?))
            .and_then(|mut builder| builder.commit_from_file(path))
            .map_err(|error| SessionError::load(path, &error))?;
        Ok(Self::of(inner, part, options))
    }

    fn of(inner: OrtSession, part: &'static str, options: SessionOptions) -> Self {
        let arena = memory_of(options.device)
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

    /// Milliseconds in ONNX Runtime's own calls so far.
    pub fn called_ms(&self) -> f64 {
        self.called_ms
    }

    /// What the arena of this session's device holds; `None` if it does not say.
    pub fn arena(&self) -> Option<ArenaStatistics> {
        arena_statistics(self.arena.as_ref()?)
    }

    /// Runs the graph; gives the output of a name as float32.
    pub fn run<D: Dimension>(
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
        let outputs = outputs.map_err(failed)?;
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

    /// As [`Session::run`], with tensors that are kept from call to call, for an output of a known shape.
    pub fn run_bound<D: Dimension>(
        &mut self,
        inputs: &[Input],
        output: &str,
        shape: D,
    ) -> Result<Array<f32, D>, SessionError> {
        let part = self.part;
        let failed = |error| SessionError::run(part, &error);
        let output = (output, shape.slice());
        let kept = self.bound.take();
        let mut bound = match kept.filter(|bound| bound.fits(inputs, output)) {
            Some(bound) => bound,
            None => Bound::new(&self.inner, self.device, inputs, output).map_err(failed)?,
        };
        // After a failure they are not kept: what the device has of them is unknown.
        let (values, ms) = bound.run(&mut self.inner, inputs).map_err(failed)?;
        self.called_ms += ms;
        self.bound = Some(bound);
        Array::from_shape_vec(shape, values).map_err(|error| self.wrong(error.to_string()))
    }

    /// An error of this component in the library's own words.
    pub fn wrong(&self, message: String) -> SessionError {
        SessionError::wrong(self.part, message)
    }
}

/// Gives the CPU sessions of a limit a new arena, where nobody uses the old one: it keeps what it once took, in
/// pieces. `path` is the graph that is to be loaded next.
pub(crate) fn fresh_arena(
    runtime: &Runtime,
    options: SessionOptions,
    path: &Path,
) -> Result<(), SessionError> {
    match (options.device, options.limit_bytes) {
        (ExecutionDevice::Cpu, Some(limit)) => {
            cap_cpu(runtime.environment(), limit).map_err(|error| SessionError::load(path, &error))
        }
        _ => Ok(()),
    }
}

#[expect(
    clippy::result_large_err,
    reason = "the type is ort's, whose steps all give it"
)]
fn configure(builder: SessionBuilder, options: SessionOptions) -> BuilderResult {
    let builder = builder
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_log_level(LogLevel::Warning)?
        .with_intra_threads(options.threads)?;
    match options.device {
        ExecutionDevice::Cpu if options.limit_bytes.is_some() => builder.with_env_allocators(),
        ExecutionDevice::Cpu => Ok(builder),
        ExecutionDevice::Cuda(index) => {
            builder.with_execution_providers([cuda(index, options.limit_bytes)])
        }
    }
}

/// Where a device's tensors are.
fn memory_of(device: ExecutionDevice) -> ort::Result<MemoryInfo<'static>> {
    let (place, index) = match device {
        ExecutionDevice::Cpu => (AllocationDevice::CPU, 0),
        ExecutionDevice::Cuda(index) => (AllocationDevice::CUDA, device_id(index)),
    };
    MemoryInfo::new(place, index, AllocatorType::Device, MemoryType::Default)
}

fn device_id(index: u32) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

/// The CUDA provider. Failing to register is an error, for otherwise ONNX Runtime goes on silently on the
/// CPU; TF32 is off for float32 results; exhaustive convolution search takes minutes and gigabytes.
fn cuda(index: u32, limit_bytes: Option<usize>) -> ExecutionProviderDispatch {
    let provider = match limit_bytes {
        Some(limit) => ep::CUDA::default().with_memory_limit(limit),
        None => ep::CUDA::default(),
    };
    provider
        .with_device_id(device_id(index))
        .with_tf32(false)
        .with_conv_algorithm_search(ep::cuda::ConvAlgorithmSearch::Heuristic)
        .with_arena_extend_strategy(ArenaExtendStrategy::SameAsRequested)
        .build()
        .error_on_failure()
}
