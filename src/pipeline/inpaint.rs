//! Repaints a part of an image by a prompt: diffusers' `StableDiffusionInpaintPipeline`, with a UNet that sees the mask
//! (9 channels) or one that does not (4 channels).

use ndarray::{Axis, concatenate};

use super::{Beginning, Encodes, Ingredients, Needs, Pipeline, Use};
use crate::diffusion::{Constructor, Generator, start};
use crate::vocabulary::Scale;

/// How the mask takes effect.
pub(super) enum Inpaint {
    /// The mask stands beside the latents of every row, with the latents of the image greyed out under it.
    SeesMask,
    /// The UNet sees only the latents; after each step the image's latents are put back outside the mask.
    Blends,
}

/// Whether denoising starts from pure noise: only at a strength of exactly 1.
fn is_pure(strength: Option<Scale>) -> bool {
    strength.is_none_or(|strength| strength == Scale::one())
}

impl Pipeline for Inpaint {
    fn name(&self) -> &'static str {
        "inpaint"
    }

    fn noun(&self) -> &'static str {
        "repaint"
    }

    fn needs(&self) -> Needs {
        Needs {
            image: Use::Always,
            mask: Use::Always,
            strength: Some(Scale::tenths(10)),
            image_guidance_scale: false,
        }
    }

    fn constructor(&self) -> Constructor {
        Constructor::Inpaint
    }

    fn encodes(&self, strength: Option<Scale>) -> Encodes {
        match self {
            Self::SeesMask => Encodes {
                image: !is_pure(strength),
                masked_image: true,
            },
            Self::Blends => Encodes {
                image: true,
                masked_image: false,
            },
        }
    }

    fn has_beside(&self) -> bool {
        match self {
            Self::SeesMask => true,
            Self::Blends => false,
        }
    }

    fn begin(&self, of: Ingredients, noise: &mut Generator) -> Result<Beginning, String> {
        match self {
            Self::SeesMask => begin_beside_mask(of, noise),
            Self::Blends => begin_to_blend(of, noise),
        }
    }
}

/// The first latents; beside them the mask and the latents of the image greyed out under it.
fn begin_beside_mask(of: Ingredients, noise: &mut Generator) -> Result<Beginning, String> {
    let masked_image = of.moments(of.masked_image)?;
    let image = match is_pure(of.strength) {
        true => None,
        false => Some(of.moments(of.image)?),
    };
    let start = start::inpainting(
        of.sampler,
        image.as_ref(),
        &masked_image,
        of.scaling_factor,
        noise,
    );
    let mask = of.mask.ok_or("there is no mask")?;
    let beside = concatenate(Axis(1), &[mask.view(), start.masked_image_latents.view()]);
    Ok(Beginning {
        latents: start.latents,
        beside: Some(beside.map_err(|error| format!("mask and image differ: {error}"))?),
        kept: None,
    })
}

/// The first latents, and those of the image to put back after each step.
fn begin_to_blend(of: Ingredients, noise: &mut Generator) -> Result<Beginning, String> {
    let image = of.moments(of.image)?;
    let mask = of.mask.ok_or("there is no mask")?.clone();
    let pure = is_pure(of.strength);
    let (latents, kept) =
        start::Kept::start(of.sampler, &image, mask, pure, of.scaling_factor, noise);
    Ok(Beginning {
        latents,
        beside: None,
        kept: Some(kept),
    })
}
