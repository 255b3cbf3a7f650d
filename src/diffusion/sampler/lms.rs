//! Linear multistep method of order 4 (Adams-Bashforth with uneven steps; k-diffusion). `LMSDiscreteScheduler`.

use std::collections::VecDeque;

use ndarray::{Array4, ArrayView4, Zip};

use super::prediction::denoised;
use super::{Method, Sampler, zip};
use crate::diffusion::class::{Class, ZeroSnr};
use crate::diffusion::config::PredictionType;
use crate::diffusion::sigmas::{self, KDiffusion, Karras};
use crate::diffusion::{Generator, SchedulerConfig, SchedulerError};
use crate::vocabulary::SchedulerKind;

const ORDER: usize = 4;

pub(super) const CLASS: Class = Class {
    zero_snr: ZeroSnr::Ignored,
    ..Class::new(SchedulerKind::Lms, "LMSDiscreteScheduler")
};

const SIGMAS: KDiffusion = KDiffusion {
    karras: Karras::Plain,
    interpolates: false,
    final_sigmas: false,
    refused: &["use_exponential_sigmas", "use_beta_sigmas"],
};

#[derive(Clone)]
struct Lms {
    prediction: PredictionType,
    sigmas: Vec<f32>,
    /// Slopes of the last steps, newest first.
    derivatives: VecDeque<Array4<f32>>,
}

pub(super) fn sampler(config: &SchedulerConfig, steps: u32) -> Result<Sampler, SchedulerError> {
    let schedule = sigmas::k_diffusion(&CLASS, &SIGMAS, config, steps)?;
    let method = Lms {
        prediction: config.prediction_type()?,
        sigmas: schedule.sigmas.clone(),
        derivatives: VecDeque::new(),
    };
    Ok(Sampler::of_schedule(schedule, method))
}

impl Method for Lms {
    fn step(
        &mut self,
        index: usize,
        prediction: ArrayView4<f32>,
        latents: Array4<f32>,
        _noise: &mut Generator,
    ) -> Array4<f32> {
        let sigma = self.sigmas[index];
        let derivative = zip(latents.clone(), prediction, |x, e| {
            (x - denoised(self.prediction, sigma, x, e)) / sigma
        });
        self.derivatives.push_front(derivative);
        self.derivatives.truncate(ORDER);
        // As many coefficients as there are steps before, though a start from an image has fewer derivatives.
        let order = (index + 1).min(ORDER);
        let mut change = Array4::<f32>::zeros(latents.dim());
        for (current, derivative) in self.derivatives.iter().enumerate() {
            let coefficient = coefficient(&self.sigmas, order, index, current) as f32;
            Zip::from(&mut change)
                .and(derivative)
                .for_each(|sum, &d| *sum += coefficient * d);
        }
        zip(latents, change.view(), |x, change| x + change)
    }
}

/// The integral over the step of the Lagrange polynomial that is 1 at the level `current` steps ago.
///
/// diffusers integrates by quadrature; two-point Gaussian quadrature is exact for a cubic.
fn coefficient(sigmas: &[f32], order: usize, t: usize, current: usize) -> f64 {
    let at_current = sigmas[t - current];
    let polynomial = |tau: f64| -> f64 {
        (0..order)
            .filter(|&k| k != current)
            .map(|k| (tau - f64::from(sigmas[t - k])) / f64::from(at_current - sigmas[t - k]))
            .product()
    };
    let (start, end) = (f64::from(sigmas[t]), f64::from(sigmas[t + 1]));
    let (middle, half) = ((start + end) / 2.0, (end - start) / 2.0);
    let point = half / 3_f64.sqrt();
    half * (polynomial(middle - point) + polynomial(middle + point))
}
