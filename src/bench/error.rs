//! What of a benchmark's arguments does not suit the model.

use crate::image::nearest_multiple;
use crate::model::ModelFolder;

/// Arguments that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum BenchError {
    /// A size that the UNet does not take.
    #[error("{width}x{height} pixels: both sides must be multiples of {multiple} for this model")]
    #[diagnostic(help(
        "the nearest such size is {}x{}",
        nearest_multiple(*width, *multiple), nearest_multiple(*height, *multiple)
    ))]
    Size {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// What both must be multiples of.
        multiple: u32,
    },
}

/// The size that was asked for, or the model's own.
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
