//! A part of an image is made anew by a prompt: diffusers' `StableDiffusionInpaintPipeline`, with a UNet that sees the mask
//! (9 channels) and with one that does not (4).

use ndarray::{Axis, concatenate};

use super::{
    Beginning, Branch, Encodes, GuidanceScales, Ingredients, Needs, Pipeline, Use, text_guidance,
};
use crate::diffusion::{Constructor, Generator, start};
use crate::vocabulary::Scale;

const NAME: &str = "inpaint";

const NEEDS: Needs = Needs {
    image: Use::Always,
    mask: Use::Always,
    strength: Some(Scale::tenths(10)),
    image_guidance_scale: false,
};

/// Whether it starts from pure noise: at a strength of exactly 1.
fn is_pure(strength: Option<Scale>) -> bool {
    strength.is_none_or(|strength| strength == Scale::one())
}

/// The mask and the image without what is repainted stand beside the latents of every row.
pub(super) struct Inpaint;

impl Pipeline for Inpaint {
    fn name(&self) -> &'static str {
        NAME
    }

    fn noun(&self) -> &'static str {
        "repaint"
    }

    fn needs(&self) -> Needs {
        NEEDS
    }

    fn constructor(&self) -> Constructor {
        Constructor::Inpaint
    }

    fn encodes(&self, strength: Option<Scale>) -> Encodes {
        Encodes {
            image: !is_pure(strength),
            masked_image: true,
        }
    }

    fn conditioned(&self) -> Branch {
        text_guidance::prompt(true)
    }

    fn branches(&self, scales: GuidanceScales) -> Vec<(Branch, f32)> {
        text_guidance::branches(scales, true)
    }

    fn plain_rows(&self) -> usize {
        2
    }

    fn begin(&self, of: Ingredients, noise: &mut Generator) -> Result<Beginning, String> {
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
}

/// The UNet sees the latents alone; after each step those outside the mask are put back.
pub(super) struct InpaintByBlending;

impl Pipeline for InpaintByBlending {
    fn name(&self) -> &'static str {
        NAME
    }

    fn noun(&self) -> &'static str {
        "repaint"
    }

    fn needs(&self) -> Needs {
        NEEDS
    }

    fn constructor(&self) -> Constructor {
        Constructor::Inpaint
    }

    fn encodes(&self, _strength: Option<Scale>) -> Encodes {
        Encodes {
            image: true,
            masked_image: false,
        }
    }

    fn conditioned(&self) -> Branch {
        text_guidance::prompt(false)
    }

    fn branches(&self, scales: GuidanceScales) -> Vec<(Branch, f32)> {
        text_guidance::branches(scales, false)
    }

    fn plain_rows(&self) -> usize {
        2
    }

    fn begin(&self, of: Ingredients, noise: &mut Generator) -> Result<Beginning, String> {
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
}
