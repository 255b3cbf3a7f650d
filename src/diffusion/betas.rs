//! The training noise schedule: betas and the cumulative products of 1 - beta, in torch's float32.

use super::class::{Class, ZeroSnr};
use super::{SchedulerConfig, SchedulerError};

/// `alphas_cumprod` of a scheduler: for each training timestep, the square of the signal's share of the latents.
///
/// # Errors
/// If a beta is not a number, or the scheduler does not know the `beta_schedule`.
pub(super) fn alphas_cumprod(
    class: &Class,
    config: &SchedulerConfig,
) -> Result<Vec<f32>, SchedulerError> {
    let betas = betas(class, config)?;
    if class.zero_snr == ZeroSnr::Ignored || !config.flag("rescale_betas_zero_snr", false)? {
        return Ok(cumulative_product(&betas));
    }
    let mut alphas_cumprod = cumulative_product(&rescale_zero_terminal_snr(&betas));
    if class.zero_snr == ZeroSnr::Finite
        && let Some(last) = alphas_cumprod.last_mut()
    {
        // "Close to 0 without being 0 so first sigma is not inf" (diffusers).
        *last = 2_f32.powi(-24);
    }
    Ok(alphas_cumprod)
}

fn betas(class: &Class, config: &SchedulerConfig) -> Result<Vec<f32>, SchedulerError> {
    if let Some(trained) = config.numbers("trained_betas")? {
        if trained.is_empty() {
            return Err(config.invalid("trained_betas", "a list of numbers, not empty"));
        }
        return Ok(trained.into_iter().map(|beta| beta as f32).collect());
    }
    let start = config.float("beta_start", class.beta_start)?;
    let end = config.float("beta_end", class.beta_end)?;
    let count = config.num_train_timesteps()? as usize;
    match config.text("beta_schedule", class.beta_schedule)? {
        "linear" => Ok(linspace(start as f32, end as f32, count)),
        "scaled_linear" => {
            let roots = linspace(start.sqrt() as f32, end.sqrt() as f32, count);
            Ok(roots.into_iter().map(|root| root * root).collect())
        }
        "squaredcos_cap_v2" => Ok(cosine(count)),
        _ => Err(config.unsupported(class.kind, "beta_schedule")),
    }
}

/// `torch.linspace` in float32: computed from both ends towards the middle, with fused multiply-adds.
pub(super) fn linspace(start: f32, end: f32, count: usize) -> Vec<f32> {
    if count == 1 {
        return vec![start];
    }
    let step = (end - start) / (count - 1) as f32;
    (0..count)
        .map(|i| {
            if i < count / 2 {
                step.mul_add(i as f32, start)
            } else {
                (-step).mul_add((count - 1 - i) as f32, end)
            }
        })
        .collect()
}

/// `betas_for_alpha_bar`: Nichol and Dhariwal (2021), equation 17.
fn cosine(count: usize) -> Vec<f32> {
    let alpha_bar = |t: f64| {
        ((t + 0.008) / 1.008 * std::f64::consts::PI / 2.0)
            .cos()
            .powi(2)
    };
    (0..count)
        .map(|i| {
            let (t1, t2) = (i as f64 / count as f64, (i + 1) as f64 / count as f64);
            (1.0 - alpha_bar(t2) / alpha_bar(t1)).min(0.999) as f32
        })
        .collect()
}

/// Products of 1 - beta; torch's cumprod accumulates float32 in double precision.
fn cumulative_product(betas: &[f32]) -> Vec<f32> {
    let mut product = 1.0_f64;
    betas
        .iter()
        .map(|beta| {
            product *= f64::from(1.0 - beta);
            product as f32
        })
        .collect()
}

/// Algorithm 1 of Lin et al. (2023), "Common Diffusion Noise Schedules and Sample Steps are Flawed".
fn rescale_zero_terminal_snr(betas: &[f32]) -> Vec<f32> {
    let mut roots: Vec<f32> = cumulative_product(betas)
        .into_iter()
        .map(f32::sqrt)
        .collect();
    let (first, last) = (roots[0], roots[roots.len() - 1]);
    let scale = first / (first - last);
    for root in &mut roots {
        *root = (*root - last) * scale;
    }
    let mut previous = 1.0;
    roots
        .into_iter()
        .map(|root| {
            let alpha_bar = root * root;
            let beta = 1.0 - alpha_bar / previous;
            previous = alpha_bar;
            beta
        })
        .collect()
}

/// The value at a timestep, indexed as Python does: -1 is the last one; `None` where Python would raise an
/// `IndexError`.
pub(super) fn at(alphas_cumprod: &[f32], timestep: i64) -> Option<f32> {
    let index = if timestep < 0 {
        timestep + alphas_cumprod.len() as i64
    } else {
        timestep
    };
    alphas_cumprod.get(usize::try_from(index).ok()?).copied()
}
