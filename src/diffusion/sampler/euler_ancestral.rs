//! Ancestral sampling with Euler steps (k-diffusion). `EulerAncestralDiscreteScheduler`.

use ndarray::{Array4, ArrayView4};

use super::prediction::{denoised, noise_prediction};
use super::{Method, Sampler, draw_noise, zip};
use crate::diffusion::class::Class;
use crate::diffusion::config::PredictionType;
use crate::diffusion::sigmas::{self, KDiffusion, Karras};
use crate::diffusion::{Generator, SchedulerConfig, SchedulerError};
use crate::vocabulary::SchedulerKind;

pub(super) const CLASS: Class = Class::new(
    SchedulerKind::EulerAncestral,
    "EulerAncestralDiscreteScheduler",
);

const SIGMAS: KDiffusion = KDiffusion {
    karras: Karras::Ignored,
    interpolates: false,
    final_sigmas: false,
    refused: &[],
};

#[derive(Clone)]
struct EulerAncestral {
    prediction: PredictionType,
    sigmas: Vec<f32>,
}

pub(super) fn sampler(config: &SchedulerConfig, steps: u32) -> Result<Sampler, SchedulerError> {
    let schedule = sigmas::k_diffusion(&CLASS, &SIGMAS, config, steps)?;
    let method = EulerAncestral {
        prediction: noise_prediction(CLASS.kind, config)?,
        sigmas: schedule.sigmas.clone(),
    };
    Ok(Sampler::of_schedule(schedule, method))
}

impl Method for EulerAncestral {
    /// Steps down to sigma_down, then adds noise up to the next level; at the last step the noise's factor is 0, but it
    /// is drawn.
    fn step(
        &mut self,
        index: usize,
        prediction: ArrayView4<f32>,
        latents: Array4<f32>,
        noise: &mut Generator,
    ) -> Array4<f32> {
        let (from, to) = (self.sigmas[index], self.sigmas[index + 1]);
        let (from_2, to_2) = (from * from, to * to);
        let up = (to_2 * (from_2 - to_2) / from_2).sqrt();
        let down = (to_2 - up * up).sqrt();
        let dt = down - from;
        let latents = zip(latents, prediction, |x, e| {
            let derivative = (x - denoised(self.prediction, from, x, e)) / from;
            x + derivative * dt
        });
        draw_noise(latents, up, noise)
    }
}
