//! The mathematics of sampling: noise, sigmas, schedulers and guidance. Arrays in, arrays out.
//!
//! The reference is diffusers 0.39 on torch's CPU: which operations are float32 and which float64 is as
//! there, so that timesteps, sigmas and noise agree exactly and latents within some rounding.

mod betas;
mod config;
mod error;
mod guidance;
mod noise;
mod sampler;
mod sigmas;
mod spacing;

// Names of before the vocabulary; whoever imports takes them from there.
pub use crate::vocabulary::SchedulerKind;
pub use config::{PredictionType, SchedulerConfig};
pub use error::SchedulerError;
pub use guidance::{GuidanceMode, combine};
pub use noise::{Generator, NoiseSource};
pub use sampler::{Evaluation, Sampler};
