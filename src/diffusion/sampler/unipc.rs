//! Unified predictor-corrector (Zhao et al., 2023, algorithms 5 and 6) on denoised latents. `UniPCMultistepScheduler`.

use std::collections::VecDeque;

use ndarray::{Array4, ArrayView4, Zip};

use super::dpmpp_2m::{lambda, level};
use super::prediction::Level;
use super::{Method, Sampler, zip};
use crate::diffusion::class::Class;
use crate::diffusion::config::PredictionType;
use crate::diffusion::sigmas::{self, Multistep};
use crate::diffusion::{Generator, SchedulerConfig, SchedulerError};
use crate::vocabulary::SchedulerKind;

pub(super) const CLASS: Class = Class::new(SchedulerKind::UniPc, "UniPCMultistepScheduler");

const REFUSED: &[&str] = &[
    "use_exponential_sigmas",
    "use_beta_sigmas",
    "use_flow_sigmas",
    "use_dynamic_shifting",
];

#[derive(Clone)]
struct UniPc {
    prediction: PredictionType,
    sigmas: Vec<f32>,
    solver: Solver,
    solver_order: usize,
    lower_order_final: bool,
    /// Steps whose result is not corrected.
    disable_corrector: Vec<usize>,
    /// Denoised latents, the newest first.
    outputs: VecDeque<Array4<f32>>,
    /// The corrected latents that the last step started from, and its order.
    last: Option<(Array4<f32>, usize)>,
}

/// B(h) of the paper.
#[derive(Clone, Copy)]
enum Solver {
    Bh1,
    Bh2,
}

pub(super) fn sampler(config: &SchedulerConfig, steps: u32) -> Result<Sampler, SchedulerError> {
    config.refuse_flags(CLASS.kind, &["thresholding"])?;
    for key in ["solver_p", "shift_terminal"] {
        if config.is_set(key) {
            return Err(config.unsupported(CLASS.kind, key));
        }
    }
    if !config.flag("predict_x0", true)? {
        return Err(config.unsupported(CLASS.kind, "predict_x0"));
    }
    let solver = match config.text("solver_type", "bh2")? {
        "bh1" => Solver::Bh1,
        // diffusers replaces the names of other solvers' types with its default.
        "bh2" | "midpoint" | "heun" | "logrho" => Solver::Bh2,
        _ => return Err(config.unsupported(CLASS.kind, "solver_type")),
    };
    let solver_order = match config.integer("solver_order", 2)? {
        order @ 1..=9 => order as usize,
        _ => return Err(config.invalid("solver_order", "a whole number from 1 to 9")),
    };
    if matches!(solver, Solver::Bh1) && config.text("final_sigmas_type", "zero")? == "zero" {
        // B(h) is infinite where sigma is 0; diffusers would return NaN.
        return Err(config.unsupported(CLASS.kind, "solver_type"));
    }
    let disabled = config.numbers("disable_corrector")?.unwrap_or_default();
    let options = Multistep {
        karras: config.flag("use_karras_sigmas", false)?,
        clips_lambda: false,
        rounds_cosine: true,
        ends_at_karras: true,
        refused: REFUSED,
    };
    let schedule = sigmas::multistep(&CLASS, &options, config, steps)?;
    let method = UniPc {
        prediction: config.prediction_type()?,
        sigmas: schedule.sigmas.clone(),
        solver,
        solver_order,
        lower_order_final: config.flag("lower_order_final", true)?,
        disable_corrector: disabled.into_iter().map(|step| step as usize).collect(),
        outputs: VecDeque::new(),
        last: None,
    };
    let timesteps = schedule.timesteps.into_iter().map(|t| t as f32);
    let levels: Vec<Level> = schedule.sigmas.iter().copied().map(level).collect();
    Ok(Sampler::of_timesteps(timesteps, levels, method).with_sigmas(&schedule.sigmas))
}

impl Method for UniPc {
    fn step(
        &mut self,
        index: usize,
        prediction: ArrayView4<f32>,
        latents: Array4<f32>,
        _noise: &mut Generator,
    ) -> Array4<f32> {
        let here = level(self.sigmas[index]);
        let output = zip(latents.clone(), prediction, |x, e| {
            here.denoised(self.prediction, x, e)
        });
        let latents = match self.last.take() {
            Some((last, order)) if !self.disable_corrector.contains(&(index - 1)) => {
                self.correct(index - 1, order, last, &output)
            }
            _ => latents,
        };
        self.outputs.push_front(output);
        self.outputs.truncate(self.solver_order);
        let remaining = self.sigmas.len() - 1 - index;
        let mut order = self.outputs.len();
        if self.lower_order_final {
            order = order.min(remaining);
        }
        let next = self.predict(index, order, latents.clone());
        self.last = Some((latents, order));
        next
    }
}

