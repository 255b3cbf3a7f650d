//! One component as an ONNX Runtime session on the chosen device.

use std::path::Path;

use ndarray::{Array, Dimension};
use ort::ep::{self, ArenaExtendStrategy, ExecutionProviderDispatch};
use ort::logging::LogLevel;
use ort::session::builder::{BuilderResult, GraphOptimizationLevel, SessionBuilder};
use ort::session::{Session as OrtSession, SessionInputValue};

use super::error::says_out_of_memory;
use super::runtime::{ExecutionDevice, Runtime};
use super::{ModelError, tensors};
use crate::engine::Component;

/// A loaded component. Dropping it frees its memory.
#[derive(Debug)]
pub(super) struct Session {
    component: Component,
    inner: OrtSession,
}

impl Session {
    /// Loads the graph at `path`. `threads` is for the CPU; 0 is the physical cores.
    pub fn load(
        runtime: &Runtime,
        component: Component,
        path: &Path,
        device: ExecutionDevice,
        threads: usize,
    ) -> Result<Self, ModelError> {
        let failed = |error: ort::Error| {
            let message = plain(error.message());
            ModelError::Session {
                path: path.to_owned(),
                out_of_memory: says_out_of_memory(&message),
                message,
            }
        };
        let inner = SessionBuilder::new(runtime.environment())
            .map_err(failed)
            .and_then(|builder| {
                configure(builder, device, threads).map_err(|error| failed(error.into()))
            })
            .and_then(|mut builder| builder.commit_from_file(path).map_err(failed))?;
        Ok(Self { component, inner })
    }

    /// Runs the graph; gives the output of a name as float32.
    pub fn run<D: Dimension>(
        &mut self,
        inputs: Vec<(&str, ort::Result<SessionInputValue<'_>>)>,
        output: &str,
    ) -> Result<Array<f32, D>, ModelError> {
        let component = self.component;
        let failed = |message: &str| ModelError::Inference {
            component,
            message: plain(message),
            out_of_memory: says_out_of_memory(message),
        };
        let inputs = inputs
            .into_iter()
            .map(|(name, value)| Ok((name, value?)))
            .collect::<ort::Result<Vec<_>>>()
            .map_err(|error| failed(error.message()))?;
        let outputs = self
            .inner
            .run(inputs)
            .map_err(|error| failed(error.message()))?;
        let value = outputs
            .get(output)
            .ok_or_else(|| failed(&format!("it gave no {output:?}")))?;
        let (shape, values) = tensors::output(value).map_err(|error| failed(error.message()))?;
        let rank = shape.len();
        Array::from_shape_vec(shape, values)
            .and_then(Array::into_dimensionality)
            .map_err(|_| failed(&format!("{output:?} has {rank} axes, which is unexpected")))
    }

    /// An error of this component in the library's own words.
    pub fn wrong(&self, message: String) -> ModelError {
        ModelError::Inference {
            component: self.component,
            message,
            out_of_memory: false,
        }
    }
}

#[expect(
    clippy::result_large_err,
    reason = "the type is ort's, whose steps all give it"
)]
fn configure(builder: SessionBuilder, device: ExecutionDevice, threads: usize) -> BuilderResult {
    let builder = builder
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_log_level(LogLevel::Warning)?
        .with_intra_threads(threads)?;
    match device {
        ExecutionDevice::Cpu => Ok(builder),
        ExecutionDevice::Cuda(index) => builder.with_execution_providers([cuda(index)]),
    }
}

/// The CUDA provider. Failing to register is an error, for otherwise ONNX Runtime goes on silently on the
/// CPU; TF32 is off for float32 results; exhaustive convolution search takes minutes and gigabytes.
fn cuda(index: u32) -> ExecutionProviderDispatch {
    ep::CUDA::default()
        .with_device_id(i32::try_from(index).unwrap_or(i32::MAX))
        .with_tf32(false)
        .with_conv_algorithm_search(ep::cuda::ConvAlgorithmSearch::Heuristic)
        .with_arena_extend_strategy(ArenaExtendStrategy::SameAsRequested)
        .build()
        .error_on_failure()
}

/// ONNX Runtime's message on one line, without the places in its sources that stand before it.
fn plain(message: &str) -> String {
    let words = message.split_whitespace().collect::<Vec<_>>().join(" ");
    // "file.cc:12 function [ONNXRuntimeError] : 1 : FAIL : message"
    let said = words
        .rsplit_once("[ONNXRuntimeError] : ")
        .and_then(|(_, said)| said.splitn(3, " : ").nth(2));
    said.unwrap_or(&words).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_one_line_without_source_positions() {
        assert_eq!(
            plain(
                "/src/bridge.cc:2043 Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load\n  a : b"
            ),
            "Failed to load a : b"
        );
        assert_eq!(plain("std::bad_alloc"), "std::bad_alloc");
    }
}
