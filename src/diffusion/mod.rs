//! The mathematics of sampling: noise, sigmas, schedulers and guidance. Arrays in, arrays out.
//!
//! The reference is diffusers 0.39 on torch's CPU: which operations are float32 and which float64 is as
//! there, so that timesteps, sigmas and noise agree exactly and latents within some rounding.
//!
//! What a kind of pipeline does with them: [`SchedulerConfig::rewritten_by`] its constructor, a [`Sampler`] (with
//! [`Sampler::with_strength`] from an image), its first latents by [`start`], and for inpainting with 4 channels
//! [`start::Kept::put_back`] after every evaluation.

mod betas;
mod class;
mod config;
mod denoiser;
mod error;
mod guidance;
mod noise;
mod sampler;
mod sigmas;
mod spacing;
pub mod start;

pub use config::{Constructor, PredictionType, SchedulerConfig};
pub use denoiser::{Component, Denoiser, DeviceMemory, Headroom, Texts};
pub use error::SchedulerError;
pub use guidance::{GuidanceMode, combine};
pub use noise::{Generator, NoiseSource};
pub use sampler::{Evaluation, Sampler, steps_of_strength};
