//! Input and output tensors of a session that are reused as long as their shapes stay the same.
//!
//! A denoising loop calls the UNet with the same shapes at many steps. An input that has not changed since the last
//! call is not copied to the device again; the text embeddings stay there. On the CPU ONNX Runtime reads and writes the
//! tensors in place.
//!
//! On every device the tensors are in ordinary host memory. ONNX Runtime would mistake an output bound to pinned memory
//! for one on the device and copy it onto itself ([#29713](https://github.com/microsoft/onnxruntime/issues/29713)), and
//! would never copy a pinned input, so that kernels would read it over the bus in every call.

use std::time::Instant;

use ort::memory::Allocator;
use ort::session::{IoBinding, Session as OrtSession};
use ort::value::{DynTensor, TensorElementType};

use super::{ElementType, ExecutionDevice, tensors};
use crate::meter::milliseconds;

/// One input of a call.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    /// Name of the graph's input.
    pub name: &'a str,
    /// The type that the graph takes; values are rounded to it.
    pub element: ElementType,
    /// Its axes.
    pub shape: Vec<usize>,
    /// As many values as the shape has elements, or a single one for all.
    pub values: &'a [f32],
    /// Changes whenever the values change; `None` means that they may always have changed.
    pub version: Option<u64>,
}

/// A session's tensors for one set of shapes.
#[derive(Debug)]
pub(super) struct Bound {
    device: ExecutionDevice,
    binding: IoBinding,
    inputs: Vec<BoundInput>,
    output: (String, Vec<usize>),
}

#[derive(Debug)]
struct BoundInput {
    name: String,
    shape: Vec<usize>,
    tensor: DynTensor,
    /// The version of the values that the device has.
    version: Option<u64>,
}

impl Bound {
    /// Makes the tensors.
    pub fn new(
        session: &OrtSession,
        device: ExecutionDevice,
        inputs: &[Input],
        output: (&str, &[usize]),
    ) -> ort::Result<Self> {
        let host = Allocator::default();
        let mut binding = session.create_binding()?;
        let inputs = inputs
            .iter()
            .map(|input| {
                let shape = input.shape.as_slice();
                Ok(BoundInput {
                    name: input.name.to_owned(),
                    shape: shape.to_owned(),
                    tensor: DynTensor::new(&host, element_type(input.element), shape)?,
                    version: None,
                })
            })
            .collect::<ort::Result<_>>()?;
        let (name, shape) = output;
        let element = session
            .outputs()
            .iter()
            .find(|outlet| outlet.name() == name)
            .and_then(|outlet| outlet.dtype().tensor_type())
            .unwrap_or(TensorElementType::Float32);
        binding.bind_output(name, DynTensor::new(&host, element, shape)?)?;
        Ok(Self {
            device,
            binding,
            inputs,
            output: (name.to_owned(), shape.to_owned()),
        })
    }

    /// Whether these tensors have the shapes of these inputs and this output.
    pub fn fits(&self, inputs: &[Input], output: (&str, &[usize])) -> bool {
        let same = |(bound, input): (&BoundInput, &Input)| {
            (bound.name.as_str(), &bound.shape) == (input.name, &input.shape)
        };
        self.inputs.len() == inputs.len()
            && self.inputs.iter().zip(inputs).all(same)
            && (self.output.0.as_str(), self.output.1.as_slice()) == output
    }

    /// Runs the session and writes its output as float32 values; returns the milliseconds that ONNX Runtime's call took.
    pub fn run(
        &mut self,
        session: &mut OrtSession,
        inputs: &[Input],
        output: &mut [f32],
    ) -> ort::Result<f64> {
        for (bound, input) in self.inputs.iter_mut().zip(inputs) {
            if input.version.is_some() && bound.version == input.version {
                continue;
            }
            tensors::write(&mut bound.tensor, input.element, input.values)?;
            bound.version = None;
            // Binding an input copies it to the device.
            self.binding
                .bind_input(bound.name.as_str(), &bound.tensor)?;
            bound.version = input.version;
        }
        if self.device != ExecutionDevice::Cpu {
            self.binding.synchronize_inputs()?;
        }
        let begun = Instant::now();
        let outputs = session.run_binding(&self.binding)?;
        let ms = milliseconds(begun);
        match outputs.get(self.output.0.as_str()) {
            Some(value) => tensors::read(value, output).map(|()| ms),
            None => Err(ort::Error::new(format!("it gave no {:?}", self.output.0))),
        }
    }
}

fn element_type(element: ElementType) -> TensorElementType {
    match element {
        ElementType::Float16 => TensorElementType::Float16,
        ElementType::Int32 => TensorElementType::Int32,
        ElementType::Int64 => TensorElementType::Int64,
        ElementType::Float32 | ElementType::BFloat16 | ElementType::Other(_) => {
            TensorElementType::Float32
        }
    }
}
