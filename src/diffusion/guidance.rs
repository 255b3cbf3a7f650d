//! Classifier-free guidance on text and image, in coefficient form.
//!
//! Equation 3 of the InstructPix2Pix paper (Brooks et al., 2023), sorted by what the model is asked:
//! eps = s_T * e_text + (s_I - s_T) * e_image + (1 - s_I) * e_uncond. The diffusers pipeline
//! (`StableDiffusionInstructPix2PixPipeline`) computes the same from three rows of the UNet's batch:
//! text [instruction, negative, negative], image [image, image, zeros]. The result goes to the
//! scheduler's `step` as it is, whatever the prediction type.

use ndarray::{Array4, ArrayView4, Zip};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::vocabulary::Scale;

/// `numerics.guidance`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GuidanceMode {
    /// Continuous in both scales: equation 3 of the InstructPix2Pix paper.
    #[default]
    Formula,
    /// As the diffusers pipeline: off unless guidance_scale > 1 and image_guidance_scale >= 1.
    Diffusers,
}

/// The text that a branch is conditioned on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BranchText {
    /// The instruction.
    Instruction,
    /// The negative prompt, often empty.
    Negative,
}

/// One question to the UNet: which text, and whether it sees the input image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Branch {
    /// The text.
    pub text: BranchText,
    /// The input image's latents; else zeros.
    pub image: bool,
}

impl Branch {
    /// Instruction and image: e_text.
    pub const TEXT: Self = Self {
        text: BranchText::Instruction,
        image: true,
    };
    /// Negative prompt and image: e_image.
    pub const IMAGE: Self = Self {
        text: BranchText::Negative,
        image: true,
    };
    /// Negative prompt without image: e_uncond.
    pub const UNCONDITIONED: Self = Self {
        text: BranchText::Negative,
        image: false,
    };
}

/// The branches to evaluate and their coefficients, which add up to 1; at least one, at most three.
///
/// Branches whose coefficient is exactly 0 are left out. Where `text_is_negative`, that is where instruction
/// and negative prompt are the same, [`Branch::TEXT`] stands for [`Branch::IMAGE`], too.
///
/// With [`GuidanceMode::Diffusers`] guidance is on only if `guidance_scale > 1` and
/// `image_guidance_scale >= 1`. Off, the pipeline does not triple latents and image latents and encodes no
/// negative prompt: one conditioned pass, and neither scale has an effect.
pub fn branches(
    mode: GuidanceMode,
    guidance_scale: Scale,
    image_guidance_scale: Scale,
    text_is_negative: bool,
) -> Vec<(Branch, f32)> {
    let (text, image) = (guidance_scale.decimal(), image_guidance_scale.decimal());
    let one = Decimal::ONE;
    let guided = match mode {
        GuidanceMode::Formula => true,
        GuidanceMode::Diffusers => text > one && image >= one,
    };
    let candidates = match (guided, text_is_negative) {
        (false, _) => vec![(Branch::TEXT, one)],
        (true, true) => vec![
            (Branch::TEXT, image),
            (Branch::UNCONDITIONED, one.saturating_sub(image)),
        ],
        (true, false) => vec![
            (Branch::TEXT, text),
            (Branch::IMAGE, image.saturating_sub(text)),
            (Branch::UNCONDITIONED, one.saturating_sub(image)),
        ],
    };
    (candidates.into_iter())
        .filter(|(_, coefficient)| !coefficient.is_zero())
        .map(|(branch, coefficient)| (branch, Scale::new(coefficient).to_f32()))
        .collect()
}

/// The guided prediction: the sum of the branches' predictions, each times its coefficient.
///
/// Empty input gives an empty array.
///
/// # Panics
/// If the predictions differ in shape.
pub fn combine(predictions: &[(f32, ArrayView4<f32>)]) -> Array4<f32> {
    let Some(((coefficient, first), rest)) = predictions.split_first() else {
        return Array4::zeros((0, 0, 0, 0));
    };
    let mut sum = first.mapv(|e| coefficient * e);
    for (coefficient, prediction) in rest {
        Zip::from(&mut sum)
            .and(prediction)
            .for_each(|sum, &e| *sum += coefficient * e);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(text: &str) -> Scale {
        Scale::new(text.parse().unwrap())
    }

    fn formula(text: &str, image: &str) -> Vec<(Branch, f32)> {
        branches(GuidanceMode::Formula, scale(text), scale(image), false)
    }

    #[test]
    fn coefficients_are_those_of_the_formula() {
        assert_eq!(
            formula("7.5", "1.5"),
            [
                (Branch::TEXT, 7.5),
                (Branch::IMAGE, -6.0),
                (Branch::UNCONDITIONED, -0.5)
            ]
        );
    }

    #[test]
    fn branches_without_weight_are_left_out_exactly() {
        assert_eq!(
            formula("7.5", "1.0"),
            [(Branch::TEXT, 7.5), (Branch::IMAGE, -6.5)]
        );
        assert_eq!(
            formula("1.3", "1.30"),
            [(Branch::TEXT, 1.3), (Branch::UNCONDITIONED, -0.3)]
        );
        assert_eq!(formula("1", "1.0"), [(Branch::TEXT, 1.0)]);
        assert_eq!(formula("0", "1"), [(Branch::IMAGE, 1.0)]);
        assert_eq!(formula("0", "0"), [(Branch::UNCONDITIONED, 1.0)]);
    }

    #[test]
    fn an_instruction_equal_to_the_negative_prompt_merges_two_branches() {
        let merged = branches(GuidanceMode::Formula, scale("7.5"), scale("1.5"), true);
        assert_eq!(merged, [(Branch::TEXT, 1.5), (Branch::UNCONDITIONED, -0.5)]);
    }

    #[test]
    fn diffusers_switches_guidance_off() {
        let diffusers =
            |text, image| branches(GuidanceMode::Diffusers, scale(text), scale(image), false);
        assert_eq!(diffusers("1.0", "1.5"), [(Branch::TEXT, 1.0)]);
        assert_eq!(diffusers("7.5", "0.9"), [(Branch::TEXT, 1.0)]);
        assert_eq!(diffusers("7.5", "1.5"), formula("7.5", "1.5"));
        assert_eq!(diffusers("1.1", "1.0"), formula("1.1", "1.0"));
    }

    #[test]
    fn the_sum_is_weighted() {
        let constant = |value| Array4::from_elem((1, 4, 2, 3), value);
        let (a, b) = (constant(2.0), constant(3.0));
        let sum = combine(&[(7.5, a.view()), (-6.5, b.view())]);
        assert_eq!(sum, constant(-4.5));
    }
}
