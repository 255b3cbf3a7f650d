//! Why a benchmark cannot be made.

use crate::image::nearest_multiple;
use crate::model::{ModelError, ModelFolder};
use crate::runner::RunnerError;

/// Why a benchmark cannot be made.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum BenchError {
    /// The UNet does not take this size.
    #[error("{width}x{height} pixels: both sides must be multiples of {multiple} for this model")]
    #[diagnostic(help(
        "the nearest such size is {}x{}",
        nearest_multiple(*width, *multiple), nearest_multiple(*height, *multiple)
    ))]
    Size {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The number that both must be multiples of.
        multiple: u32,
    },
    /// The model folder, or a component at work.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Model(#[from] ModelError),
    /// ONNX Runtime or the device.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Place(#[from] RunnerError),
}

/// Checks the requested size, or returns the model's own.
pub(super) fn checked_size(
    asked: Option<(u32, u32)>,
    folder: &ModelFolder,
) -> Result<(u32, u32), BenchError> {
    let own = folder.resolution();
    let (width, height) = asked.unwrap_or((own, own));
    let multiple = folder.accepted_multiple();
    let fits = |side: u32| side > 0 && side.is_multiple_of(multiple);
    match fits(width) && fits(height) {
        true => Ok((width, height)),
        false => Err(BenchError::Size {
            width,
            height,
            multiple,
        }),
    }
}
