//! Noise levels sigma = sqrt((1 - alpha) / alpha) at the timesteps that a sampler visits.

use super::class::Class;
use super::spacing::{self, Spacing, linspace};
use super::{SchedulerConfig, SchedulerError, betas};
use crate::vocabulary::SchedulerKind;

/// Timesteps and their noise levels, with one more level at the end.
#[derive(Debug, Clone)]
pub(super) struct Schedule<T> {
    pub timesteps: Vec<T>,
    pub sigmas: Vec<f32>,
    /// Standard deviation of the initial latents (k-diffusion family only).
    pub init_noise_sigma: f32,
}

/// What differs between the classes of the k-diffusion family.
pub(super) struct KDiffusion {
    pub karras: Karras,
    /// Whether the class knows `interpolation_type`.
    pub interpolates: bool,
    /// Whether the class knows `final_sigmas_type`.
    pub final_sigmas: bool,
    /// Options for other sigma schedules, which are not supported.
    pub refused: &'static [&'static str],
}

/// How a class treats `use_karras_sigmas`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Karras {
    /// The class does not know the option.
    Ignored,
    /// Karras sigmas between the first and the last sigma.
    Plain,
    /// Karras sigmas between `sigma_min` and `sigma_max`, where those are given.
    Limited,
}

/// The schedule of the k-diffusion family (Karras et al., 2022, and k-diffusion).
pub(super) fn k_diffusion(
    class: &Class,
    options: &KDiffusion,
    config: &SchedulerConfig,
    steps: u32,
) -> Result<Schedule<f32>, SchedulerError> {
    config.refuse_flags(class.kind, options.refused)?;
    let alphas_cumprod = betas::alphas_cumprod(class, config)?;
    let train = training(&alphas_cumprod);
    let spacing = Spacing::of(config, "linspace")?;
    let mut timesteps = spacing::fractional(config, spacing, steps)?;
    let interpolation = match options.interpolates {
        true => interpolation(config)?,
        false => Interpolation::Linear,
    };
    let mut sigmas = match interpolation {
        Interpolation::Linear => interpolate(timesteps.iter().map(|&t| f64::from(t)), &train),
        Interpolation::LogLinear => log_linear(&train, steps),
    };
    if options.karras != Karras::Ignored && config.flag("use_karras_sigmas", false)? {
        let limits = match options.karras {
            Karras::Ignored | Karras::Plain => (None, None),
            Karras::Limited => karras_limits(config)?,
        };
        sigmas = convert_to_karras(limits, sigmas[sigmas.len() - 1], sigmas[0], steps);
        let logarithms = logarithms(&train);
        timesteps = (sigmas.iter())
            .map(|&sigma| sigma_to_t(sigma, &logarithms) as f32)
            .collect();
    }
    let last = match options.final_sigmas {
        true => final_sigma(config, train[0])?,
        false => 0.0,
    };
    let schedule = finish(class.kind, steps, timesteps, sigmas, last)?;
    let max = schedule.sigmas.iter().copied().fold(0.0, f32::max);
    let init_noise_sigma = match spacing {
        Spacing::Linspace | Spacing::Trailing => max,
        Spacing::Leading => (max * max + 1.0).sqrt(),
    };
    Ok(Schedule {
        init_noise_sigma,
        ..schedule
    })
}

/// What differs between the classes of the multistep solvers.
pub(super) struct Multistep {
    /// Whether Karras sigmas are used.
    pub karras: bool,
    /// Whether the class knows `lambda_min_clipped`.
    pub clips_lambda: bool,
    /// Whether the timesteps of Karras sigmas are rounded with cosine betas too; otherwise they keep fractions, which
    /// are then truncated.
    pub rounds_cosine: bool,
    /// Whether `final_sigmas_type` = `sigma_min` means the last Karras sigma; otherwise it is the smallest sigma of
    /// training.
    pub ends_at_karras: bool,
    /// Options for other sigma schedules, which are not supported.
    pub refused: &'static [&'static str],
}

/// The schedule of the multistep solvers.
pub(super) fn multistep(
    class: &Class,
    options: &Multistep,
    config: &SchedulerConfig,
    steps: u32,
) -> Result<Schedule<i64>, SchedulerError> {
    config.refuse_flags(class.kind, options.refused)?;
    let alphas_cumprod = betas::alphas_cumprod(class, config)?;
    let train = training(&alphas_cumprod);
    let spacing = Spacing::of(config, "linspace")?;
    let last = match options.clips_lambda {
        true => last_timestep(config, &alphas_cumprod)?,
        false => config.num_train_timesteps()?,
    };
    let timesteps = spacing::multistep(config, spacing, last, steps)?;
    if !options.karras {
        let sigmas = interpolate(timesteps.iter().map(|&t| t as f64), &train);
        let last = final_sigma(config, train[0])?;
        return finish(class.kind, steps, timesteps, sigmas, last);
    }
    let (min, max) = (f64::from(train[0]), f64::from(train[train.len() - 1]));
    let sigmas = convert_to_karras(karras_limits(config)?, min, max, steps);
    let cosine = config.text("beta_schedule", class.beta_schedule)? == "squaredcos_cap_v2";
    let rounds = options.rounds_cosine || !cosine;
    let logarithms = logarithms(&train);
    let timesteps = (sigmas.iter())
        .map(|&sigma| sigma_to_t(sigma, &logarithms))
        .map(|t| if rounds { t.round_ties_even() } else { t } as i64)
        .collect();
    let min = match options.ends_at_karras {
        true => sigmas[sigmas.len() - 1] as f32,
        false => train[0],
    };
    let last = final_sigma(config, min)?;
    finish(class.kind, steps, timesteps, sigmas, last)
}

