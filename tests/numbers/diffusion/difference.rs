//! Measures the difference between numbers, and the tolerances for it.

use crate::common::Tensors;

/// How much numbers may differ from diffusers', relative to the largest latent and to sigma.
#[derive(Clone, Copy)]
pub struct Tolerance {
    pub latents: f32,
    pub sigmas: f32,
}

/// For diffusers with a correctly rounded square root. The logarithms and exponentials of torch and of Rust's library
/// differ in the last bit, which shows in the multistep solvers; sigmas are equal.
pub const IEEE: Tolerance = Tolerance {
    latents: 1e-6,
    sigmas: 0.0,
};

/// For diffusers as it is: torch's square root was off by up to 0.75 units in the last place where the goldens were
/// made.
pub const TORCH: Tolerance = Tolerance {
    latents: 1e-5,
    sigmas: f32::EPSILON,
};

/// The same where small differences of roots are taken: in zero-SNR rescaling, in the step from a sigma of 4096
/// to 2, and in its ancestral sigma_down; an error of 1e-7 in alpha = 0.95 is one of 2e-6 in 1 - alpha. That nothing else differs is shown by the same cases in `options/`, held to [`IEEE`].
pub const TORCH_ZERO_SNR: Tolerance = Tolerance {
    latents: 2e-4,
    sigmas: 4e-6,
};

/// A float32 tensor, flattened.
pub fn numbers(tensors: &Tensors, name: &str) -> Vec<f32> {
    tensors.get(name).unwrap().iter().copied().collect()
}

pub fn largest_difference<'a>(
    ours: impl IntoIterator<Item = &'a f32>,
    theirs: impl IntoIterator<Item = &'a f32>,
) -> f32 {
    let differences = ours.into_iter().zip(theirs).map(|(a, b)| {
        if a.to_bits() == b.to_bits() {
            0.0
        } else {
            (a - b).abs()
        }
    });
    // Not `f32::max`, which would hide a NaN.
    differences.fold(0.0, |max, d| if d <= max { max } else { d })
}

pub fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |max, value| max.max(value.abs()))
}
