//! Parameter sweeps of InstructPix2Pix.
//!
//! Data flows one way: a TOML file becomes a [`spec::SweepSpec`], then a [`plan::Plan`] of cells, which the [`engine`]
//! runs phase by phase. Sheets, reports and verdicts are made only from the run folder kept by [`store`]. The library
//! never prints; the command line does.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod bench;
pub mod bundled;
mod cache;
pub mod diffusion;
mod digest;
pub mod drawing;
pub mod engine;
pub mod export;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod guard;
pub mod image;
pub mod judge;
mod lfs;
pub mod listing;
pub mod meter;
pub mod model;
pub mod onnxruntime;
mod parallel;
pub mod pipeline;
pub mod plan;
pub mod runner;
pub mod spec;
mod stamp;
pub mod store;
pub mod trust;
pub mod views;
pub mod vocabulary;
