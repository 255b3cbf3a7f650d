//! Noise, schedules and samples against those of torch and diffusers (tests/golden/README.md).

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it saw"
)]

#[path = "../common/mod.rs"]
mod common;
mod difference;
mod noise;
mod pipelines;
mod refused;
mod samplers;
