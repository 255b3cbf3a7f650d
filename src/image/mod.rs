//! Input images and masks ([`MaskImage`]): reading, fitting to a size that the model takes, conversion to and from
//! tensors.

mod blur;
mod budget;
mod colour;
mod convert;
mod declared;
mod decode;
mod directory;
mod error;
mod file;
mod fit;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod jpeg;
mod mask;
mod mode;
mod note;
mod pages;
mod png;
mod read;
mod recipe;
mod region;
mod resample;
mod samples;
mod size;

pub(crate) use self::png::{decode_png, encode_png};
pub use convert::{mean_absolute_change, to_image, to_tensor};
pub use error::ImageError;
pub(crate) use fit::nearest_multiple;
pub use fit::{FitError, MAX_SIDE, fit, fit_size};
pub use mask::{Mask, MaskEdit, MaskImage};
pub use note::Note;
pub use read::{Probed, probe, read, read_probed};
pub use recipe::{MaskRecipe, MaskSource};
pub use region::Region;
pub use resample::{Filter, resize};
pub use size::{Colour, Fit, Size};
