//! Input images: reading, fitting to a size that the model takes, and conversions to and from tensors.

mod convert;
mod fit;
mod read;
mod resample;
mod size;

pub use convert::{mean_absolute_change, to_image, to_tensor};
pub(crate) use fit::nearest_multiple;
pub use fit::{FitError, MAX_SIDE, fit, fit_size};
pub use read::{ImageError, Note, Probed, probe, read, read_probed};
pub use resample::{Filter, resize};
pub use size::{Fit, Size};
