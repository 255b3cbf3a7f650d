//! Runs a plan on a model and emits events; knows nothing of printing, files or ONNX.

mod denoiser;

pub use denoiser::{Component, Denoiser, DeviceMemory};
