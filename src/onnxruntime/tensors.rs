//! Converts float32 arrays to the element types of graphs, and back.

use std::borrow::Cow;

use half::f16;
use half::slice::HalfFloatSliceExt;
use half::vec::HalfFloatVecExt;
use ndarray::{ArrayView, Dimension};
use ort::session::SessionInputValue;
use ort::value::{DynTensor, DynValue, Tensor, TensorElementType, TensorRef};

use super::ElementType;

/// An input of a call, or the error in making it, which is reported when the input is used.
pub(crate) struct InputValue<'v>(pub(super) ort::Result<SessionInputValue<'v>>);

impl<'v> InputValue<'v> {
    /// Makes an input from an array; a contiguous float32 array is not copied.
    pub fn array<D: Dimension>(array: ArrayView<'v, f32, D>, element: ElementType) -> Self {
        Self(input(array, element))
    }

    /// Makes an input from token ids, with the shape (1, tokens).
    pub fn token_ids(ids: &[i64], element: ElementType) -> Self {
        Self(token_ids(ids, element))
    }
}

fn input<'v, D: Dimension>(
    array: ArrayView<'v, f32, D>,
    element: ElementType,
) -> ort::Result<SessionInputValue<'v>> {
    let shape: Vec<usize> = array.shape().to_vec();
    let values: Cow<'v, [f32]> = match array.to_slice() {
        Some(slice) => Cow::Borrowed(slice),
        None => Cow::Owned(array.iter().copied().collect()),
    };
    Ok(match (element, values) {
        (ElementType::Float16, values) => {
            let halves: Vec<f16> = Vec::from_f32_slice(&values);
            Tensor::from_array((shape, halves))?.into()
        }
        (_, Cow::Borrowed(slice)) => TensorRef::from_array_view((shape, slice))?.into(),
        (_, Cow::Owned(values)) => Tensor::from_array((shape, values))?.into(),
    })
}

fn token_ids(ids: &[i64], element: ElementType) -> ort::Result<SessionInputValue<'static>> {
    let shape = [1, ids.len()];
    Ok(match element {
        // Vocabularies are far smaller than 2^31.
        ElementType::Int32 => {
            let ids: Vec<i32> = ids.iter().map(|id| *id as i32).collect();
            Tensor::from_array((shape, ids))?.into()
        }
        ElementType::Int64
        | ElementType::Float32
        | ElementType::Float16
        | ElementType::BFloat16
        | ElementType::Other(_) => Tensor::from_array((shape, ids.to_vec()))?.into(),
    })
}

/// Writes float32 values into a tensor in host memory; a single value fills it. Values are truncated if the graph takes
/// integers, as in torch's conversion of timesteps.
pub(super) fn write(
    tensor: &mut DynTensor,
    element: ElementType,
    values: &[f32],
) -> ort::Result<()> {
    match element {
        ElementType::Int32 => fill(tensor.try_extract_tensor_mut()?.1, values, |value| {
            value as i32
        }),
        ElementType::Int64 => fill(tensor.try_extract_tensor_mut()?.1, values, |value| {
            value as i64
        }),
        ElementType::Float16 => {
            let (_, halves) = tensor.try_extract_tensor_mut::<f16>()?;
            if halves.len() == values.len() {
                halves.convert_from_f32_slice(values);
                return Ok(());
            }
            fill(halves, values, f16::from_f32)
        }
        ElementType::Float32 | ElementType::BFloat16 | ElementType::Other(_) => {
            fill(tensor.try_extract_tensor_mut()?.1, values, |value| value)
        }
    }
}

fn fill<T: Copy>(target: &mut [T], values: &[f32], convert: impl Fn(f32) -> T) -> ort::Result<()> {
    match values {
        [value] => target.fill(convert(*value)),
        _ => {
            same_count(values.len(), target.len())?;
            let pairs = target.iter_mut().zip(values);
            pairs.for_each(|(target, value)| *target = convert(*value));
        }
    }
    Ok(())
}

/// Writes an output of as many elements into float32 values.
pub(super) fn read(value: &DynValue, values: &mut [f32]) -> ort::Result<()> {
    if value.dtype().tensor_type() == Some(TensorElementType::Float16) {
        let (_, halves) = value.try_extract_tensor::<f16>()?;
        same_count(halves.len(), values.len())?;
        halves.convert_to_f32_slice(values);
    } else {
        let (_, floats) = value.try_extract_tensor::<f32>()?;
        same_count(floats.len(), values.len())?;
        values.copy_from_slice(floats);
    }
    Ok(())
}

fn same_count(given: usize, wanted: usize) -> ort::Result<()> {
    match given == wanted {
        true => Ok(()),
        false => Err(ort::Error::new(format!(
            "{given} values were given for a tensor of {wanted}"
        ))),
    }
}

/// An output as float32 values, with its shape.
pub(super) fn output(value: &DynValue) -> ort::Result<(Vec<usize>, Vec<f32>)> {
    let element = value.dtype().tensor_type();
    if element == Some(TensorElementType::Float16) {
        let (shape, halves) = value.try_extract_tensor::<f16>()?;
        let values = halves.to_f32_vec();
        return Ok((sizes(shape), values));
    }
    let (shape, values) = value.try_extract_tensor::<f32>()?;
    Ok((sizes(shape), values.to_vec()))
}

fn sizes(shape: &[i64]) -> Vec<usize> {
    shape
        .iter()
        .map(|size| usize::try_from(*size).unwrap_or_default())
        .collect()
}
