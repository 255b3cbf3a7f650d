//! Model folders, ONNX Runtime and its installation, components and their measurements.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on should panic, and says what it saw"
)]

mod bench;
mod clip;
#[path = "../common/mod.rs"]
mod common;
mod components;
mod folder;
mod runtime_cuda;
mod runtime_setup;
mod tokens;
