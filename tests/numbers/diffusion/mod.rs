//! Noise, schedules and samples compared with those of torch and diffusers (tests/golden/README.md).

mod difference;
mod noise;
mod pipelines;
mod refused;
mod samplers;
mod strengths;
