//! The size that an image is brought to, as a sweep asks for it (`[size]`).

use serde::{Deserialize, Serialize};

/// How an input image is brought to a size the model can take (`[size]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Size {
    /// Longest side in pixels; the model's own size if absent. Unused by [`Fit::Exact`].
    pub resolution: Option<u32>,
    /// The rule.
    pub fit: Fit,
    /// What becomes of a colour profile.
    pub colour: Colour,
}

/// What becomes of an image's colour profile (`size.colour`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// Ignored, as diffusers does: colours are taken for sRGB.
    #[default]
    Ignored,
    /// Colours are converted to sRGB.
    Srgb,
}

/// The rule of fitting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// The original repository's: scale to cover, crop at the centre.
    #[default]
    Crop,
    /// diffusers': each side down to a multiple of the VAE factor.
    Floor,
    /// Exactly this size in pixels, cropped at the centre.
    Exact {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
}
