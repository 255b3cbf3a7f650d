//! Denoising diffusion probabilistic models (Ho et al., 2020, equations 7 and 15). `DDPMScheduler`.

use ndarray::{Array4, ArrayView4};

use super::prediction::{Alphas, Level, clipped, refuse_more_than_trained};
use super::{Method, Sampler, draw_noise, zip};
use crate::diffusion::class::{Class, ZeroSnr};
use crate::diffusion::config::PredictionType;
use crate::diffusion::spacing::{self, Spacing};
use crate::diffusion::{Generator, SchedulerConfig, SchedulerError};
use crate::vocabulary::SchedulerKind;

pub(super) const CLASS: Class = Class {
    zero_snr: ZeroSnr::Exact,
    clip_sample: Some(true),
    ..Class::new(SchedulerKind::Ddpm, "DDPMScheduler")
};

#[derive(Clone)]
struct Ddpm {
    prediction: PredictionType,
    clip: Option<f32>,
    posteriors: Vec<Posterior>,
}

/// The Gaussian distribution of the latents after a step, given those before it and the denoised latents.
#[derive(Clone)]
struct Posterior {
    level: Level,
    of_denoised: f32,
    of_latents: f32,
    /// Standard deviation of the noise; `None` at timestep 0, where none is drawn.
    deviation: Option<f32>,
}

#[derive(Clone, Copy)]
enum FixedVariance {
    Small,
    SmallLog,
    Large,
}

pub(super) fn sampler(config: &SchedulerConfig, steps: u32) -> Result<Sampler, SchedulerError> {
    config.refuse_flags(CLASS.kind, &["thresholding"])?;
    refuse_more_than_trained(CLASS.kind, config, steps)?;
    let spacing = Spacing::of(config, "leading")?;
    let timesteps = spacing::whole(config, spacing, steps)?;
    let variance = match config.text("variance_type", "fixed_small")? {
        "fixed_small" => FixedVariance::Small,
        "fixed_small_log" => FixedVariance::SmallLog,
        "fixed_large" => FixedVariance::Large,
        _ => return Err(config.unsupported(CLASS.kind, "variance_type")),
    };
    let alphas = Alphas::new(&CLASS, config, steps, true)?;
    let ends = timesteps.iter().skip(1).copied().chain([-1]);
    let posteriors: Result<_, SchedulerError> = (timesteps.iter().zip(ends))
        .map(|(&t, previous)| {
            let (alpha, alpha_after) = (alphas.at(t)?, alphas.after(previous)?);
            Ok(Posterior::new(alpha, alpha_after, variance, t > 0))
        })
        .collect();
    let posteriors: Vec<Posterior> = posteriors?;
    let levels: Vec<Level> = posteriors.iter().map(|p| p.level).collect();
    let method = Ddpm {
        prediction: config.prediction_type()?,
        clip: config.clip(&CLASS)?,
        posteriors,
    };
    let timesteps = timesteps.into_iter().map(|t| t as f32);
    Ok(Sampler::of_timesteps(timesteps, levels, method))
}

impl Posterior {
    fn new(alpha: f32, alpha_after: f32, variance: FixedVariance, draws: bool) -> Self {
        let (beta, beta_after) = (1.0 - alpha, 1.0 - alpha_after);
        let step_alpha = alpha / alpha_after;
        let step_beta = 1.0 - step_alpha;
        let small = (beta_after / beta * step_beta).max(1e-20);
        let deviation = match variance {
            FixedVariance::Small => small.sqrt(),
            FixedVariance::SmallLog => (0.5 * small.ln()).exp(),
            FixedVariance::Large => step_beta.sqrt(),
        };
        Self {
            level: Level::new(alpha),
            of_denoised: alpha_after.sqrt() * step_beta / beta,
            of_latents: step_alpha.sqrt() * beta_after / beta,
            deviation: draws.then_some(deviation),
        }
    }
}

impl Method for Ddpm {
    fn step(
        &mut self,
        index: usize,
        prediction: ArrayView4<f32>,
        latents: Array4<f32>,
        noise: &mut Generator,
    ) -> Array4<f32> {
        let posterior = &self.posteriors[index];
        let mean = zip(latents, prediction, |x, e| {
            let x0 = clipped(posterior.level.denoised(self.prediction, x, e), self.clip);
            posterior.of_denoised * x0 + posterior.of_latents * x
        });
        match posterior.deviation {
            Some(deviation) => draw_noise(mean, deviation, noise),
            None => mean,
        }
    }
}
