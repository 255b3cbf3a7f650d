//! Edits an image by an instruction: InstructPix2Pix, as diffusers' `StableDiffusionInstructPix2PixPipeline`.
//!
//! The input's latents stand beside the noise in the UNet's sample. Guidance is equation 3 of the paper (Brooks et al.,
//! 2023), rearranged by what the UNet predicts: eps = s_T * e_text + (s_I - s_T) * e_image + (1 - s_I) * e_uncond. The
//! pipeline computes the same from three rows: texts [instruction, negative, negative], images [image, image, zeros].
//! The result goes to the scheduler's `step` unchanged, whatever the prediction type.

use ndarray::{Axis, Slice};
use rust_decimal::Decimal;

use super::{
    Beginning, Branch, BranchText, GuidanceScales, Ingredients, Needs, Pipeline, Use, weighted,
};
use crate::diffusion::{Constructor, Generator, GuidanceMode, start};

/// Instruction and image: e_text.
const TEXT: Branch = Branch {
    text: BranchText::Prompt,
    image: true,
};

/// Negative prompt and image: e_image.
const IMAGE: Branch = Branch {
    text: BranchText::Negative,
    image: true,
};

/// Negative prompt without image: e_uncond.
const UNCONDITIONED: Branch = Branch {
    text: BranchText::Negative,
    image: false,
};

pub(super) struct Edit;

impl Pipeline for Edit {
    fn name(&self) -> &'static str {
        "edit"
    }

    fn noun(&self) -> &'static str {
        "edit"
    }

    fn needs(&self) -> Needs {
        Needs {
            image: Use::Always,
            mask: Use::Optional,
            strength: None,
            image_guidance_scale: true,
        }
    }

    fn constructor(&self) -> Constructor {
        Constructor::InstructPix2Pix
    }

    fn has_beside(&self) -> bool {
        true
    }

    /// With [`GuidanceMode::Diffusers`] guidance is on only if `guidance_scale > 1` and `image_guidance_scale >= 1`.
    /// When it is off, the pipeline neither triples latents and image latents nor encodes a negative prompt: it makes
    /// one conditioned prediction, and neither scale has an effect.
    fn branches(&self, scales: GuidanceScales) -> Vec<(Branch, f32)> {
        let text = scales.guidance_scale.decimal();
        let image = scales.image_guidance_scale.decimal();
        let one = Decimal::ONE;
        let guided = match scales.mode {
            GuidanceMode::Formula => true,
            GuidanceMode::Diffusers => text > one && image >= one,
        };
        let unconditioned = (UNCONDITIONED, one.saturating_sub(image));
        match (guided, scales.same_texts) {
            (false, _) => weighted([(TEXT, one)]),
            (true, true) => weighted([(TEXT, image), unconditioned]),
            (true, false) => weighted([
                (TEXT, text),
                (IMAGE, image.saturating_sub(text)),
                unconditioned,
            ]),
        }
    }

    fn plain_rows(&self) -> usize {
        3
    }

    /// Starts from pure noise, with the mean of the image's latent distribution, not scaled, beside it.
    fn begin(&self, of: Ingredients, noise: &mut Generator) -> Result<Beginning, String> {
        let (_, channels, ..) = of.shape;
        let image = of.image.ok_or("there is no image to edit")?;
        let mean = image.slice_axis(Axis(1), Slice::from(..channels));
        Ok(Beginning {
            latents: start::pure_noise(of.sampler, of.shape, noise),
            beside: Some(mean.to_owned()),
            kept: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::Scale;

    fn branches(
        mode: GuidanceMode,
        text: &str,
        image: &str,
        same_texts: bool,
    ) -> Vec<(Branch, f32)> {
        let scale = |text: &str| Scale::new(text.parse().unwrap());
        Edit.branches(GuidanceScales {
            mode,
            guidance_scale: scale(text),
            image_guidance_scale: scale(image),
            same_texts,
        })
    }

    fn formula(text: &str, image: &str) -> Vec<(Branch, f32)> {
        branches(GuidanceMode::Formula, text, image, false)
    }

    #[test]
    fn coefficients_are_those_of_the_formula() {
        assert_eq!(
            formula("7.5", "1.5"),
            [(TEXT, 7.5), (IMAGE, -6.0), (UNCONDITIONED, -0.5)]
        );
    }

    #[test]
    fn branches_without_weight_are_left_out_exactly() {
        assert_eq!(formula("7.5", "1.0"), [(TEXT, 7.5), (IMAGE, -6.5)]);
        assert_eq!(formula("1.3", "1.30"), [(TEXT, 1.3), (UNCONDITIONED, -0.3)]);
        assert_eq!(formula("1", "1.0"), [(TEXT, 1.0)]);
        assert_eq!(formula("0", "1"), [(IMAGE, 1.0)]);
        assert_eq!(formula("0", "0"), [(UNCONDITIONED, 1.0)]);
    }

    #[test]
    fn an_instruction_equal_to_the_negative_prompt_merges_two_branches() {
        let merged = branches(GuidanceMode::Formula, "7.5", "1.5", true);
        assert_eq!(merged, [(TEXT, 1.5), (UNCONDITIONED, -0.5)]);
    }

    #[test]
    fn diffusers_switches_guidance_off() {
        let diffusers = |text, image| branches(GuidanceMode::Diffusers, text, image, false);
        assert_eq!(diffusers("1.0", "1.5"), [(TEXT, 1.0)]);
        assert_eq!(diffusers("7.5", "0.9"), [(TEXT, 1.0)]);
        assert_eq!(diffusers("7.5", "1.5"), formula("7.5", "1.5"));
        assert_eq!(diffusers("1.1", "1.0"), formula("1.1", "1.0"));
    }
}
