//! The size to which an image is fitted (`[size]`).

use serde::{Deserialize, Serialize};

/// How an input image is fitted to a size that the model takes (`[size]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Size {
    /// Longest side in pixels; `None` for the model's own. Unused by [`Fit::Exact`].
    pub resolution: Option<u32>,
    /// The fitting rule.
    pub fit: Fit,
    /// What to do about a colour profile.
    pub colour: Colour,
}

/// What to do about an image's colour profile (`size.colour`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// Ignore it, as diffusers does, and treat colours as sRGB.
    #[default]
    Ignored,
    /// Convert the colours to sRGB.
    Srgb,
}

/// The fitting rule (`size.fit`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// The original repository's rule: scale to cover, crop at the centre.
    #[default]
    Crop,
    /// diffusers' rule: round each side down to a multiple of the VAE factor.
    Floor,
    /// Scale to cover exactly this size, and crop at the centre.
    Exact {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
}
