//! The kinds of pipeline: what each asks the UNet for, what stands beside the latents in the UNet's sample, and where
//! its denoising starts. One file a kind; whoever plans, counts or runs asks the kind and knows none by itself.

mod edit;
mod family;
mod generate;
mod image_to_image;
mod inpaint;
mod text_guidance;

use std::fmt;

pub use family::Family;
use ndarray::{Array4, Axis};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::diffusion::start::{Kept, Moments};
use crate::diffusion::{Constructor, Generator, GuidanceMode, Sampler};
use crate::vocabulary::Scale;

/// What a stage of a sweep does with its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An image is edited by an instruction.
    Edit,
    /// An image is made of a prompt.
    Generate,
    /// An image is noised and made anew by a prompt.
    ImageToImage,
    /// A part of an image is made anew, by a UNet that sees the mask.
    Inpaint,
    /// A part of an image is made anew, by a UNet that sees no mask.
    InpaintByBlending,
}

impl Kind {
    /// Every kind, in the order in which people meet them.
    pub const ALL: [Self; 5] = [
        Self::Edit,
        Self::Generate,
        Self::ImageToImage,
        Self::Inpaint,
        Self::InpaintByBlending,
    ];

    /// What it does.
    pub fn pipeline(self) -> &'static dyn Pipeline {
        match self {
            Self::Edit => &edit::Edit,
            Self::Generate => &generate::Generate,
            Self::ImageToImage => &image_to_image::ImageToImage,
            Self::Inpaint => &inpaint::Inpaint::SeesMask,
            Self::InpaintByBlending => &inpaint::Inpaint::Blends,
        }
    }

    /// The models that it takes.
    pub fn family(self) -> Family {
        match self {
            Self::Edit => Family::InstructPix2Pix,
            Self::Generate | Self::ImageToImage | Self::InpaintByBlending => Family::TextToImage,
            Self::Inpaint => Family::Inpainting,
        }
    }

    /// What a model is asked to do that is given an image or none, a mask or none. Whether the kind has what it needs is
    /// another question ([`Pipeline::needs`]).
    pub fn of(family: Family, image: bool, mask: bool) -> Self {
        match (family, image, mask) {
            (Family::InstructPix2Pix, ..) => Self::Edit,
            (Family::Inpainting, ..) => Self::Inpaint,
            (Family::TextToImage, _, true) => Self::InpaintByBlending,
            (Family::TextToImage, true, false) => Self::ImageToImage,
            (Family::TextToImage, false, false) => Self::Generate,
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

    /// What one of its images is called.
    fn noun(&self) -> &'static str;

    /// What a sweep file has to give it, and may.
    fn needs(&self) -> Needs;

    /// The diffusers pipeline that it follows, by what its constructor does to the scheduler's configuration.
    fn constructor(&self) -> Constructor;

    /// What the VAE has to encode for it: the image, of most kinds that take one.
    fn encodes(&self, strength: Option<Scale>) -> Encodes {
        let _ = strength;
        Encodes {
            image: self.needs().image == Use::Always,
            masked_image: false,
        }
    }

    /// Whether the UNet's sample holds something beside the latents, which every row sees that is not asked without it.
    fn has_beside(&self) -> bool {
        false
    }

    /// What the UNet is asked at a step outside the guidance interval, with coefficient 1.
    fn conditioned(&self) -> Branch {
        text_guidance::prompt(self.has_beside())
    }

    /// What the UNet is asked where guidance acts, with coefficients that add up to 1; of most kinds guidance by the text
    /// alone.
    ///
    /// Branches whose coefficient is exactly 0 are left out; where the two texts are the same, one branch stands for
    /// those that differ in nothing else.
    fn branches(&self, scales: GuidanceScales) -> Vec<(Branch, f32)> {
        text_guidance::branches(scales, self.has_beside())
    }

    /// Rows of the reference pipeline in one call of the UNet.
    fn plain_rows(&self) -> usize {
        2
    }

    /// The first latents and what goes with them. The draws of `noise` are the reference pipeline's, in its order.
    ///
    /// # Errors
    /// If an ingredient is missing that the kind needs.
    fn begin(&self, ingredients: Ingredients, noise: &mut Generator) -> Result<Beginning, String>;
}

/// How a stage treats its masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Masking {
    /// What lies outside the mask.
    #[serde(default)]
    pub outside: Outside,
    /// Padding in pixels where it works on the part of the image around the mask alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_masked: Option<u32>,
}

impl Masking {
    /// Whether nothing is set.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What lies outside a mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outside {
    /// The input's own pixels, feathered by the mask's grey levels.
    #[default]
    Kept,
    /// What the decoder makes of the latents.
    Decoded,
}

/// What a kind takes from a sweep file beside the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// An image to work on.
    pub image: Use,
    /// A mask: white is made anew, or is what an edit may change.
    pub mask: Use,
    /// A strength, with its default.
    pub strength: Option<Scale>,
    /// Guidance by the image.
    pub image_guidance_scale: bool,
}

/// Whether something is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It has to be given.
    Always,
    /// It may be given.
    Optional,
    /// It has no meaning.
    No,
}

/// Images that the VAE encodes for a trajectory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Encodes {
    /// The input.
    pub image: bool,
    /// The input with grey where the mask is white.
    pub masked_image: bool,
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
    /// Of the VAE.
    pub scaling_factor: f32,
    /// How far from the image it starts, where the kind asks for it.
    pub strength: Option<Scale>,
    /// What the VAE's encoder says of the input: means, and logarithms of variances where it gives them.
    pub image: Option<&'a Array4<f32>>,
    /// The same of the input with grey where the mask is white.
    pub masked_image: Option<&'a Array4<f32>>,
    /// The mask at the size of the latents, (1, 1, h, w): 1 is made anew.
    pub mask: Option<&'a Array4<f32>>,
}

impl Ingredients<'_> {
    /// What the VAE's encoder says of an image that is to be sampled.
    fn moments(&self, encoded: Option<&Array4<f32>>) -> Result<Moments, String> {
        let encoded = encoded.ok_or("there is no image")?;
        let (_, channels, ..) = self.shape;
        match encoded.len_of(Axis(1)) == 2 * channels {
            true => Ok(Moments::new(encoded.view())),
            false => Err(
                "the VAE's encoder gives latents without their variances, which have to be sampled; export the model \
                 again, with latent_parameters as the encoder's output"
                    .to_owned(),
            ),
        }
    }
}

/// The start of a trajectory.
#[derive(Debug)]
pub struct Beginning {
    /// The first latents (1, channels, h, w).
    pub latents: Array4<f32>,
    /// What conditioned rows of the UNet see beside the latents, (1, further channels, h, w); others see zeros there.
    pub beside: Option<Array4<f32>>,
    /// What is put back into the latents after each evaluation, if anything.
    pub kept: Option<Kept>,
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
