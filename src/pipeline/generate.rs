//! An image is made of a prompt: diffusers' `StableDiffusionPipeline`.

use super::{
    Beginning, Branch, Encodes, GuidanceScales, Ingredients, Needs, Pipeline, Use, text_guidance,
};
use crate::diffusion::{Constructor, Generator, start};
use crate::vocabulary::Scale;

pub(super) struct Generate;

impl Pipeline for Generate {
    fn name(&self) -> &'static str {
        "generate"
    }

    fn noun(&self) -> &'static str {
        "image"
    }

    fn needs(&self) -> Needs {
        Needs {
            image: Use::No,
            mask: Use::No,
            strength: None,
            image_guidance_scale: false,
        }
    }

    fn constructor(&self) -> Constructor {
        Constructor::TextOrImageToImage
    }

    fn encodes(&self, _strength: Option<Scale>) -> Encodes {
        Encodes::default()
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
        Ok(Beginning {
            latents: start::pure_noise(of.sampler, of.shape, noise),
            beside: None,
            kept: None,
        })
    }
}
