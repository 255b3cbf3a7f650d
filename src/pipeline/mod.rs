//! The kinds of pipeline: what each asks the UNet to predict, what stands beside the latents in the UNet's sample, and
//! where denoising starts. One file a kind; the code that plans, counts or runs asks the kind and names none itself.

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
use crate::vocabulary::{Parameter, Scale, Trait};

/// What a stage of a sweep does with its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Edits an image by an instruction.
    Edit,
    /// Makes an image from a prompt.
    Generate,
    /// Noises an image and repaints it by a prompt.
    ImageToImage,
    /// Repaints a part of an image, with a UNet that sees the mask.
    Inpaint,
    /// Repaints a part of an image, with a UNet that does not see the mask.
    InpaintByBlending,
}

impl Kind {
    /// Every kind, in the order in which users meet them.
    pub const ALL: [Self; 5] = [
        Self::Edit,
        Self::Generate,
        Self::ImageToImage,
        Self::Inpaint,
        Self::InpaintByBlending,
    ];

    /// The definition of this kind.
    pub fn pipeline(self) -> &'static dyn Pipeline {
        match self {
            Self::Edit => &edit::Edit,
            Self::Generate => &generate::Generate,
            Self::ImageToImage => &image_to_image::ImageToImage,
            Self::Inpaint => &inpaint::Inpaint::SeesMask,
            Self::InpaintByBlending => &inpaint::Inpaint::Blends,
        }
    }

    /// The family of models that this kind runs on.
    pub fn family(self) -> Family {
        match self {
            Self::Edit => Family::InstructPix2Pix,
            Self::Generate | Self::ImageToImage | Self::InpaintByBlending => Family::TextToImage,
            Self::Inpaint => Family::Inpainting,
        }
    }

    /// The kind that a family of models runs, given whether there is an image and a mask. Whether the kind has all it
    /// needs is checked elsewhere ([`Pipeline::needs`]).
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

/// The definition of one kind of pipeline.
pub trait Pipeline {
    /// Its name in sweep files, tables and messages.
    fn name(&self) -> &'static str;

    /// What one of its output images is called.
    fn noun(&self) -> &'static str;

    /// What a sweep file must give it, and what it may.
    fn needs(&self) -> Needs;

    /// The diffusers pipeline that it follows, for its constructor's changes to the scheduler's configuration.
    fn constructor(&self) -> Constructor;

    /// Which images the VAE encodes for it: by default the input, if the kind takes one.
    fn encodes(&self, strength: Option<Scale>) -> Encodes {
        let _ = strength;
        Encodes {
            image: self.needs().image == Use::Always,
            masked_image: false,
        }
    }

    /// Whether the UNet's sample holds channels beside the latents; rows whose branch asks for none see zeros there.
    fn has_beside(&self) -> bool {
        false
    }

    /// The one prediction made at steps outside the guidance interval, with coefficient 1.
    fn conditioned(&self) -> Branch {
        text_guidance::prompt(self.has_beside())
    }

    /// The predictions made where guidance acts, with coefficients that sum to 1; by default guidance by the text
    /// alone.
    ///
    /// Branches with a coefficient of exactly 0 are left out; where the prompt equals the negative prompt, branches
    /// that differ in nothing else are merged.
    fn branches(&self, scales: GuidanceScales) -> Vec<(Branch, f32)> {
        text_guidance::branches(scales, self.has_beside())
    }

    /// How many rows the reference pipeline puts into one call of the UNet.
    fn plain_rows(&self) -> usize {
        2
    }

    /// The first latents and what goes with them. Draws from `noise` exactly as the reference pipeline does, in its
    /// order.
    ///
    /// # Errors
    /// If an ingredient that the kind needs is missing.
    fn begin(&self, ingredients: Ingredients, noise: &mut Generator) -> Result<Beginning, String>;
}

/// How a stage treats its masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Masking {
    /// What the output shows outside the mask.
    #[serde(default)]
    pub outside: Outside,
    /// Padding in pixels around the mask, if only that part of the image is worked on; `None` works on the whole image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_masked: Option<u32>,
}

impl Masking {
    /// Whether no setting differs from its default.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What the output shows outside a mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outside {
    /// The input's own pixels, blended in by the mask's grey levels.
    #[default]
    Kept,
    /// What the decoder makes of the latents there.
    Decoded,
}

/// What a kind takes from a sweep file besides the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// An image to work on.
    pub image: Use,
    /// A mask: white is repainted or, in an edit, may change.
    pub mask: Use,
    /// The default strength; `None` if the kind has no strength.
    pub strength: Option<Scale>,
    /// Whether it is guided by the image too.
    pub image_guidance_scale: bool,
}

impl Needs {
    /// Whether a parameter has a meaning for the kind.
    pub fn have(&self, key: Parameter) -> bool {
        match key.definition().belongs_to {
            None => true,
            Some(Trait::Image) => self.image != Use::No,
            Some(Trait::Mask) => self.mask != Use::No,
            Some(Trait::Strength) => self.strength.is_some(),
            Some(Trait::ImageGuidance) => self.image_guidance_scale,
        }
    }
}

/// Whether a kind takes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// The sweep file has to give it.
    Always,
    /// The sweep file may give it.
    Optional,
    /// It has no meaning for this kind.
    No,
}

/// Which images the VAE encodes for a trajectory.
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
    /// Guidance scale of the text.
    pub guidance_scale: Scale,
    /// Guidance scale of the image.
    pub image_guidance_scale: Scale,
    /// Whether the prompt and the negative prompt are the same.
    pub same_texts: bool,
}

/// What a trajectory starts from.
#[derive(Clone, Copy)]
pub struct Ingredients<'a> {
    /// The sampler, set to the cell's steps.
    pub sampler: &'a Sampler,
    /// Shape of the latents: (1, channels, h, w).
    pub shape: (usize, usize, usize, usize),
    /// The VAE's scaling factor.
    pub scaling_factor: f32,
    /// How far from the image denoising starts, if the kind has a strength.
    pub strength: Option<Scale>,
    /// The VAE encoder's output for the input: means, and log variances where it gives them.
    pub image: Option<&'a Array4<f32>>,
    /// The encoder's output for the input with grey where the mask is white.
    pub masked_image: Option<&'a Array4<f32>>,
    /// The mask at the size of the latents, (1, 1, h, w): 1 is repainted.
    pub mask: Option<&'a Array4<f32>>,
}

impl Ingredients<'_> {
    /// The latent distribution of an image that is to be sampled, from the encoder's output.
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
    /// Channels that conditioned rows of the UNet see beside the latents, (1, further channels, h, w); other rows see
    /// zeros.
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

/// One prediction of the UNet: with which text, and whether it sees the channels beside the latents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Branch {
    /// The text.
    pub text: BranchText,
    /// Whether it sees the channels beside the latents; otherwise it sees zeros.
    pub image: bool,
}

/// The branches whose coefficient is not exactly 0, with the coefficients as float32.
fn weighted(candidates: impl IntoIterator<Item = (Branch, Decimal)>) -> Vec<(Branch, f32)> {
    (candidates.into_iter())
        .filter(|(_, coefficient)| !coefficient.is_zero())
        .map(|(branch, coefficient)| (branch, Scale::new(coefficient).to_f32()))
        .collect()
}
