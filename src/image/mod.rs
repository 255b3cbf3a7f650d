//! Input images: reading, fitting to a size that the model takes, and conversions to and from tensors,
//! and masks ([`MaskImage`]).

mod blur;
mod convert;
mod fit;
mod mask;
mod mode;
mod read;
mod region;
mod resample;
mod size;

pub use convert::{mean_absolute_change, to_image, to_tensor};
pub(crate) use fit::nearest_multiple;
pub use fit::{FitError, MAX_SIDE, fit, fit_size};
pub use mask::{Mask, MaskEdit, MaskImage};
pub use read::{ImageError, Note, Probed, probe, read, read_probed};
pub use region::Region;
pub use resample::{Filter, resize};
pub use size::{Fit, Size};