impl UniPc {
    /// UniP: the latents after step `index`.
    fn predict(&self, index: usize, order: usize, latents: Array4<f32>) -> Array4<f32> {
        let terms = self.terms(index, order);
        let rhos = match order {
            1 => vec![],
            2 => vec![0.5],
            _ => solve(&terms.ratios, &terms.b, order - 1),
        };
        self.update(&terms, &rhos, latents, None)
    }

    /// UniC: the latents after step `index`, corrected now that the model's output there is known.
    fn correct(
        &self,
        index: usize,
        order: usize,
        latents: Array4<f32>,
        output: &Array4<f32>,
    ) -> Array4<f32> {
        let terms = self.terms(index, order);
        let rhos = match order {
            1 => vec![0.5],
            _ => solve(&terms.ratios, &terms.b, order),
        };
        self.update(&terms, &rhos, latents, Some(output))
    }

    fn update(
        &self,
        terms: &Terms,
        rhos: &[f32],
        latents: Array4<f32>,
        output: Option<&Array4<f32>>,
    ) -> Array4<f32> {
        let m0 = &self.outputs[0];
        let mut residual = Array4::<f32>::zeros(latents.dim());
        let past = self.outputs.iter().skip(1).zip(&terms.ratios);
        // The last ratio is 1 and belongs to the new output.
        for ((m, ratio), rho) in past.take(terms.ratios.len() - 1).zip(rhos) {
            Zip::from(&mut residual)
                .and(m)
                .and(m0)
                .for_each(|sum, &m, &m0| *sum += rho * ((m - m0) / ratio));
        }
        if let (Some(output), Some(rho)) = (output, rhos.last()) {
            Zip::from(&mut residual)
                .and(output)
                .and(m0)
                .for_each(|sum, &m, &m0| *sum += rho * (m - m0));
        }
        let next = zip(latents, m0.view(), |x, m0| {
            terms.of_latents * x - terms.of_output * m0
        });
        zip(next, residual.view(), |x, residual| {
            x - terms.of_residual * residual
        })
    }

    /// What the predictor and the corrector of step `index` share.
    fn terms(&self, index: usize, order: usize) -> Terms {
        let [s0, t] = [self.sigmas[index], self.sigmas[index + 1]].map(level);
        let h = lambda(t) - lambda(s0);
        let mut ratios: Vec<f32> = (1..order)
            .map(|k| (lambda(level(self.sigmas[index - k])) - lambda(s0)) / h)
            .collect();
        ratios.push(1.0);
        let h_phi_1 = (-h).exp_m1();
        let b_h = match self.solver {
            Solver::Bh1 => -h,
            Solver::Bh2 => h_phi_1,
        };
        let mut h_phi_k = h_phi_1 / -h - 1.0;
        let mut factorial = 1.0;
        let b = (1..=order)
            .map(|k| {
                let term = h_phi_k * factorial / b_h;
                factorial *= (k + 1) as f32;
                h_phi_k = h_phi_k / -h - 1.0 / factorial;
                term
            })
            .collect();
        Terms {
            of_latents: t.noise / s0.noise,
            of_output: t.signal * h_phi_1,
            of_residual: t.signal * b_h,
            ratios,
            b,
        }
    }
}

struct Terms {
    of_latents: f32,
    of_output: f32,
    of_residual: f32,
    /// r_1, ..., r_order = 1.
    ratios: Vec<f32>,
    b: Vec<f32>,
}

/// The rhos for which the weighted powers of the first `order` ratios sum to b: Gaussian elimination with partial
/// pivoting.
fn solve(ratios: &[f32], b: &[f32], order: usize) -> Vec<f32> {
    let mut rows: Vec<Vec<f32>> = (0..order)
        .map(|power| {
            let powers = ratios[..order].iter().map(|ratio| ratio.powi(power as i32));
            powers.chain([b[power]]).collect()
        })
        .collect();
    for column in 0..order {
        let pivot = (column..order)
            .max_by(|&i, &j| rows[i][column].abs().total_cmp(&rows[j][column].abs()))
            .unwrap_or(column);
        rows.swap(column, pivot);
        let (done, below) = rows.split_at_mut(column + 1);
        let pivot = &done[column];
        for row in below {
            let factor = row[column] / pivot[column];
            for (value, above) in row.iter_mut().zip(pivot).skip(column) {
                *value -= factor * above;
            }
        }
    }
    let mut rhos = vec![0.0; order];
    for i in (0..order).rev() {
        let known: f32 = (i + 1..order).map(|j| rows[i][j] * rhos[j]).sum();
        rhos[i] = (rows[i][order] - known) / rows[i][i];
    }
    rhos
}
