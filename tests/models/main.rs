//! Model folders, ONNX Runtime and what it takes to have it, components and their measures.

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
