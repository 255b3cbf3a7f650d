//! Heun's method: algorithm 2 of Karras et al. (2022) without churn. `HeunDiscreteScheduler`.

use ndarray::{Array4, ArrayView4, Zip};

use super::prediction::{clipped, denoised};
use super::{Method, Sampler, zip};
use crate::diffusion::class::{Class, ZeroSnr};
use crate::diffusion::config::PredictionType;
use crate::diffusion::sigmas::{self, KDiffusion, Karras, Schedule};
use crate::diffusion::{Generator, SchedulerConfig, SchedulerError};
use crate::vocabulary::SchedulerKind;

pub(super) const CLASS: Class = Class {
    beta_start: 0.00085,
    beta_end: 0.012,
    zero_snr: ZeroSnr::Ignored,
    clip_sample: Some(false),
    ..Class::new(SchedulerKind::Heun, "HeunDiscreteScheduler")
};

const SIGMAS: KDiffusion = KDiffusion {
    karras: Karras::Limited,
    interpolates: false,
    final_sigmas: false,
    refused: &["use_exponential_sigmas", "use_beta_sigmas"],
};

#[derive(Clone)]
struct Heun {
    prediction: PredictionType,
    clip: Option<f32>,
    /// The sigma of each evaluation: every one but the first and the last stands there twice.
    sigmas: Vec<f32>,
    /// Latents and slope at the start of a step, kept between its two evaluations.
    begun: Option<(Array4<f32>, Array4<f32>)>,
}

pub(super) fn sampler(config: &SchedulerConfig, steps: u32) -> Result<Sampler, SchedulerError> {
    let schedule = sigmas::k_diffusion(&CLASS, &SIGMAS, config, steps)?;
    let mut sigmas = twice_but_first(&schedule.sigmas);
    sigmas.pop();
    let method = Heun {
        prediction: config.prediction_type()?,
        clip: config.clip(&CLASS)?,
        sigmas: sigmas.clone(),
        begun: None,
    };
    let doubled = Schedule {
        timesteps: twice_but_first(&schedule.timesteps),
        sigmas,
        ..schedule
    };
    Ok(Sampler::of_schedule(doubled, method).with_steps(|evaluation| evaluation / 2))
}

fn twice_but_first(values: &[f32]) -> Vec<f32> {
    values
        .iter()
        .flat_map(|&value| [value; 2])
        .skip(1)
        .collect()
}

impl Method for Heun {
    /// Even evaluations take Euler's step; odd ones repeat it with the mean of both slopes.
    fn step(
        &mut self,
        index: usize,
        prediction: ArrayView4<f32>,
        latents: Array4<f32>,
        _noise: &mut Generator,
    ) -> Array4<f32> {
        let sigma = self.sigmas[index];
        let slope = zip(latents.clone(), prediction, |x, e| {
            let x0 = denoised(self.prediction, sigma, x, e);
            (x - clipped(x0, self.clip)) / sigma
        });
        match self.begun.take() {
            None => {
                let dt = self.sigmas[index + 1] - sigma;
                let next = zip(latents.clone(), slope.view(), |x, slope| x + slope * dt);
                self.begun = Some((latents, slope));
                next
            }
            Some((mut start, first)) => {
                let dt = sigma - self.sigmas[index - 1];
                Zip::from(&mut start)
                    .and(&first)
                    .and(&slope)
                    .for_each(|x, &first, &second| *x += (first + second) / 2.0 * dt);
                start
            }
        }
    }
}
