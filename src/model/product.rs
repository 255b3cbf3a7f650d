//! Matrix products on a model's device: what the device computes at best, to hold the UNet against.

use ndarray::Array2;
use ort::session::Session as OrtSession;
use ort::session::builder::SessionBuilder;

use super::error::says_out_of_memory;
use super::message::plain;
use super::onnx_file::ElementType;
use super::onnx_writer::{INPUT, matrix, matrix_chain};
use super::runtime::Runtime;
use super::session::{SessionOptions, configure};
use super::{ModelError, tensors};

/// Products of square matrices in a chain, by one call of ONNX Runtime: a short chain and a long one.
///
/// A call also copies a matrix to the device and back, so that only the difference between the two is products.
#[derive(Debug)]
pub struct MatrixProducts {
    /// The elements of the matrices.
    pub element: ElementType,
    /// Their side.
    pub side: usize,
    /// Floating-point operations that the long chain has more.
    pub operations: u64,
    /// A few products.
    pub short: MatrixChain,
    /// More products.
    pub long: MatrixChain,
}

/// A number of products.
#[derive(Debug)]
pub struct MatrixChain {
    session: OrtSession,
    element: ElementType,
    input: Array2<f32>,
}

impl MatrixProducts {
    /// Large enough to keep the device busy, small enough to take milliseconds.
    pub(super) fn new(
        runtime: &Runtime,
        options: SessionOptions,
        element: ElementType,
    ) -> Result<Self, ModelError> {
        let (side, lengths) = match options.device.cuda_index() {
            Some(_) => (4096, [4, 36]),
            None => (1024, [1, 5]),
        };
        let chain = |length| MatrixChain::new(runtime, options, element, side, length);
        let more = (lengths[1] - lengths[0]) as u64;
        Ok(Self {
            element,
            side,
            operations: more * 2 * (side as u64).pow(3),
            short: chain(lengths[0])?,
            long: chain(lengths[1])?,
        })
    }
}

impl MatrixChain {
    fn new(
        runtime: &Runtime,
        options: SessionOptions,
        element: ElementType,
        side: usize,
        length: usize,
    ) -> Result<Self, ModelError> {
        let graph = matrix_chain(element, side, length);
        let session = SessionBuilder::new(runtime.environment())
            .and_then(|builder| Ok(configure(builder, options)?))
            .and_then(|mut builder| builder.commit_from_memory(&graph))
            .map_err(|error| failed(&error))?;
        Ok(Self {
            session,
            element,
            input: matrix(side),
        })
    }

    /// Multiplies.
    ///
    /// # Errors
    /// [`ModelError::Products`].
    pub fn run(&mut self) -> Result<(), ModelError> {
        let input =
            tensors::input(self.input.view(), self.element).map_err(|error| failed(&error))?;
        let outputs = self.session.run(vec![(INPUT, input)]);
        outputs.map(drop).map_err(|error| failed(&error))
    }
}

fn failed(error: &ort::Error) -> ModelError {
    ModelError::Products {
        message: plain(error.message()),
        out_of_memory: says_out_of_memory(error.message()),
    }
}