fn finish<T: PartialEq + Copy>(
    kind: SchedulerKind,
    steps: u32,
    timesteps: Vec<T>,
    sigmas: Vec<f64>,
    last: f32,
) -> Result<Schedule<T>, SchedulerError> {
    // diffusers takes the second of two equal timesteps for the first step, and fails at the end.
    if timesteps.is_empty() || timesteps[1..].contains(&timesteps[0]) {
        return Err(SchedulerError::Steps {
            scheduler: kind,
            steps,
            reason: "its first timestep would occur twice".into(),
        });
    }
    let sigmas = sigmas.into_iter().map(|sigma| sigma as f32);
    Ok(Schedule {
        timesteps,
        sigmas: sigmas.chain([last]).collect(),
        init_noise_sigma: 1.0,
    })
}

enum Interpolation {
    Linear,
    LogLinear,
}

fn interpolation(config: &SchedulerConfig) -> Result<Interpolation, SchedulerError> {
    match config.text("interpolation_type", "linear")? {
        "linear" => Ok(Interpolation::Linear),
        "log_linear" => Ok(Interpolation::LogLinear),
        _ => Err(config.invalid("interpolation_type", "linear or log_linear")),
    }
}

/// `final_sigmas_type`.
fn final_sigma(config: &SchedulerConfig, min: f32) -> Result<f32, SchedulerError> {
    match config.text("final_sigmas_type", "zero")? {
        "zero" => Ok(0.0),
        "sigma_min" => Ok(min),
        _ => Err(config.invalid("final_sigmas_type", "zero or sigma_min")),
    }
}

/// Noise levels of all training timesteps, rising.
fn training(alphas_cumprod: &[f32]) -> Vec<f32> {
    (alphas_cumprod.iter())
        .map(|alpha| ((1.0 - alpha) / alpha).sqrt())
        .collect()
}

fn logarithms(sigmas: &[f32]) -> Vec<f32> {
    sigmas.iter().map(|sigma| sigma.ln()).collect()
}

/// How many training timesteps have a log signal-to-noise ratio of at least `lambda_min_clipped`.
fn last_timestep(config: &SchedulerConfig, alphas_cumprod: &[f32]) -> Result<i64, SchedulerError> {
    let train = config.num_train_timesteps()?;
    let clip = config.float("lambda_min_clipped", f64::NEG_INFINITY)? as f32;
    let lambda = |alpha: f32| alpha.sqrt().ln() - (1.0 - alpha).sqrt().ln();
    let clipped = (alphas_cumprod.iter()).filter(|&&alpha| lambda(alpha) < clip);
    Ok(train - clipped.count() as i64)
}

/// `numpy.interp` over values at 0, 1, 2, ...
fn interpolate(timesteps: impl Iterator<Item = f64>, values: &[f32]) -> Vec<f64> {
    let last = values.len() - 1;
    timesteps
        .map(|t| {
            let low = t.clamp(0.0, last as f64);
            let j = low as usize;
            let value = f64::from(values[j]);
            if j as f64 == low {
                value
            } else {
                (f64::from(values[j + 1]) - value) * (low - j as f64) + value
            }
        })
        .collect()
}

/// Levels evenly spaced in their logarithms: one more than steps, so that the last step ends above 0.
fn log_linear(train: &[f32], steps: u32) -> Vec<f64> {
    let (max, min) = (train[train.len() - 1].ln(), train[0].ln());
    let levels = betas::linspace(max, min, steps as usize + 1);
    levels.into_iter().map(|l| f64::from(l.exp())).collect()
}

/// `sigma_min` and `sigma_max`.
fn karras_limits(config: &SchedulerConfig) -> Result<(Option<f64>, Option<f64>), SchedulerError> {
    Ok((
        config.optional_float("sigma_min")?,
        config.optional_float("sigma_max")?,
    ))
}

/// Equation 5 of Karras et al. (2022) with rho = 7.
fn convert_to_karras(
    (sigma_min, sigma_max): (Option<f64>, Option<f64>),
    min: f64,
    max: f64,
    steps: u32,
) -> Vec<f64> {
    const RHO: f64 = 7.0;
    let min = sigma_min.unwrap_or(min).powf(1.0 / RHO);
    let max = sigma_max.unwrap_or(max).powf(1.0 / RHO);
    let ramp = linspace(1.0, steps).into_iter();
    ramp.map(|r| (max + r * (min - max)).powf(RHO)).collect()
}

/// The (fractional) timestep at which training had this noise level.
fn sigma_to_t(sigma: f64, logarithms: &[f32]) -> f64 {
    if logarithms.len() < 2 {
        return 0.0;
    }
    let log_sigma = sigma.max(1e-10).ln();
    let below = |&log: &f32| log_sigma - f64::from(log) >= 0.0;
    let j = logarithms.iter().rposition(below).unwrap_or(0);
    let j = j.min(logarithms.len() - 2);
    let (low, high) = (logarithms[j], logarithms[j + 1]);
    let w = ((f64::from(low) - log_sigma) / f64::from(low - high)).clamp(0.0, 1.0);
    (1.0 - w) * j as f64 + w * (j + 1) as f64
}
