//! The denoised latents that a prediction implies, in the two parametrisations that schedulers use.

use crate::diffusion::class::Class;
use crate::diffusion::config::PredictionType;
use crate::diffusion::{SchedulerConfig, SchedulerError, betas};
use crate::vocabulary::SchedulerKind;

/// The k-diffusion family: x = x0 + sigma * noise.
///
/// Returns x0 of latents `x` at noise level `sigma` for the prediction `e`.
pub(super) fn denoised(kind: PredictionType, sigma: f32, x: f32, e: f32) -> f32 {
    match kind {
        PredictionType::Epsilon => x - sigma * e,
        PredictionType::V => {
            let variance = sigma * sigma + 1.0;
            e * (-sigma / variance.sqrt()) + x / variance
        }
        PredictionType::Sample => e,
    }
}

/// The DDPM family: x = sqrt(alpha) * x0 + sqrt(1 - alpha) * noise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    /// Square root of the cumulative alpha.
    pub signal: f32,
    /// Square root of one minus the cumulative alpha.
    pub noise: f32,
}

impl Level {
    pub(super) fn new(alpha: f32) -> Self {
        Self {
            signal: alpha.sqrt(),
            noise: (1.0 - alpha).sqrt(),
        }
    }

    /// x0 of latents `x` for the prediction `e`.
    pub(super) fn denoised(self, kind: PredictionType, x: f32, e: f32) -> f32 {
        match kind {
            PredictionType::Epsilon => (x - self.noise * e) / self.signal,
            PredictionType::V => self.signal * x - self.noise * e,
            PredictionType::Sample => e,
        }
    }
}

/// Clips the denoised latents if `clip_sample` is set.
pub(super) fn clipped(x0: f32, range: Option<f32>) -> f32 {
    range.map_or(x0, |range| x0.clamp(-range, range))
}

/// Cumulative alphas by timestep, and the one to use after the last step.
#[derive(Debug)]
pub(super) struct Alphas {
    kind: SchedulerKind,
    steps: u32,
    cumprod: Vec<f32>,
    last: f32,
}

impl Alphas {
    /// With `set_alpha_to_one` the value after the last step is 1, otherwise that of the first timestep.
    pub(super) fn new(
        class: &Class,
        config: &SchedulerConfig,
        steps: u32,
        set_alpha_to_one: bool,
    ) -> Result<Self, SchedulerError> {
        let cumprod = betas::alphas_cumprod(class, config)?;
        let last = if set_alpha_to_one { 1.0 } else { cumprod[0] };
        Ok(Self {
            kind: class.kind,
            steps,
            cumprod,
            last,
        })
    }

    /// The cumulative alpha at a timestep of the schedule.
    pub(super) fn at(&self, timestep: i64) -> Result<f32, SchedulerError> {
        betas::at(&self.cumprod, timestep).ok_or_else(|| {
            let reason = format!("timestep {timestep} is not one of training");
            refuse(self.kind, self.steps, reason)
        })
    }

    /// The cumulative alpha after a step; timesteps below 0 stand for the end.
    pub(super) fn after(&self, timestep: i64) -> Result<f32, SchedulerError> {
        if timestep < 0 {
            Ok(self.last)
        } else {
            self.at(timestep)
        }
    }
}

/// The error for an impossible number of steps.
pub(super) fn refuse(kind: SchedulerKind, steps: u32, reason: String) -> SchedulerError {
    SchedulerError::Steps {
        scheduler: kind,
        steps,
        reason,
    }
}

/// The error for more steps than training timesteps, for the schedulers that refuse it.
pub(super) fn refuse_more_than_trained(
    kind: SchedulerKind,
    config: &SchedulerConfig,
    steps: u32,
) -> Result<(), SchedulerError> {
    let train = config.num_train_timesteps()?;
    if i64::from(steps) > train {
        let reason = format!("the model was trained on {train} timesteps");
        return Err(refuse(kind, steps, reason));
    }
    Ok(())
}

/// The prediction type of a scheduler that does not support `sample`.
pub(super) fn noise_prediction(
    kind: SchedulerKind,
    config: &SchedulerConfig,
) -> Result<PredictionType, SchedulerError> {
    match config.prediction_type()? {
        PredictionType::Sample => Err(config.unsupported(kind, "prediction_type")),
        prediction @ (PredictionType::Epsilon | PredictionType::V) => Ok(prediction),
    }
}
