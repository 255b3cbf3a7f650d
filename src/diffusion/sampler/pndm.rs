//! Pseudo numerical methods (Liu et al., 2022): Runge-Kutta, then linear multistep. `PNDMScheduler`.

use std::collections::VecDeque;

use ndarray::{Array4, ArrayView4};

use super::prediction::{Alphas, Level, noise_prediction, refuse};
use super::{Method, Sampler, zip};
use crate::diffusion::class::{Class, SKIP_PRK_STEPS, ZeroSnr};
use crate::diffusion::config::PredictionType;
use crate::diffusion::spacing::{self, Spacing};
use crate::diffusion::{Generator, SchedulerConfig, SchedulerError};
use crate::vocabulary::SchedulerKind;

pub(super) const CLASS: Class = Class {
    zero_snr: ZeroSnr::Ignored,
    skip_prk_steps: Some(false),
    ..Class::new(SchedulerKind::Pndm, "PNDMScheduler")
};

#[derive(Clone)]
struct Pndm {
    prediction: PredictionType,
    /// Number of Runge-Kutta evaluations, four a step.
    runge_kutta: usize,
    /// Cumulative alphas before and after each evaluation.
    alphas: Vec<(f32, f32)>,
    /// Predictions, the newest first.
    ets: VecDeque<Array4<f32>>,
    /// Latents at the start of a step with several evaluations.
    start: Option<Array4<f32>>,
    /// Weighted sum, so far, of the predictions of a Runge-Kutta step.
    sum: Option<Array4<f32>>,
}

/// Makes the sampler. When a start from an image leaves out the first steps, an evaluation's role follows from its
/// index among those that are left, because diffusers' pipelines cut the list and the scheduler's counter starts at 0.
pub(super) fn sampler(
    config: &SchedulerConfig,
    steps: u32,
    skipped: u32,
) -> Result<Sampler, SchedulerError> {
    let prediction = noise_prediction(CLASS.kind, config)?;
    let spacing = Spacing::of(config, "leading")?;
    let rising: Vec<i64> = {
        let falling = spacing::whole(config, spacing, steps)?;
        falling.into_iter().rev().collect()
    };
    let ratio = config.num_train_timesteps()? / i64::from(steps);
    let (runge_kutta, multistep) = if config.flag(SKIP_PRK_STEPS, false)? {
        (vec![], multistep_alone(&rising))
    } else if rising.len() < 4 {
        let reason = "without `skip_prk_steps` it takes at least 4".into();
        return Err(refuse(CLASS.kind, steps, reason));
    } else {
        let multistep = rising[..rising.len() - 3].iter().rev().copied().collect();
        (runge_kutta_timesteps(&rising, ratio), multistep)
    };
    let all = runge_kutta.iter().chain(&multistep);
    let visited: Vec<i64> = all.skip(skipped as usize).copied().collect();
    let to_one = config.flag("set_alpha_to_one", false)?;
    let alphas = Alphas::new(&CLASS, config, steps, to_one)?;
    let between: Result<_, SchedulerError> = (ends(&runge_kutta, &visited, ratio).into_iter())
        .map(|(from, to)| Ok((alphas.at(from)?, alphas.after(to)?)))
        .collect();
    let levels: Result<Vec<Level>, SchedulerError> = (visited.iter())
        .map(|&t| Ok(Level::new(alphas.at(t)?)))
        .collect();
    let of_runge_kutta = runge_kutta.len();
    let method = Pndm {
        prediction,
        runge_kutta: of_runge_kutta,
        alphas: between?,
        ets: VecDeque::new(),
        start: None,
        sum: None,
    };
    let timesteps = visited.into_iter().map(|t| t as f32);
    let sampler = Sampler::of_timesteps(timesteps, levels?, method);
    Ok(sampler.with_steps(|evaluation| step_of(evaluation, of_runge_kutta)))
}

/// The step of an evaluation: Runge-Kutta steps have four; without them only the first step has more than one, two.
fn step_of(evaluation: usize, of_runge_kutta: usize) -> usize {
    match of_runge_kutta {
        0 => evaluation.saturating_sub(1),
        _ if evaluation < of_runge_kutta => evaluation / 4,
        _ => evaluation - of_runge_kutta + of_runge_kutta / 4,
    }
}

/// Timesteps without Runge-Kutta steps: the second one is visited twice, for a step like Heun's.
fn multistep_alone(rising: &[i64]) -> Vec<i64> {
    let mut falling: Vec<i64> = rising.iter().rev().copied().collect();
    if let Some(&second) = falling.get(1) {
        falling.insert(1, second);
    }
    falling
}

