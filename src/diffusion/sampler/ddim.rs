//! Denoising diffusion implicit models (Song et al., 2021, equation 12, eta = 0). `DDIMScheduler`.

use ndarray::{Array4, ArrayView4};

use super::prediction::{Alphas, Level, clipped, refuse_more_than_trained};
use super::{Method, Sampler, zip};
use crate::diffusion::class::{Class, ZeroSnr};
use crate::diffusion::config::PredictionType;
use crate::diffusion::spacing::{self, Spacing};
use crate::diffusion::{Generator, SchedulerConfig, SchedulerError};
use crate::vocabulary::SchedulerKind;

pub(super) const CLASS: Class = Class {
    zero_snr: ZeroSnr::Exact,
    clip_sample: Some(true),
    ..Class::new(SchedulerKind::Ddim, "DDIMScheduler")
};

#[derive(Clone)]
struct Ddim {
    prediction: PredictionType,
    clip: Option<f32>,
    /// Signal and noise levels before and after each step.
    levels: Vec<(Level, Level)>,
}

pub(super) fn sampler(config: &SchedulerConfig, steps: u32) -> Result<Sampler, SchedulerError> {
    config.refuse_flags(CLASS.kind, &["thresholding"])?;
    refuse_more_than_trained(CLASS.kind, config, steps)?;
    let spacing = Spacing::of(config, "leading")?;
    let timesteps = spacing::whole(config, spacing, steps)?;
    let to_one = config.flag("set_alpha_to_one", true)?;
    let alphas = Alphas::new(&CLASS, config, steps, to_one)?;
    let ratio = config.num_train_timesteps()? / i64::from(steps);
    let levels: Result<_, SchedulerError> = (timesteps.iter())
        .map(|&t| {
            let after = alphas.after(t - ratio)?;
            Ok((Level::new(alphas.at(t)?), Level::new(after)))
        })
        .collect();
    let levels: Vec<(Level, Level)> = levels?;
    let before: Vec<Level> = levels.iter().map(|&(before, _)| before).collect();
    let method = Ddim {
        prediction: config.prediction_type()?,
        clip: config.clip(&CLASS)?,
        levels,
    };
    let timesteps = timesteps.into_iter().map(|t| t as f32);
    Ok(Sampler::of_timesteps(timesteps, before, method))
}

impl Method for Ddim {
    fn step(
        &mut self,
        index: usize,
        prediction: ArrayView4<f32>,
        latents: Array4<f32>,
        _noise: &mut Generator,
    ) -> Array4<f32> {
        let (level, after) = self.levels[index];
        zip(latents, prediction, |x, e| {
            let x0 = level.denoised(self.prediction, x, e);
            let epsilon = match self.prediction {
                PredictionType::Epsilon => e,
                PredictionType::V => level.signal * e + level.noise * x,
                PredictionType::Sample => (x - level.signal * x0) / level.noise,
            };
            after.signal * clipped(x0, self.clip) + after.noise * epsilon
        })
    }
}
