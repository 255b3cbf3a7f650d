//! The kinds of pipeline: what each asks the UNet for, what stands beside the latents in the UNet's sample, and where
//! its denoising starts. One file a kind; whoever plans, counts or runs asks the kind and knows none by itself.

mod edit;

use std::fmt;

use ndarray::Array4;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::diffusion::{Generator, GuidanceMode, Sampler};
use crate::vocabulary::Scale;

/// What a stage of a sweep does with its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An image is edited by an instruction.
    Edit,
}

impl Kind {
    /// What it does.
    pub fn pipeline(self) -> &'static dyn Pipeline {
        match self {
            Self::Edit => &edit::Edit,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.pipeline().name())
    }
}

/// A kind of pipeline.
pub trait Pipeline {
    /// As sweep files, tables and messages call it.
    fn name(&self) -> &'static str;

    /// Channels of the UNet's sample where latents have so many: theirs, and those of what stands beside them.
    fn unet_channels(&self, latent_channels: usize) -> usize;

    /// What the UNet is asked at a step outside the guidance interval, with coefficient 1.
    fn conditioned(&self) -> Branch;

    /// What the UNet is asked where guidance acts, with coefficients that add up to 1.
    ///
    /// Branches whose coefficient is exactly 0 are left out; where the two texts are the same, one branch stands for
    /// those that differ in nothing else.
    fn branches(&self, scales: GuidanceScales) -> Vec<(Branch, f32)>;

    /// Rows of the reference pipeline in one call of the UNet.
    fn plain_rows(&self) -> usize;

    /// The first latents and what goes with them. The draws of `noise` are the reference pipeline's, in its order.
    ///
    /// # Errors
    /// If an ingredient is missing that the kind needs.
    fn begin(&self, ingredients: Ingredients, noise: &mut Generator) -> Result<Beginning, String>;
}

/// What the guidance of a cell depends on.
#[derive(Debug, Clone, Copy)]
pub struct GuidanceScales {
    /// Whether guidance is switched off where diffusers does so.
    pub mode: GuidanceMode,
    /// Of the text.
    pub guidance_scale: Scale,
    /// Of the image.
    pub image_guidance_scale: Scale,
    /// Whether the prompt and the negative prompt are the same.
    pub same_texts: bool,
}

/// What a trajectory starts from.
#[derive(Clone, Copy)]
pub struct Ingredients<'a> {
    /// Set to the cell's steps.
    pub sampler: &'a Sampler,
    /// Of the latents: (1, channels, h, w).
    pub shape: (usize, usize, usize, usize),
    /// What the VAE's encoder says of the input: means, and logarithms of variances where it gives them.
    pub image: Option<&'a Array4<f32>>,
}

/// The start of a trajectory.
#[derive(Debug)]
pub struct Beginning {
    /// The first latents (1, channels, h, w).
    pub latents: Array4<f32>,
    /// What conditioned rows of the UNet see beside the latents, (1, further channels, h, w); others see zeros there.
    pub beside: Option<Array4<f32>>,
}

/// The text that a branch is conditioned on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BranchText {
    /// The instruction, or the prompt.
    Prompt,
    /// The negative prompt, often empty.
    Negative,
}

/// One question to the UNet: which text, and whether it sees what stands beside the latents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Branch {
    /// The text.
    pub text: BranchText,
    /// What stands beside the latents; else zeros.
    pub image: bool,
}

/// Branches whose coefficient is not exactly 0, with the coefficients as the UNet's outputs are multiplied by.
fn weighted(candidates: impl IntoIterator<Item = (Branch, Decimal)>) -> Vec<(Branch, f32)> {
    (candidates.into_iter())
        .filter(|(_, coefficient)| !coefficient.is_zero())
        .map(|(branch, coefficient)| (branch, Scale::new(coefficient).to_f32()))
        .collect()
}
