//! ONNX Runtime's real CUDA provider, without a GPU: on stand-ins for NVIDIA's libraries (`stand_in/`).
//!
//! Calls, copies, memory, errors and exit codes are the real ones; kernels compute nothing, so pixels mean nothing. It
//! needs g++ and pip on Linux, and fetches 258 MB once; where that is not to be had the tests say so and pass, unless
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
