//! The mathematics of sampling: noise, sigmas, schedulers and guidance. Arrays in, arrays out.
//!
//! The reference is diffusers 0.39 on torch's CPU: the same operations are float32 and float64 as there, so that
//! timesteps, sigmas and noise agree exactly, and latents up to rounding.
//!
//! A kind of pipeline uses them in this order: the configuration as its constructor rewrites it
//! ([`SchedulerConfig::rewritten_by`]), a [`Sampler`] ([`Sampler::with_strength`] if it starts from an image), its
//! first latents from [`start`], and, for inpainting with 4 channels, [`start::Kept::put_back`] after every evaluation.

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
mod written;

pub use config::{PredictionType, SchedulerConfig};
pub use denoiser::{Component, Denoiser, DeviceMemory, Headroom, Texts};
pub use error::SchedulerError;
pub use guidance::{GuidanceMode, combine};
pub use noise::{Generator, NoiseSource};
pub use sampler::{Evaluation, Sampler, steps_of_strength};
pub use written::Constructor;
