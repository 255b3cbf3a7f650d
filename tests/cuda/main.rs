//! ONNX Runtime's real CUDA provider without a GPU, on stand-ins for NVIDIA's libraries (`stand_in/`).
//!
//! Calls, copies, memory, errors and exit codes are real; kernels compute nothing, so pixels mean nothing. The tests
//! need g++ and pip on Linux, and download 258 MB once. Without these they say so and pass, unless
//! `IP2P_CUDA_TESTS=required`.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on should panic, and one that is skipped says so"
)]

#[path = "../common/mod.rs"]
mod common;
mod identity;
mod memory;
mod place;
mod plugins;
mod runs;
mod stand_in;
