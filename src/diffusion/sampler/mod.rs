//! The sampling loop's view of a sampler: when to call the UNet, and what to do with its prediction.

mod ddim;
mod ddpm;
mod dpmpp_2m;
mod euler;
mod euler_ancestral;
mod heun;
mod lcm;
mod lms;
mod pndm;
mod prediction;
mod unipc;

use ndarray::{Array4, ArrayView4, Zip};

use self::prediction::Level;
use super::class::Class;
use super::sigmas::Schedule;
use super::{Generator, SchedulerConfig, SchedulerError};
use crate::vocabulary::SchedulerKind;

/// One call of the UNet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// Its index among the evaluations, from 0.
    pub index: usize,
    /// The denoising step it belongs to, from 0: heun and pndm evaluate several times a step.
    pub step: u32,
    /// The timestep the UNet is given.
    pub timestep: f32,
    /// Noise level of the latents; `None` where the scheduler has no sigmas.
    pub sigma: Option<f64>,
}

/// A scheduler set to a number of steps, with the state of one run of it: each cell has its own.
///
/// The loop is that of the diffusers pipelines:
///
/// ```
/// # use ip2p_sweep::diffusion::{Generator, Sampler, SchedulerConfig};
/// # use ip2p_sweep::vocabulary::SchedulerKind;
/// # use ip2p_sweep::diffusion::NoiseSource;
/// # let config = SchedulerConfig::parse("{}")?;
/// # let predict = |input: ndarray::Array4<f32>, _timestep: f32| input;
/// let mut noise = Generator::new(NoiseSource::TorchCpu, 42);
/// let mut sampler = Sampler::new(SchedulerKind::EulerAncestral, &config, 20)?;
/// let mut latents = noise.randn((1, 4, 8, 8)) * sampler.init_noise_sigma();
/// for evaluation in sampler.evaluations().to_vec() {
///     let input = sampler.scale_model_input(evaluation, latents.view());
///     let prediction = predict(input, evaluation.timestep);
///     latents = sampler.step(evaluation, prediction.view(), latents, &mut noise);
/// }
/// # Ok::<(), ip2p_sweep::diffusion::SchedulerError>(())
/// ```
#[derive(Clone)]
pub struct Sampler {
    evaluations: Vec<Evaluation>,
    /// Noise levels of the latents at each evaluation.
    levels: Vec<Level>,
    /// How many evaluations were left out at the start; the method's own count includes them.
    begin: usize,
    init_noise_sigma: f32,
    scales_input: bool,
    method: Box<dyn Method + Send>,
}

/// What differs from sampler to sampler.
trait Method: CloneMethod {
    /// The latents after evaluation `index`.
    fn step(
        &mut self,
        index: usize,
        prediction: ArrayView4<f32>,
        latents: Array4<f32>,
        noise: &mut Generator,
    ) -> Array4<f32>;
}

/// Clones a method with its state, for cells whose shared trajectory splits.
trait CloneMethod {
    fn boxed(&self) -> Box<dyn Method + Send>;
}

impl<M: Method + Clone + Send + 'static> CloneMethod for M {
    fn boxed(&self) -> Box<dyn Method + Send> {
        Box::new(self.clone())
    }
}

impl Clone for Box<dyn Method + Send> {
    fn clone(&self) -> Self {
        // Call the method's own, not the box's, which would call itself.
        self.as_ref().boxed()
    }
}

impl Sampler {
    /// A sampler of this kind with the options of a model's configuration. Options that belong to other classes are
    /// ignored; missing ones get the class's default. The names `dpmpp_2m` and `dpmpp_2m_karras` fix the algorithm, the
    /// order 2 and whether Karras sigmas are used.
    ///
    /// # Errors
    /// If an option is invalid or not supported, or the number of steps is impossible.
    pub fn new(
        kind: SchedulerKind,
        config: &SchedulerConfig,
        num_inference_steps: u32,
    ) -> Result<Self, SchedulerError> {
        Self::from_step(kind, config, num_inference_steps, 0)
    }

