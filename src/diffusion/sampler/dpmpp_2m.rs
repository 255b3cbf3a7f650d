//! DPM-Solver++(2M) (Lu et al., 2022, algorithm 2). `DPMSolverMultistepScheduler` of order 2.

use ndarray::{Array4, ArrayView4, Zip};

use super::prediction::Level;
use super::{Method, Sampler, zip};
use crate::diffusion::class::Class;
use crate::diffusion::config::PredictionType;
use crate::diffusion::sigmas::{self, Multistep};
use crate::diffusion::{Generator, SchedulerConfig, SchedulerError};
use crate::vocabulary::SchedulerKind;

pub(super) const CLASS: Class = Class::new(SchedulerKind::Dpmpp2m, "DPMSolverMultistepScheduler");

/// The same class with Karras sigmas.
pub(super) const KARRAS: Class = Class {
    kind: SchedulerKind::Dpmpp2mKarras,
    ..CLASS
};

const REFUSED: &[&str] = &[
    "use_exponential_sigmas",
    "use_beta_sigmas",
    "use_flow_sigmas",
    "use_lu_lambdas",
];

#[derive(Clone)]
struct Dpmpp2m {
    prediction: PredictionType,
    sigmas: Vec<f32>,
    solver: Solver,
    lower_order_final: bool,
    /// Denoised latents of the previous step.
    previous: Option<Array4<f32>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Solver {
    Midpoint,
    Heun,
}

pub(super) fn sampler(
    class: &Class,
    config: &SchedulerConfig,
    steps: u32,
) -> Result<Sampler, SchedulerError> {
    let kind = class.kind;
    config.refuse_flags(kind, &["thresholding"])?;
    if ["learned", "learned_range"].contains(&config.optional_text("variance_type")?) {
        return Err(config.unsupported(kind, "variance_type"));
    }
    let solver = match config.text("solver_type", "midpoint")? {
        // diffusers replaces the names of other solvers' types with its default.
        "midpoint" | "logrho" | "bh1" | "bh2" => Solver::Midpoint,
        "heun" => Solver::Heun,
        _ => return Err(config.unsupported(kind, "solver_type")),
    };
    let options = Multistep {
        karras: kind == SchedulerKind::Dpmpp2mKarras,
        clips_lambda: true,
        rounds_cosine: false,
        ends_at_karras: false,
        refused: REFUSED,
    };
    let schedule = sigmas::multistep(class, &options, config, steps)?;
    let few = schedule.timesteps.len() < 15;
    let lower_order_final = config.flag("euler_at_final", false)?
        || (config.flag("lower_order_final", true)? && few)
        || config.text("final_sigmas_type", "zero")? == "zero";
    let method = Dpmpp2m {
        prediction: config.prediction_type()?,
        sigmas: schedule.sigmas.clone(),
        solver,
        lower_order_final,
        previous: None,
    };
    let timesteps = schedule.timesteps.into_iter().map(|t| t as f32);
    let levels: Vec<Level> = schedule.sigmas.iter().copied().map(level).collect();
    Ok(Sampler::of_timesteps(timesteps, levels, method).with_sigmas(&schedule.sigmas))
}

/// The level at a sigma when signal and noise are scaled to unit variance.
pub(super) fn level(sigma: f32) -> Level {
    let signal = 1.0 / (sigma * sigma + 1.0).sqrt();
    Level {
        signal,
        noise: sigma * signal,
    }
}

/// Half the logarithm of the signal-to-noise ratio.
pub(super) fn lambda(level: Level) -> f32 {
    level.signal.ln() - level.noise.ln()
}

impl Method for Dpmpp2m {
    fn step(
        &mut self,
        index: usize,
        prediction: ArrayView4<f32>,
        latents: Array4<f32>,
        _noise: &mut Generator,
    ) -> Array4<f32> {
        let [s, t] = [self.sigmas[index], self.sigmas[index + 1]].map(level);
        let m0 = zip(latents.clone(), prediction, |x, e| {
            s.denoised(self.prediction, x, e)
        });
        let h = lambda(t) - lambda(s);
        let ratio = t.noise / s.noise;
        let decay = t.signal * ((-h).exp() - 1.0);
        let last = index + 2 == self.sigmas.len();
        let mut next = zip(latents, m0.view(), |x, m0| ratio * x - decay * m0);
        if let Some(m1) = self
            .previous
            .take()
            .filter(|_| !(last && self.lower_order_final))
        {
            let r0 = (lambda(s) - lambda(level(self.sigmas[index - 1]))) / h;
            let second = match self.solver {
                Solver::Midpoint => -(0.5 * decay),
                Solver::Heun => t.signal * (((-h).exp() - 1.0) / h + 1.0),
            };
            Zip::from(&mut next)
                .and(&m0)
                .and(&m1)
                .for_each(|x, &m0, &m1| *x += second * (1.0 / r0 * (m0 - m1)));
        }
        self.previous = Some(m0);
        next
    }
}
