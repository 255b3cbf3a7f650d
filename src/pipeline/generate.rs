//! Makes an image from a prompt: diffusers' `StableDiffusionPipeline`.

use super::{Beginning, Ingredients, Needs, Pipeline, Use};
use crate::diffusion::{Constructor, Generator, start};

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

    fn begin(&self, of: Ingredients, noise: &mut Generator) -> Result<Beginning, String> {
        Ok(Beginning {
            latents: start::pure_noise(of.sampler, of.shape, noise),
            beside: None,
            kept: None,
        })
    }
}
