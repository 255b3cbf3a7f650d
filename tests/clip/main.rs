//! The measures of CLIP against transformers: the same images, captions and weights give the same similarities.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it saw"
)]

mod commands;
#[path = "../common/mod.rs"]
mod common;
mod fixture;
mod measured;
mod refused;
mod similarities;