    /// The same for only the last of the steps: as many as [`steps_of_strength`] says. It starts from an image with the
    /// noise of its first evaluation added (see [`Self::add_noise`]); its evaluations and steps count from 0.
    ///
    /// # Errors
    /// As [`Self::new`], or if the strength leaves no step.
    pub fn with_strength(
        kind: SchedulerKind,
        config: &SchedulerConfig,
        num_inference_steps: u32,
        strength: f64,
    ) -> Result<Self, SchedulerError> {
        let taken = steps_of_strength(num_inference_steps, strength);
        if taken == 0 {
            return Err(SchedulerError::Strength {
                strength: strength.to_string(),
                steps: num_inference_steps,
            });
        }
        Self::from_step(
            kind,
            config,
            num_inference_steps,
            num_inference_steps - taken,
        )
    }

    fn from_step(
        kind: SchedulerKind,
        config: &SchedulerConfig,
        steps: u32,
        skipped: u32,
    ) -> Result<Self, SchedulerError> {
        if !(1..=100_000).contains(&steps) {
            return Err(SchedulerError::Steps {
                scheduler: kind,
                steps,
                reason: "it must be from 1 to 100000".into(),
            });
        }
        let sampler = match kind {
            SchedulerKind::EulerAncestral => euler_ancestral::sampler(config, steps),
            SchedulerKind::Euler => euler::sampler(config, steps),
            SchedulerKind::Heun => heun::sampler(config, steps),
            SchedulerKind::Lms => lms::sampler(config, steps),
            SchedulerKind::Ddim => ddim::sampler(config, steps),
            SchedulerKind::Ddpm => ddpm::sampler(config, steps),
            SchedulerKind::Pndm => return pndm::sampler(config, steps, skipped),
            SchedulerKind::Dpmpp2m => dpmpp_2m::sampler(&dpmpp_2m::CLASS, config, steps),
            SchedulerKind::Dpmpp2mKarras => dpmpp_2m::sampler(&dpmpp_2m::KARRAS, config, steps),
            SchedulerKind::UniPc => unipc::sampler(config, steps),
            SchedulerKind::Lcm => lcm::sampler(config, steps),
        };
        Ok(sampler?.without_steps(skipped))
    }

    /// Leaves out the first steps. What the method looks up by the index of an evaluation does not move.
    fn without_steps(mut self, skipped: u32) -> Self {
        self.begin = self.evaluations.partition_point(|e| e.step < skipped);
        self.evaluations.drain(..self.begin);
        self.levels.drain(..self.begin);
        for evaluation in &mut self.evaluations {
            evaluation.index -= self.begin;
            evaluation.step -= skipped;
        }
        self
    }

    /// A sampler that scales the UNet's input to unit variance.
    fn of_schedule(schedule: Schedule<f32>, method: impl Method + Send + 'static) -> Self {
        let levels = schedule
            .sigmas
            .iter()
            .map(|&noise| Level { signal: 1.0, noise });
        let mut sampler = Self::of_timesteps(schedule.timesteps, levels, method);
        sampler.scales_input = true;
        sampler.init_noise_sigma = schedule.init_noise_sigma;
        sampler.with_sigmas(&schedule.sigmas)
    }

    /// A sampler that passes the latents to the UNet unscaled, from the timestep and level of each evaluation (any
    /// levels beyond the last evaluation are left out).
    fn of_timesteps(
        timesteps: impl IntoIterator<Item = f32>,
        levels: impl IntoIterator<Item = Level>,
        method: impl Method + Send + 'static,
    ) -> Self {
        let evaluations: Vec<Evaluation> = (timesteps.into_iter().enumerate())
            .map(|(index, timestep)| Evaluation {
                index,
                step: index as u32,
                timestep,
                sigma: None,
            })
            .collect();
        let levels = levels.into_iter().take(evaluations.len()).collect();
        Self {
            evaluations,
            levels,
            begin: 0,
            init_noise_sigma: 1.0,
            scales_input: false,
            method: Box::new(method),
        }
    }

    /// Sets the step that each evaluation belongs to, for samplers with several evaluations a step.
    fn with_steps(mut self, step_of: impl Fn(usize) -> usize) -> Self {
        for evaluation in &mut self.evaluations {
            evaluation.step = step_of(evaluation.index) as u32;
        }
        self
    }

    fn with_sigmas(mut self, sigmas: &[f32]) -> Self {
        for (evaluation, &sigma) in self.evaluations.iter_mut().zip(sigmas) {
            evaluation.sigma = Some(f64::from(sigma));
        }
        self
    }

