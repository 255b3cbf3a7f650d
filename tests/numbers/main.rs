//! Numbers compared with independent implementations: mathematics, images, the engine and whole runs.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on should panic, and says what it saw"
)]

mod batches;
mod chain;
mod colours;
#[path = "../common/mod.rs"]
mod common;
mod counted;
mod diffusion;
mod engine;
mod image;
mod kinds;
mod masks;
mod runs;
mod tiles;
