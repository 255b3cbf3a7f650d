//! Noises an image and repaints it by a prompt: diffusers' `StableDiffusionImg2ImgPipeline`.

use super::{Beginning, Ingredients, Needs, Pipeline, Use};
use crate::diffusion::{Constructor, Generator, start};
use crate::vocabulary::Scale;

pub(super) struct ImageToImage;

impl Pipeline for ImageToImage {
    fn name(&self) -> &'static str {
        "image-to-image"
    }

    fn noun(&self) -> &'static str {
        "variation"
    }

    fn needs(&self) -> Needs {
        Needs {
            image: Use::Always,
            mask: Use::No,
            strength: Some(Scale::tenths(8)),
            image_guidance_scale: false,
        }
    }

    fn constructor(&self) -> Constructor {
        Constructor::TextOrImageToImage
    }

    /// Noises the image at every strength, 1 included.
    fn begin(&self, of: Ingredients, noise: &mut Generator) -> Result<Beginning, String> {
        let image = of.moments(of.image)?;
        Ok(Beginning {
            latents: start::noised_image(of.sampler, &image, of.scaling_factor, noise),
            beside: None,
            kept: None,
        })
    }
}