    /// Standard deviation of the initial latents: the factor that `randn` is multiplied by.
    pub fn init_noise_sigma(&self) -> f32 {
        self.init_noise_sigma
    }

    /// The calls of the UNet, in order. Heun and PNDM make more of them than steps.
    pub fn evaluations(&self) -> &[Evaluation] {
        &self.evaluations
    }

    /// The latents (of any shape) as the UNet sees them; the image latents beside them are never scaled.
    pub fn scale_model_input(
        &self,
        evaluation: Evaluation,
        latents: ArrayView4<f32>,
    ) -> Array4<f32> {
        let deviation = self.input_deviation(evaluation);
        latents.mapv(|x| x / deviation)
    }

    /// What the latents are divided by for the UNet: their standard deviation, or 1 where the UNet sees them unscaled.
    pub fn input_deviation(&self, evaluation: Evaluation) -> f32 {
        match evaluation.sigma {
            Some(sigma) if self.scales_input => {
                let sigma = sigma as f32;
                (sigma * sigma + 1.0).sqrt()
            }
            _ => 1.0,
        }
    }

    /// The latents after an evaluation, given the guided prediction of the same shape.
    ///
    /// Draws from `noise` when the reference does: euler_ancestral at every step, ddpm where the timestep is above 0,
    /// lcm at every step but the last, the others never. Call it once for each evaluation, in order.
    ///
    /// # Panics
    /// If prediction and latents differ in shape.
    pub fn step(
        &mut self,
        evaluation: Evaluation,
        prediction: ArrayView4<f32>,
        latents: Array4<f32>,
        noise: &mut Generator,
    ) -> Array4<f32> {
        let index = self.begin + evaluation.index;
        self.method.step(index, prediction, latents, noise)
    }

    /// An image's latents with the noise added that the latents have before evaluation `index`, of the same shape; the
    /// clean image if there is no such evaluation. `add_noise` of diffusers' schedulers.
    ///
    /// # Panics
    /// If image and noise differ in shape.
    pub fn add_noise(
        &self,
        index: usize,
        image_latents: ArrayView4<f32>,
        noise: ArrayView4<f32>,
    ) -> Array4<f32> {
        match self.levels.get(index) {
            None => image_latents.to_owned(),
            Some(level) => zip(image_latents.to_owned(), noise, |x, noise| {
                level.signal * x + level.noise * noise
            }),
        }
    }
}

/// How many of the steps are taken at a strength: `min(int(num_inference_steps * strength), num_inference_steps)` in
/// Python's doubles, where 50 steps at 0.58 are 28, not 29.
pub fn steps_of_strength(num_inference_steps: u32, strength: f64) -> u32 {
    let steps = f64::from(num_inference_steps);
    (steps * strength).clamp(0.0, steps) as u32
}

/// The defaults and quirks of the diffusers class behind a scheduler.
pub(super) fn class_of(kind: SchedulerKind) -> &'static Class {
    match kind {
        SchedulerKind::EulerAncestral => &euler_ancestral::CLASS,
        SchedulerKind::Euler => &euler::CLASS,
        SchedulerKind::Heun => &heun::CLASS,
        SchedulerKind::Lms => &lms::CLASS,
        SchedulerKind::Ddim => &ddim::CLASS,
        SchedulerKind::Ddpm => &ddpm::CLASS,
        SchedulerKind::Pndm => &pndm::CLASS,
        SchedulerKind::Dpmpp2m => &dpmpp_2m::CLASS,
        SchedulerKind::Dpmpp2mKarras => &dpmpp_2m::KARRAS,
        SchedulerKind::UniPc => &unipc::CLASS,
        SchedulerKind::Lcm => &lcm::CLASS,
    }
}

/// f(x, y) for each element of x, in place.
fn zip(mut x: Array4<f32>, y: ArrayView4<f32>, f: impl Fn(f32, f32) -> f32) -> Array4<f32> {
    Zip::from(&mut x).and(y).for_each(|x, &y| *x = f(*x, y));
    x
}

/// x + deviation * noise, with freshly drawn noise.
fn draw_noise(x: Array4<f32>, deviation: f32, noise: &mut Generator) -> Array4<f32> {
    let drawn = noise.shared_randn(x.dim());
    zip(x, drawn.view(), |x, noise| x + noise * deviation)
}
