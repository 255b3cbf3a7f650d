//! The first latents of each kind of pipeline, and what a mask keeps of an image: draw for draw as in diffusers'
//! pipelines (`StableDiffusionPipeline`, `StableDiffusionImg2ImgPipeline`, `StableDiffusionInpaintPipeline`).
//!
//! Every draw comes from the cell's own generator, in the order of these functions; the draws of the sampler's steps
//! follow from the same stream. Latents are (1, channels, height, width), masks (1, 1, height, width) of 0 (kept) and 1
//! (repainted).

use ndarray::{Array4, ArrayView4, Axis, Slice, Zip};

use super::{Generator, Sampler};

/// The VAE encoder's output for an image: a Gaussian for each latent, not scaled.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    mean: Array4<f32>,
    deviation: Array4<f32>,
}

impl Moments {
    /// Splits the encoder's output (1, 2 * channels, height, width): means, then log variances.
    pub fn new(parameters: ArrayView4<f32>) -> Self {
        let channels = (parameters.len_of(Axis(1)) / 2) as isize;
        let half = |from: isize, to: Option<isize>| {
            parameters.slice_axis(Axis(1), Slice::new(from, to, 1))
        };
        let deviation = |log_variance: f32| (0.5 * log_variance.clamp(-30.0, 20.0)).exp();
        Self {
            mean: half(0, Some(channels)).to_owned(),
            deviation: half(channels, None).mapv(deviation),
        }
    }

    /// The means, which an edit uses instead of a sample.
    pub fn mean(&self) -> ArrayView4<'_, f32> {
        self.mean.view()
    }

    /// A sample times the VAE's scaling factor. Draws as many numbers as there are latents.
    pub fn sample(&self, scaling_factor: f32, generator: &mut Generator) -> Array4<f32> {
        let mut sample = generator.randn(self.mean.dim());
        Zip::from(&mut sample)
            .and(&self.mean)
            .and(&self.deviation)
            .for_each(|x, mean, deviation| *x = scaling_factor * (mean + deviation * *x));
        sample
    }
}

/// Pure noise, from which edits and text-to-image start: one draw.
pub fn pure_noise(
    sampler: &Sampler,
    shape: (usize, usize, usize, usize),
    generator: &mut Generator,
) -> Array4<f32> {
    generator.randn(shape) * sampler.init_noise_sigma()
}

/// The noised image from which image-to-image starts, even at strength 1. Two draws: the sample, then the noise.
pub fn noised_image(
    sampler: &Sampler,
    image: &Moments,
    scaling_factor: f32,
    generator: &mut Generator,
) -> Array4<f32> {
    let image = image.sample(scaling_factor, generator);
    let noise = generator.randn(image.dim());
    sampler.add_noise(0, image.view(), noise.view())
}

/// The start of inpainting with a UNet of 9 channels.
#[derive(Debug, Clone)]
pub struct InpaintingStart {
    /// The first latents.
    pub latents: Array4<f32>,
    /// Latents of the image with the repainted part greyed out; the UNet's sample is latents, mask, then these.
    pub masked_image_latents: Array4<f32>,
}

/// The start of inpainting with a UNet of 9 channels. At a strength of exactly 1 (`image` is `None`) it starts from
/// pure noise and samples only the masked image; otherwise it draws the image's sample, the noise, and the masked
/// image's sample.
pub fn inpainting(
    sampler: &Sampler,
    image: Option<&Moments>,
    masked_image: &Moments,
    scaling_factor: f32,
    generator: &mut Generator,
) -> InpaintingStart {
    let latents = match image {
        None => pure_noise(sampler, masked_image.mean.dim(), generator),
        Some(image) => noised_image(sampler, image, scaling_factor, generator),
    };
    InpaintingStart {
        latents,
        masked_image_latents: masked_image.sample(scaling_factor, generator),
    }
}

/// What inpainting with a UNet of 4 channels keeps of an image: after each step the latents outside the mask are
/// replaced with the image's, noised to the level of the step that follows.
#[derive(Debug, Clone)]
pub struct Kept {
    image_latents: Array4<f32>,
    noise: Array4<f32>,
    mask: Array4<f32>,
}

impl Kept {
    /// The first latents, and what is kept. A strength of exactly 1 starts from `pure` noise, any other from the noised
    /// image. Draws the image's sample, the noise, and as many numbers again, because diffusers also samples the masked
    /// image, which it does not use.
    pub fn start(
        sampler: &Sampler,
        image: &Moments,
        mask: Array4<f32>,
        pure: bool,
        scaling_factor: f32,
        generator: &mut Generator,
    ) -> (Array4<f32>, Self) {
        let image_latents = image.sample(scaling_factor, generator);
        let noise = generator.randn(image_latents.dim());
        generator.randn(image_latents.dim());
        let latents = match pure {
            true => &noise * sampler.init_noise_sigma(),
            false => sampler.add_noise(0, image_latents.view(), noise.view()),
        };
        let kept = Self {
            image_latents,
            noise,
            mask,
        };
        (latents, kept)
    }

    /// The latents after evaluation `index` of the sampler, with the image's put back outside the mask.
    pub fn put_back(
        &self,
        sampler: &Sampler,
        index: usize,
        mut latents: Array4<f32>,
    ) -> Array4<f32> {
        let image = sampler.add_noise(index + 1, self.image_latents.view(), self.noise.view());
        let mask = self.mask.broadcast(latents.raw_dim());
        debug_assert!(mask.is_some(), "{:?}", self.mask.dim());
        if let Some(mask) = mask {
            Zip::from(&mut latents)
                .and(&image)
                .and(mask)
                .for_each(|x, image, mask| *x = (1.0 - mask) * image + mask * *x);
        }
        latents
    }
}
