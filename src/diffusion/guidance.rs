//! Classifier-free guidance as a weighted sum: each prediction times its coefficient. Which predictions a kind of
//! pipeline asks for, and with which coefficients, is decided in `pipeline`.

use ndarray::{Array4, ArrayView4, Zip};
use serde::{Deserialize, Serialize};

/// `numerics.guidance`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GuidanceMode {
    /// Defined for every value of both scales: equation 3 of the InstructPix2Pix paper.
    #[default]
    Formula,
    /// As in the diffusers pipeline: off unless guidance_scale > 1 and image_guidance_scale >= 1.
    Diffusers,
}

/// Writes the guided prediction into `sum`, whose memory is used again if it has the right shape: the sum of the
/// branches' predictions, each multiplied by its coefficient.
///
/// No predictions give an empty array.
///
/// # Panics
/// If the predictions differ in shape.
pub fn combine(predictions: &[(f32, ArrayView4<f32>)], sum: &mut Array4<f32>) {
    let Some(((coefficient, first), rest)) = predictions.split_first() else {
        *sum = Array4::zeros((0, 0, 0, 0));
        return;
    };
    if sum.dim() != first.dim() {
        *sum = Array4::zeros(first.dim());
    }
    Zip::from(&mut *sum)
        .and(first)
        .for_each(|sum, &e| *sum = coefficient * e);
    for (coefficient, prediction) in rest {
        Zip::from(&mut *sum)
            .and(prediction)
            .for_each(|sum, &e| *sum += coefficient * e);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_weighted() {
        let constant = |value| Array4::from_elem((1, 4, 2, 3), value);
        let (a, b) = (constant(2.0), constant(3.0));
        let mut sum = Array4::zeros((0, 0, 0, 0));
        for _ in 0..2 {
            combine(&[(7.5, a.view()), (-6.5, b.view())], &mut sum);
            assert_eq!(sum, constant(-4.5));
        }
        combine(&[], &mut sum);
        assert!(sum.is_empty());
    }
}