/// Timesteps of three Runge-Kutta steps of four evaluations each: at the start, twice half-way, at the end.
fn runge_kutta_timesteps(rising: &[i64], ratio: i64) -> Vec<i64> {
    let last_four = &rising[rising.len() - 4..];
    let halves = last_four.iter().flat_map(|&t| [t, t + ratio / 2]);
    let mut twice: Vec<i64> = halves.take(7).flat_map(|t| [t; 2]).collect();
    twice.reverse();
    twice[1..13].to_vec()
}

/// The timesteps before and after each evaluation.
fn ends(runge_kutta: &[i64], visited: &[i64], ratio: i64) -> Vec<(i64, i64)> {
    let of = |(counter, &t): (usize, &i64)| match runge_kutta.get(counter / 4 * 4) {
        Some(&start) if counter.is_multiple_of(2) => (start, t - ratio / 2),
        Some(&start) => (start, t),
        None if counter == 1 => (t + ratio, t),
        None => (t, t - ratio),
    };
    visited.iter().enumerate().map(of).collect()
}

impl Method for Pndm {
    fn step(
        &mut self,
        index: usize,
        prediction: ArrayView4<f32>,
        latents: Array4<f32>,
        _noise: &mut Generator,
    ) -> Array4<f32> {
        let (latents, e) = if index < self.runge_kutta {
            self.runge_kutta_step(index, prediction, latents)
        } else {
            self.multistep(index, prediction, latents)
        };
        self.transfer(index, latents, e.view())
    }
}

impl Pndm {
    /// Latents and prediction for the transfer. The latents at the first of the four evaluations stay the start of the
    /// step.
    fn runge_kutta_step(
        &mut self,
        index: usize,
        e: ArrayView4<f32>,
        latents: Array4<f32>,
    ) -> (Array4<f32>, Array4<f32>) {
        if index.is_multiple_of(4) {
            self.ets.push_front(e.to_owned());
            self.start = Some(latents.clone());
        }
        let weight = [1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0][index % 4];
        let weighted = e.mapv(|e| weight * e);
        let sum = match self.sum.take() {
            Some(sum) => sum + weighted,
            None => weighted,
        };
        let start = self.start.clone().unwrap_or(latents);
        if index % 4 == 3 {
            return (start, sum);
        }
        self.sum = Some(sum);
        (start, e.to_owned())
    }

    fn multistep(
        &mut self,
        index: usize,
        e: ArrayView4<f32>,
        latents: Array4<f32>,
    ) -> (Array4<f32>, Array4<f32>) {
        if self.runge_kutta == 0 && index == 1 {
            // The second half of a step like Heun's.
            let mean = match self.ets.front() {
                Some(first) => (&e + first) / 2.0,
                None => e.to_owned(),
            };
            return (self.start.take().unwrap_or(latents), mean);
        }
        self.ets.truncate(3);
        self.ets.push_front(e.to_owned());
        if index == 0 {
            self.start = Some(latents.clone());
        }
        (latents, adams_bashforth(&self.ets))
    }

    /// `_get_prev_sample`: equation 11 of the paper.
    fn transfer(&self, index: usize, latents: Array4<f32>, e: ArrayView4<f32>) -> Array4<f32> {
        let (from, to) = self.alphas[index];
        let level = Level::new(from);
        let (beta, beta_to) = (1.0 - from, 1.0 - to);
        let scale = (to / from).sqrt();
        let denominator = from * beta_to.sqrt() + (from * beta * to).sqrt();
        zip(latents, e, |x, e| {
            let epsilon = match self.prediction {
                PredictionType::V => level.signal * e + level.noise * x,
                PredictionType::Epsilon | PredictionType::Sample => e,
            };
            scale * x - (to - from) * epsilon / denominator
        })
    }
}

/// The Adams-Bashforth combination of the last one to four predictions.
fn adams_bashforth(ets: &VecDeque<Array4<f32>>) -> Array4<f32> {
    let (weights, denominator): (&[f32], f32) = match ets.len() {
        1 => (&[1.0], 1.0),
        2 => (&[3.0, -1.0], 2.0),
        3 => (&[23.0, -16.0, 5.0], 12.0),
        _ => (&[55.0, -59.0, 37.0, -9.0], 24.0),
    };
    let terms = ets.iter().zip(weights).map(|(e, &weight)| e * weight);
    let sum = terms.reduce(|sum, term| sum + term).unwrap_or_default();
    sum / denominator
}
