//! Multistep sampling of latent consistency models (Luo et al., 2023, algorithm 3). `LCMScheduler`.

use ndarray::{Array4, ArrayView4};

use super::prediction::{Alphas, Level, clipped, refuse, refuse_more_than_trained};
use super::{Method, Sampler, draw_noise, zip};
use crate::diffusion::class::{Class, ZeroSnr};
use crate::diffusion::config::PredictionType;
use crate::diffusion::spacing::Spacing;
use crate::diffusion::{Generator, SchedulerConfig, SchedulerError};
use crate::vocabulary::SchedulerKind;

pub(super) const CLASS: Class = Class {
    beta_start: 0.00085,
    beta_end: 0.012,
    beta_schedule: "scaled_linear",
    zero_snr: ZeroSnr::Exact,
    clip_sample: Some(false),
    ..Class::new(SchedulerKind::Lcm, "LCMScheduler")
};

#[derive(Clone)]
struct Lcm {
    prediction: PredictionType,
    clip: Option<f32>,
    steps: Vec<Step>,
}

#[derive(Clone)]
struct Step {
    level: Level,
    /// The factors of the latents and of the denoised latents in the consistency function.
    c_skip: f32,
    c_out: f32,
    /// The level to which noise is added; `None` at the last step, which adds no noise.
    next: Option<Level>,
}

pub(super) fn sampler(config: &SchedulerConfig, steps: u32) -> Result<Sampler, SchedulerError> {
    config.refuse_flags(CLASS.kind, &["thresholding"])?;
    refuse_more_than_trained(CLASS.kind, config, steps)?;
    // Read only so that a wrong value is an error: the schedule is always that of the distillation.
    Spacing::of(config, "leading")?;
    let timesteps = timesteps(config, steps)?;
    let to_one = config.flag("set_alpha_to_one", true)?;
    let alphas = Alphas::new(&CLASS, config, steps, to_one)?;
    let scaling = config.float("timestep_scaling", 10.0)? as f32;
    let levels: Result<Vec<Level>, SchedulerError> = (timesteps.iter())
        .map(|&t| Ok(Level::new(alphas.at(t)?)))
        .collect();
    let levels = levels?;
    let steps = (timesteps.iter().enumerate())
        .map(|(i, &t)| Step::new(levels[i], t as f32 * scaling, levels.get(i + 1).copied()))
        .collect();
    let method = Lcm {
        prediction: config.prediction_type()?,
        clip: config.clip(&CLASS)?,
        steps,
    };
    let timesteps = timesteps.into_iter().map(|t| t as f32);
    Ok(Sampler::of_timesteps(timesteps, levels, method))
}

/// Timesteps chosen evenly from those of the distillation, which used `original_inference_steps` of them.
fn timesteps(config: &SchedulerConfig, steps: u32) -> Result<Vec<i64>, SchedulerError> {
    let train = config.num_train_timesteps()?;
    let key = "original_inference_steps";
    let original = config.integer(key, 50)?;
    if !(1..=train).contains(&original) {
        return Err(config.invalid(key, "a whole number from 1 to num_train_timesteps"));
    }
    if i64::from(steps) > original {
        let reason = format!("the model was distilled with {original} steps");
        return Err(refuse(CLASS.kind, steps, reason));
    }
    let stride = original as f64 / f64::from(steps);
    let chosen = (0..steps).map(|i| (f64::from(i) * stride).floor() as i64);
    Ok(chosen
        .map(|index| (original - index) * (train / original) - 1)
        .collect())
}

impl Step {
    fn new(level: Level, scaled_timestep: f32, next: Option<Level>) -> Self {
        const SIGMA_DATA_2: f32 = 0.25;
        let sum = scaled_timestep * scaled_timestep + SIGMA_DATA_2;
        Self {
            level,
            c_skip: SIGMA_DATA_2 / sum,
            c_out: scaled_timestep / sum.sqrt(),
            next,
        }
    }
}

impl Method for Lcm {
    fn step(
        &mut self,
        index: usize,
        prediction: ArrayView4<f32>,
        latents: Array4<f32>,
        noise: &mut Generator,
    ) -> Array4<f32> {
        let step = &self.steps[index];
        let denoised = zip(latents, prediction, |x, e| {
            let x0 = clipped(step.level.denoised(self.prediction, x, e), self.clip);
            step.c_out * x0 + step.c_skip * x
        });
        match step.next {
            Some(next) => draw_noise(denoised * next.signal, next.noise, noise),
            None => denoised,
        }
    }
}
