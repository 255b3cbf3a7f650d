//! Float32 arrays to the element types that graphs take, and back.

use std::borrow::Cow;

use half::f16;
use ndarray::{ArrayView, Dimension};
use ort::session::SessionInputValue;
use ort::value::{DynValue, Tensor, TensorRef};

use super::onnx_file::ElementType;

/// An array as an input; a contiguous float32 one is not copied.
pub(super) fn input<'v, D: Dimension>(
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
            let halves: Vec<f16> = values.iter().copied().map(f16::from_f32).collect();
            Tensor::from_array((shape, halves))?.into()
        }
        (_, Cow::Borrowed(slice)) => TensorRef::from_array_view((shape, slice))?.into(),
        (_, Cow::Owned(values)) => Tensor::from_array((shape, values))?.into(),
    })
}

/// Token ids as an input of shape (1, tokens).
pub(super) fn token_ids(
    ids: &[i64],
    element: ElementType,
) -> ort::Result<SessionInputValue<'static>> {
    let shape = [1, ids.len()];
    Ok(match element {
        // Vocabularies are far below 2^31.
        ElementType::Int32 => {
            let ids: Vec<i32> = ids.iter().map(|id| *id as i32).collect();
            Tensor::from_array((shape, ids))?.into()
        }
        _ => Tensor::from_array((shape, ids.to_vec()))?.into(),
    })
}

/// One timestep, repeated to fill `shape`; rounded down where the graph takes whole numbers, as torch's
/// conversion does.
pub(super) fn timestep(
    timestep: f32,
    element: ElementType,
    shape: Vec<usize>,
) -> ort::Result<SessionInputValue<'static>> {
    let count = shape.iter().product();
    Ok(match element {
        ElementType::Int64 => Tensor::from_array((shape, vec![timestep as i64; count]))?.into(),
        ElementType::Float16 => {
            Tensor::from_array((shape, vec![f16::from_f32(timestep); count]))?.into()
        }
        _ => Tensor::from_array((shape, vec![timestep; count]))?.into(),
    })
}

/// An output as float32 values with their shape.
pub(super) fn output(value: &DynValue) -> ort::Result<(Vec<usize>, Vec<f32>)> {
    let element = value.dtype().tensor_type();
    if element == Some(ort::value::TensorElementType::Float16) {
        let (shape, halves) = value.try_extract_tensor::<f16>()?;
        let values = halves.iter().map(|half| half.to_f32()).collect();
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
