//! Guidance of the kinds that follow only a text: classifier-free guidance (Ho and Salimans, 2022).
//!
//! diffusers computes u + g * (t - u) from the rows [negative, prompt]; collected by prediction that is g * t + (1 - g)
//! * u.

use rust_decimal::Decimal;

use super::{Branch, BranchText, GuidanceScales, weighted};
use crate::diffusion::GuidanceMode;

/// The branch of the prompt; `image` says whether it sees the channels beside the latents.
pub(super) fn prompt(image: bool) -> Branch {
    Branch {
        text: BranchText::Prompt,
        image,
    }
}

/// The branches; `image` says whether they see the channels beside the latents. With [`GuidanceMode::Diffusers`]
/// guidance is on only if `guidance_scale > 1`.
pub(super) fn branches(scales: GuidanceScales, image: bool) -> Vec<(Branch, f32)> {
    let scale = scales.guidance_scale.decimal();
    let guided = match scales.mode {
        GuidanceMode::Formula => true,
        GuidanceMode::Diffusers => scale > Decimal::ONE,
    };
    let negative = Branch {
        text: BranchText::Negative,
        image,
    };
    match guided && !scales.same_texts {
        true => weighted([
            (prompt(image), scale),
            (negative, Decimal::ONE.saturating_sub(scale)),
        ]),
        false => weighted([(prompt(image), Decimal::ONE)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::Scale;

    fn coefficients(mode: GuidanceMode, scale: &str, same_texts: bool) -> Vec<f32> {
        let scales = GuidanceScales {
            mode,
            guidance_scale: Scale::new(scale.parse().unwrap()),
            image_guidance_scale: Scale::one(),
            same_texts,
        };
        let branches = branches(scales, false).into_iter();
        branches.map(|(_, coefficient)| coefficient).collect()
    }

    #[test]
    fn the_prompt_has_the_scale_and_the_negative_prompt_what_is_left_of_one() {
        assert_eq!(
            coefficients(GuidanceMode::Formula, "7.5", false),
            [7.5, -6.5]
        );
        assert_eq!(
            coefficients(GuidanceMode::Formula, "0.5", false),
            [0.5, 0.5]
        );
        assert_eq!(coefficients(GuidanceMode::Formula, "0", false), [1.0]);
    }

    #[test]
    fn one_row_is_enough_where_guidance_is_off_or_the_texts_are_the_same() {
        assert_eq!(coefficients(GuidanceMode::Formula, "1.0", false), [1.0]);
        assert_eq!(coefficients(GuidanceMode::Formula, "7.5", true), [1.0]);
        assert_eq!(coefficients(GuidanceMode::Diffusers, "0.5", false), [1.0]);
        assert_eq!(
            coefficients(GuidanceMode::Diffusers, "7.5", false),
            [7.5, -6.5]
        );
    }
}
