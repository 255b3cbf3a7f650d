//! Euler's method: algorithm 2 of Karras et al. (2022) without churn. `EulerDiscreteScheduler`.

use ndarray::{Array4, ArrayView4};

use super::prediction::denoised;
use super::{Method, Sampler, zip};
use crate::diffusion::class::Class;
use crate::diffusion::config::PredictionType;
use crate::diffusion::sigmas::{self, KDiffusion, Karras};
use crate::diffusion::{Generator, SchedulerConfig, SchedulerError};
use crate::vocabulary::SchedulerKind;

pub(super) const CLASS: Class = Class::new(SchedulerKind::Euler, "EulerDiscreteScheduler");

const SIGMAS: KDiffusion = KDiffusion {
    karras: Karras::Limited,
    interpolates: true,
    final_sigmas: true,
    refused: &["use_exponential_sigmas", "use_beta_sigmas"],
};

#[derive(Clone)]
struct Euler {
    prediction: PredictionType,
    sigmas: Vec<f32>,
}

pub(super) fn sampler(config: &SchedulerConfig, steps: u32) -> Result<Sampler, SchedulerError> {
    let prediction = config.prediction_type()?;
    let continuous = config.text("timestep_type", "discrete")? == "continuous";
    if continuous && prediction == PredictionType::V {
        return Err(config.unsupported(CLASS.kind, "timestep_type"));
    }
    let schedule = sigmas::k_diffusion(&CLASS, &SIGMAS, config, steps)?;
    let method = Euler {
        prediction,
        sigmas: schedule.sigmas.clone(),
    };
    Ok(Sampler::of_schedule(schedule, method))
}

impl Method for Euler {
    fn step(
        &mut self,
        index: usize,
        prediction: ArrayView4<f32>,
        latents: Array4<f32>,
        _noise: &mut Generator,
    ) -> Array4<f32> {
        let sigma = self.sigmas[index];
        let dt = self.sigmas[index + 1] - sigma;
        zip(latents, prediction, |x, e| {
            let derivative = (x - denoised(self.prediction, sigma, x, e)) / sigma;
            x + derivative * dt
        })
    }
}
